"""Lists of tracks and prompts, in `vim.ui.select`, with a real library behind them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.nvim.conftest import Open
from tests.nvim.picking import DELETE, DOUBLES, PLAY, choose, library, make
from tests.support.home import Home
from tests.support.nvim import Editor


def test_tracks_are_offered_newest_first_and_one_is_played(editor: Editor) -> None:
    rain, sun = make(editor, "rain", "sun")
    editor.lua(PLAY)
    choose(editor, "rain", "Play")
    editor.command("lua require('lofi.picker').tracks()")
    assert editor.wait("play") == {"ids": [rain]}
    first, second = editor.events("select")
    for row, track_id, prompt in zip(first["offered"], [sun, rain], ["sun", "rain"], strict=True):
        assert re.fullmatch(rf"   5 s  {track_id[:4]}  {prompt}  \(seed \d+\)", row), row
    assert second["offered"] == [
        "Play",
        "Add to what plays",
        "Generate again with a new seed",
        "Let it go on",
        "A favourite, or no longer",
        "Tags",
        "Copy the id",
        "Delete",
    ]


def test_only_tracks_with_the_words_are_offered(editor: Editor) -> None:
    rain, _ = make(editor, "rain", "sun")
    choose(editor, "nothing")
    editor.command("lua require('lofi.picker').tracks({ query = 'rain' })")
    (row,) = editor.wait("select")["offered"]
    assert row.startswith(f"   5 s  {rain[:4]}  rain  (seed ")


def test_an_id_is_copied(editor: Editor) -> None:
    (rain,) = make(editor, "rain")
    choose(editor, "rain", "Copy")
    editor.command("lua require('lofi.picker').tracks()")
    assert editor.wait("notify")["words"] == f"lofi: {rain} is copied"
    assert editor.lua("return vim.fn.getreg('\"')") == rain


def test_a_track_is_deleted_after_a_question_only(editor: Editor) -> None:
    rain, sun = make(editor, "rain", "sun")
    editor.lua(DELETE)
    choose(editor, "rain", "Delete", "Keep it", "rain", "Delete", "Delete it")
    editor.command("lua require('lofi.picker').tracks()")
    asked = editor.wait("select", lambda data: data["prompt"].startswith("Delete"))
    seed = editor.call("track", rain)["seed"]
    assert asked == {"prompt": f"Delete {rain[:4]} (rain, seed {seed})?", "offered": ["Keep it", "Delete it"]}
    assert library(editor) == [sun, rain]
    editor.command("lua require('lofi.picker').tracks()")
    editor.wait("notify", lambda data: "deleted" in data["words"])
    assert library(editor) == [sun]
    assert editor.events("delete") == [{"id": rain}]


def test_favourites_and_tags_are_shown_and_found(editor: Editor) -> None:
    rain, _ = make(editor, "rain", "sun")
    editor.lua("vim.ui.input = function(_, done) done('+calm -loud late night') end")
    choose(editor, "rain", "favourite", "rain", "Tags", "nothing")
    editor.command("Lofi tracks")
    assert editor.notice() == "lofi: rain is a favourite"
    editor.command("Lofi tracks rain")
    assert editor.notice() == "lofi: rain, tags: calm"
    editor.command("Lofi tracks fav=yes")
    (row,) = editor.wait("select", lambda data: "[calm]" in data["offered"][0])["offered"]
    assert row.startswith(f"   5 s  {rain[:4]}  ★ rain  [calm]  (seed ")
    editor.call("favourite", rain, False)
    editor.command("Lofi tracks fav=yes")
    assert editor.notice() == "lofi: there are no favourites yet; `:Lofi fav` marks what plays"


def test_a_track_is_made_again_with_another_seed_and_all_else_the_same(editor: Editor) -> None:
    editor.call("generate", {"prompt": "rain", "duration_sec": 7, "format": "flac", "temperature": 0.5})
    first = editor.wait("LofiComplete")
    choose(editor, "rain", "Generate again")
    editor.command("lua require('lofi.picker').tracks()")
    second = editor.wait("LofiComplete", lambda data: data["track_id"] != first["track_id"])
    assert second["seed"] != first["seed"]
    tracks = editor.call("tracks", {})["tracks"]
    same = ("prompt", "duration_sec", "format", "temperature", "top_k", "guidance_scale", "model_version")
    assert [tracks[0][key] for key in same] == [tracks[1][key] for key in same]


def test_prompts_are_counted_and_generated_again(editor: Editor) -> None:
    make(editor, "sun", "rain", "jazz", "rain")
    choose(editor, "rain")
    editor.command("lua require('lofi.picker').prompts()")
    assert editor.wait("select")["offered"] == ["   2 ×  rain", "   1 ×  jazz", "   1 ×  sun"]
    made = {data["track_id"] for data in editor.events("LofiComplete")}
    assert editor.wait("LofiComplete", lambda data: data["track_id"] not in made)["prompt"] == "rain"


def test_a_prompt_whose_tracks_are_gone_is_kept(editor: Editor) -> None:
    sun, _ = make(editor, "sun", "rain")
    editor.call("delete", sun)
    choose(editor, "sun")
    editor.command("Lofi prompts")
    assert editor.wait("select")["offered"] == ["   1 ×  rain", "   0 ×  sun"]
    assert editor.wait("LofiStart", lambda data: data["track_id"] != sun and data["prompt"] == "sun")
    editor.call("forget_prompts")
    assert editor.call("prompts", {})["total"] == 0


def test_an_empty_library_says_how_to_fill_it(editor: Editor) -> None:
    editor.command("lua require('lofi.picker').tracks()")
    assert editor.wait("notify")["words"] == "lofi: there are no tracks yet; `:Lofi PROMPT` makes one"


def test_words_that_no_prompt_holds_are_named(editor: Editor) -> None:
    editor.command("Lofi tracks no such")
    assert editor.wait("notify")["words"] == 'lofi: no track holds "no such"'


MANY = """
require("lofi").tracks = function(_, cb)
  local tracks = {}
  for number = 1, 2000 do
    tracks[number] = { track_id = tostring(number), prompt = "p", duration_sec = 5, seed = 0 }
  end
  cb(nil, { tracks = tracks, total = 2000 })
