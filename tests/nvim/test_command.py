"""`:Lofi` as users type it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import Editor

# Answers of pickers and questions: what was offered is told to the test, and the given row is taken.
CHOOSE = """
local channel, index = ...
vim.ui.select = function(items, options, done)
  local rows = vim.tbl_map(options.format_item or tostring, items)
  vim.rpcnotify(channel, "select", { prompt = options.prompt, rows = rows })
  done(items[index], items[index] and index)
end
"""


def choose(editor: Editor, index: int) -> None:
    """From now on the row of this number is taken; 0 takes none."""
    editor.lua(CHOOSE, editor.channel, index)


def started(editor: Editor, prompt: str) -> dict[str, Any]:
    return editor.wait("LofiStart", lambda data: data["prompt"] == prompt)


def complete(editor: Editor, line: str) -> list[str]:
    found: list[str] = editor.lua("return vim.fn.getcompletion(..., 'cmdline')", line)
    return found


def test_bare_words_generate_and_a_number_at_the_end_is_seconds(editor: Editor) -> None:
    editor.command("Lofi rainy night, slow piano 20")
    assert started(editor, "rainy night, slow piano")["duration_sec"] == 20
    editor.command("Lofi generate stop motion 12s seed=7 format=flac")
    told = started(editor, "stop motion")
    assert (told["duration_sec"], told["seed"]) == (12, 7)
    assert editor.wait("LofiComplete", lambda data: data["seed"] == 7)["path"].endswith(".flac")
    editor.command("Lofi beats from 1984")
    assert started(editor, "beats from 1984")["duration_sec"] == 30


def test_what_can_not_be_is_said_in_words(editor: Editor) -> None:
    editor.command("Lofi quue")
    assert editor.notice().startswith("lofi: did you mean `:Lofi queue`?")
    editor.command("Lofi rain 300")
    assert "over the limit of 120 s\nAsk for less, or allow it: `lofi config set" in editor.notice()
    editor.command("Lofi pause the clocks")
    assert '"pause" takes no words; `:Lofi generate pause the clocks` makes a track' in editor.notice()
    editor.command("Lofi volume loud")
    assert "expected a percentage from 0 to 100" in editor.notice()
    editor.command("Lofi rain seed=x")
    assert "seed=x: expected a whole number" in editor.notice()
    editor.command("Lofi cancel 0123456789abcdef")
    assert "\n`:Lofi queue` and `:Lofi tracks` list the tracks." in editor.notice()


def test_the_selection_is_the_prompt(editor: Editor) -> None:
    editor.lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'play: rainy', '  night here', 'more' })")
    editor.lua("vim.keymap.set('x', 'gl', '<Plug>(lofi-generate)', { remap = true })")
    editor.lua("vim.api.nvim_feedkeys('gg6lvj0egl', 'x', false)")
    started(editor, "rainy night")
    editor.command("2,3Lofi generate 8")
    assert started(editor, "night here more")["duration_sec"] == 8
    editor.command("2Lofi with a flute 9")
    assert started(editor, "night here with a flute")["duration_sec"] == 9


def test_bang_repeats_with_a_new_seed(home: Home, editor: Editor, open_editor: Open) -> None:
    editor.command("Lofi! generate")
    assert editor.notice() == "lofi: there is no prompt to repeat. Give one."  # in one line, as it fits
    editor.command("Lofi slow rain 11 seed=5")
    editor.wait("LofiComplete")
    editor.command("Lofi!")
    again = editor.wait("LofiComplete", lambda data: data["seed"] != 5)
    assert (again["prompt"], again["duration_sec"]) == ("slow rain", 11)
    editor.command("Lofi! generate 6")
    assert editor.wait("LofiStart", lambda data: data["duration_sec"] == 6)["prompt"] == "slow rain"
    other = open_editor(home, "other")  # knows only the library
    other.command("Lofi! generate 7")
    assert other.wait("LofiStart", lambda data: data["duration_sec"] == 7)["prompt"] == "slow rain"


def test_a_prompt_can_be_asked_for(editor: Editor) -> None:
    editor.lua("vim.ui.input = function(_, done) done('quiet snow 9') end")
    editor.command("Lofi generate")
    assert started(editor, "quiet snow")["duration_sec"] == 9
    editor.lua("vim.ui.input = function(_, done) done('late snow seed=4') end")
    editor.command("Lofi 11 seed=3")
    told = started(editor, "late snow")
    assert (told["duration_sec"], told["seed"]) == (11, 4)
    editor.lua("vim.ui.input = function(_, done) done('deep snow') end")
    editor.lua("vim.api.nvim_feedkeys(vim.keycode('<Plug>(lofi-generate)'), 'mx', false)")
    started(editor, "deep snow")


def test_completion_knows_subcommands_ids_and_models_without_waiting(editor: Editor) -> None:
    assert complete(editor, "Lofi pl") == ["play", "playlist"]
    assert "generate" in complete(editor, "Lofi ") and complete(editor, "Lofi! gen") == ["generate"]
    assert complete(editor, "Lofi rain s") == ["seed="]
    assert complete(editor, "Lofi rain format=f") == ["format=flac"]
    assert complete(editor, "Lofi pause x") == []
    one = editor.call("generate", {"prompt": "rain", "duration_sec": 5})["track_id"]
    editor.wait("LofiComplete")
    assert complete(editor, "Lofi play ") == []  # asked for just now
    fetched = "local k = require('lofi.known') return { #k.names('tracks'), #k.names('models') }"
    complete(editor, "Lofi models ")
    editor.call("models")
    editor.call("tracks", {})
    assert all(editor.lua(fetched))
    assert complete(editor, f"Lofi play {one[:3]}") == [one]
    assert complete(editor, f"Lofi play {one} ") == []
    assert "lofi-tiny" in complete(editor, "Lofi models lo")
    assert complete(editor, "Lofi generate model=lofi-t") == ["model=lofi-tiny"]
    slow = editor.call("generate", {"prompt": "slow 60", "duration_sec": 5})["track_id"]
    editor.wait("LofiStart", lambda data: data["track_id"] == slow)
    assert complete(editor, "'<,'>Lofi cancel ") == [slow]


def test_queue_cancel_and_clear(editor: Editor) -> None:
    choose(editor, 1)
    editor.command("Lofi queue")
    assert editor.notice() == "lofi: nothing is being made, and nothing waits"
    editor.command("Lofi slow 60")
    first = editor.wait("LofiStart")
    editor.command("Lofi second one 5")
    editor.wait("LofiQueue", lambda data: data["queue_length"] == 1)
    editor.command("Lofi third one 5")
    assert editor.notice() == "lofi: 1 before it"
    editor.command("Lofi queue")
    rows = editor.wait("select", lambda data: data["prompt"] == "lofi queue")["rows"]
    assert [row.split(maxsplit=1)[1] for row in rows] == ["slow", "second one", "third one"]
    assert editor.wait("select", lambda data: data["rows"][0] == "Cancel it")["prompt"] == "slow"
    cancelled = editor.wait("LofiError")
    assert (cancelled["track_id"], cancelled["code"]) == (first["track_id"], "GENERATION_CANCELLED")


def test_an_id_may_be_given_by_its_beginning(editor: Editor) -> None:
    made = editor.call("generate", {"prompt": "rain", "duration_sec": 5})["track_id"]
    editor.wait("LofiComplete")
    editor.lua(
        "require('lofi').play = function(ids) vim.rpcnotify(..., 'play', { ids = ids }) end".replace(
            "...", str(editor.channel)
        )
    )
    editor.command(f"Lofi play {made[:4].upper()} {made}")
    assert editor.wait("play") == {"ids": [made, made]}
    editor.command(f"Lofi play {made[:3]}")
    assert "is too short for the beginning of an id\nGive at least 4" in editor.notice()
    editor.command("Lofi play zzzz")
    assert editor.notice() == "lofi: no track of `:Lofi tracks` has an id that begins with zzzz"
    editor.command("Lofi slow 60")
    slow = editor.wait("LofiStart", lambda data: data["prompt"] == "slow")["track_id"]
    editor.command(f"Lofi cancel {made[:5]}")
    assert f"no track of `:Lofi queue` has an id that begins with {made[:5]}" in editor.notice()
    editor.command(f"Lofi cancel {slow[:4]}")
    assert editor.wait("LofiError")["track_id"] == slow


def test_a_beginning_of_several_ids_names_them(editor: Editor) -> None:
    editor.lua(
        "require('lofi').tracks = function(_, cb)"
        " cb(nil, { tracks = { { track_id = '37d0aa' }, { track_id = '37d0bb' } } }) end"
    )
    editor.command("Lofi play 37d0")
    assert editor.notice() == (
        "lofi: 2 ids of `:Lofi tracks` begin with 37d0: 37d0aa, 37d0bb"
        "\nGive more characters of the one that you mean."
    )


def test_status_and_log(editor: Editor) -> None:
    editor.command("Lofi")
    told = editor.notice()
    assert f"pid {editor.broker_pid()}" in told and "making nothing" in told
    editor.lua(
        "local c = ... vim.api.nvim_create_autocmd('FileType', { pattern = 'lofilog',"
        " callback = function() vim.rpcnotify(c, 'opened', {}) end })",
        editor.channel,
    )
    editor.command("Lofi log")
    editor.wait("opened")
    text = editor.lua(
        "local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)"
        " return { vim.api.nvim_buf_get_name(0), vim.bo.modifiable, lines }"
    )
    assert text[0].endswith("lofi://log") and text[1] is False
    assert any("event=broker_listening" in line for line in text[2])


def test_the_licence_and_size_of_a_model_are_agreed_to_first(editor: Editor) -> None:
    offer = {
        "model": "musicgen-small",
        "source": "musicgen-small",
        "license": "CC-BY-NC-4.0",
        "destination": "/d",
        "bytes_total": 2_400_000_000,
    }
    editor.lua(
        """
        local details, channel = ...
        local lofi = require("lofi")
        _G.asked = 0
        lofi.generate = function(_, cb)
          _G.asked = _G.asked + 1
          cb({ name = "DOWNLOAD_CONSENT_REQUIRED", message = "", recovery = "", details = details })
        end
        lofi.download_model = function(params, cb)
          vim.rpcnotify(channel, "download", params)
          cb(nil, { model = params.model, state = "installing" })
        end
        """,
        json.dumps(offer),
        editor.channel,
    )
    choose(editor, 2)
    editor.command("Lofi rain model=musicgen-small")
    asked = editor.wait("select")
    assert asked["prompt"] == "Download musicgen-small, 2.4 GB, licence CC-BY-NC-4.0?"
    assert editor.lua("return 1") and editor.events("download") == []
    choose(editor, 1)
    editor.command("Lofi rain model=musicgen-small")
    assert editor.wait("download") == {"model": "musicgen-small", "consent": True}
    model = "require('lofi.events').emit('model', { model = 'musicgen-small', state = ... }) return _G.asked"
    choose(editor, 0)
    assert editor.lua(model, "installing") == 2
    assert editor.lua(model, "installed") == 3  # it is there: the track is asked for once more
    assert editor.lua(model, "installed") == 3


def test_models(starter: Home, open_editor: Open) -> None:
    editor = open_editor(starter)
    choose(editor, 1)
    editor.command("Lofi models")
    rows = editor.wait("select")["rows"]
    assert rows[0].startswith("lofi-tiny · in use · ") and rows[0].endswith("MIT")
    assert editor.notice() == "lofi: tracks are made with lofi-tiny from now on"
    editor.command("Lofi models lofi-tiny")
    assert editor.notice() == "lofi: tracks are made with lofi-tiny from now on"


def test_keys_only_where_the_user_maps_them(editor: Editor) -> None:
    maps = editor.lua("return vim.tbl_map(function(m) return m.lhs end, vim.api.nvim_get_keymap('n'))")
    own = [name for name in maps if "lofi" in name]
    assert own and all(name.startswith("<Plug>(lofi-") for name in own)


@pytest.mark.parametrize("failing", ["function", "autocommand"])
def test_a_listener_that_fails_stops_nobody(failing: str, editor: Editor) -> None:
    if failing == "function":
        editor.lua("require('lofi').on('start', function() error('mine') end)")
    else:
        editor.lua(
            "vim.api.nvim_create_autocmd('User',"
            " { pattern = 'LofiStart', callback = function() error('mine') end })"
        )
    off = editor.lua(
        "_G.off = require('lofi').on('complete', function() _G.n = (_G.n or 0) + 1 end) return true"
    )
    editor.call("generate", {"prompt": "a", "duration_sec": 5})
    editor.wait("LofiComplete")
    assert off and editor.lua("_G.off() return _G.n") == 1
    told = editor.notice() if failing == "function" else editor.command("messages")
    assert "mine" in told
    editor.call("generate", {"prompt": "b", "duration_sec": 5})
    editor.wait("LofiComplete", lambda data: data["prompt"] == "b")
    assert editor.lua("return _G.n") == 1


def test_the_log_can_be_opened_again_after_its_buffer_was_deleted(editor: Editor) -> None:
    editor.call("stats")
    opened = "return vim.api.nvim_buf_get_name(0) == 'lofi://log' and vim.bo.buftype .. vim.bo.bufhidden"
    editor.lua(
        "vim.api.nvim_create_autocmd('FileType', { pattern = 'lofilog', callback = function()"
        " vim.rpcnotify(..., 'opened', {}) end })".replace("...", str(editor.channel))
    )
    for _ in range(2):
        editor.seen.clear()
        editor.command("Lofi log")
        editor.wait("opened")
        assert editor.lua(opened) == "nofilehide"
        editor.command("bdelete")


ASKED = """
local asked, err = 0, nil
require("lofi").tracks = function(_, cb)
  asked = asked + 1
  cb(err, not err and { tracks = { { track_id = "aa11" } } } or nil)