end
local printed
vim.fn.inputlist = function(lines) printed = #lines return 0 end
require("lofi.picker").tracks()
return printed
"""


def test_neovim_s_own_selection_prints_what_can_be_read(editor: Editor) -> None:
    assert editor.lua(MANY) == 51  # the question is a line too
    assert editor.notice() == "lofi: the first 50 of 2000; `:Lofi tracks WORDS` finds others"


def test_what_goes_wrong_is_told(home: Home, open_editor: Open) -> None:
    editor = open_editor(home, options={"broker": {"cmd": "/nowhere/lofi-broker"}})
    editor.command("lua require('lofi.picker').tracks()")
    assert '"/nowhere/lofi-broker" is not a program' in editor.wait("notify")["words"]


def test_the_picker_is_the_one_that_is_installed_or_wanted(home: Home, open_editor: Open) -> None:
    editor = open_editor(home)
    backend = "return require('lofi.picker').backend()"
    assert editor.lua(backend) == "select"
    editor.lua("vim.opt.rtp:append(...)", str(DOUBLES / "telescope"))
    assert editor.lua(backend) == "telescope"
    editor.lua("vim.opt.rtp:append(...) require('snacks_double')", str(DOUBLES / "snacks"))
    assert editor.lua(backend) == "snacks"
    editor.lua("require('lofi').setup({ picker = 'telescope' })")
    assert editor.lua(backend) == "telescope"
    other = open_editor(home, "two", options={"picker": "snacks"})
    assert other.lua(backend) == "select"
    told = 'lofi: picker = "snacks": that plugin isn\'t installed; vim.ui.select is used'
    assert other.wait("notify")["words"] == told


def test_a_file_that_is_damaged_is_found(editor: Editor) -> None:
    (rain,) = make(editor, "rain")
    assert editor.call("verify_tracks", {"track_ids": [rain]})["problems"] == []
    with Path(editor.call("track", rain)["path"]).open("r+b") as file:
        file.write(b"RIFX")
    (problem,) = editor.call("verify_tracks", {"track_ids": [rain]})["problems"]
    assert problem["file"].startswith(rain) and problem["message"]


def test_a_file_is_imported(editor: Editor, short_tmp: Path) -> None:
    (rain,) = make(editor, "rain")
    copy = short_tmp / "a copy of rain.wav"
    copy.write_bytes(Path(editor.call("track", rain)["path"]).read_bytes())
    editor.command(f"Lofi import {copy}")
    assert editor.notice().endswith(" is in the library already")
    with copy.open("r+b") as file:
        file.seek(-2, 2)
        file.write(b"\x01\x02")
    editor.command(f"Lofi import {copy}")
    assert editor.notice() == "lofi: a copy of rain is in the library"
    editor.command("Lofi import /nowhere.wav")
    assert "/nowhere.wav" in editor.notice()