end
local known = require("lofi.known")
local found = { known.names("tracks"), known.names("tracks") }
local now, after = vim.uv.now, asked
vim.uv.now = function() return now() + 10000 end
err = { message = "gone" }
return { found[2], after, known.names("tracks"), asked }
"""


def test_each_key_does_not_ask_again_and_an_error_takes_no_names(editor: Editor) -> None:
    assert editor.lua(ASKED) == [["aa11"], 1, ["aa11"], 2]


def test_favourites_and_tags(editor: Editor) -> None:
    editor.command("Lofi fav")
    assert editor.notice() == "lofi: there are no tracks yet. `:Lofi PROMPT` makes one."
    rain = editor.call("generate", {"prompt": "rain", "duration_sec": 5})["track_id"]
    editor.wait("LofiComplete", lambda data: data["track_id"] == rain)
    editor.call("generate", {"prompt": "sun", "duration_sec": 5})
    editor.wait("LofiComplete", lambda data: data["track_id"] != rain)
    editor.command("Lofi fav")  # nothing plays: the newest
    assert editor.notice() == "lofi: sun is a favourite"
    editor.command(f"Lofi fav {rain[:6]}")
    assert editor.notice() == "lofi: rain is a favourite"
    editor.command("Lofi! fav")
    assert editor.notice() == "lofi: sun is no favourite any more"
    assert [track["track_id"] for track in editor.call("tracks", {"favourites": True})["tracks"]] == [rain]
    editor.command(f"Lofi tag {rain} +late night +calm")
    assert editor.notice() == "lofi: rain, tags: late night, calm"
    editor.command(f"Lofi tag {rain} -calm")
    assert editor.notice() == "lofi: rain, tags: late night"
    editor.command("Lofi tag")
    assert editor.notice() == "lofi: sun, no tags"
    editor.command("Lofi tag cafe")
    assert "no track of `:Lofi tracks` has an id that begins with cafe" in editor.notice()
