"""Places in a track, lists, repeats, devices and tracks that are heard while they are made."""

from __future__ import annotations

import time

from tests.nvim.conftest import Open
from tests.nvim.picking import choose
from tests.nvim.test_playback import PLAYING, make, playback
from tests.support.home import Home
from tests.support.nvim import Editor


def listed(editor: Editor) -> list[str]:
    return [item["prompt"] for item in editor.call("playlist", {})["items"]]


def until(editor: Editor, what: str) -> bool:
    """Wait for what is known of that which plays, without asking."""
    known = "local playing = require('lofi').status().playing return playing and playing."
    return bool(editor.lua(f"return vim.wait(10000, function() {known}{what} end, 5)"))


def settled(editor: Editor, prompts: list[str]) -> None:
    """Orders that were given without a callback: asked until their end is seen."""
    deadline = time.monotonic() + 15
    while (found := listed(editor)) != prompts:
        assert time.monotonic() < deadline, found


def test_places_repeats_and_crossfades(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet)
    one, two = make(editor, "rain"), make(editor, "snow")
    editor.command("Lofi loop off track")
    told = "lofi: loop: expected off, track or list, got off track"
    assert editor.notice().startswith(f"{told}\n`:Lofi generate loop off track` makes")
    editor.command("Lofi loop track")
    assert editor.notice() == "lofi: the track is repeated"
    editor.command("Lofi crossfade 0")
    assert editor.notice() == "lofi: tracks follow without a fade"
    editor.command("Lofi crossfade 1.5")
    assert editor.notice() == "lofi: tracks fade into each other for 1.5 s"
    editor.command("Lofi crossfade 13")
    assert editor.notice() == "lofi: crossfade: expected seconds from 0 to 12, got 13"
    status = editor.call("play", [one, two])
    assert (status["loop"], status["crossfade_sec"]) == ("track", 1.5)
    editor.command("Lofi pause")
    playback(editor, "paused", one)
    editor.command("Lofi seek 0:20")
    assert until(editor, "position_sec == 20")
    keys = "<Plug>(lofi-back)<Plug>(lofi-back)<Plug>(lofi-forward)" * 3
    editor.lua("vim.api.nvim_feedkeys(vim.keycode(...), 'mx', false) vim.cmd('Lofi seek +15')", keys)
    assert until(editor, "position_sec == 5")  # 20 - 3 * 10 + 15: no step is lost
    editor.command("Lofi seek soon")
    assert editor.notice().startswith("lofi: seek: expected a place such as 1:20")
    editor.command("Lofi toggle")
    playback(editor, "resumed", one)
    editor.command("Lofi next")
    playback(editor, "started", two)
    editor.command("Lofi previous")
    playback(editor, "ended", two)
    editor.command("Lofi stop")
    editor.wait("LofiPlayback", lambda data: data.get("reason") == "stopped")
    editor.command("Lofi seek +10")  # nothing plays: nothing happens
    assert editor.call("playback")["state"] == "stopped"
    assert editor.lua(PLAYING) is None


def test_the_list_is_shown_and_changed(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet)
    editor.command("Lofi playlist")
    assert editor.notice() == "lofi: the list is empty; `:Lofi add ID` and `:Lofi play ID` fill it"
    editor.command("Lofi add")
    assert editor.notice() == "lofi: there are no tracks yet. `:Lofi PROMPT` makes one."
    ids = [make(editor, prompt) for prompt in ("rain", "snow", "wind")]
    editor.call("play", ids[:1])
    editor.call("pause")
    editor.command(f"Lofi add {ids[1]}")
    assert editor.notice() == "lofi: 1 track is added, 2 in the list"
    editor.command("Lofi add")  # the newest
    assert editor.notice() == "lofi: 1 track is added, 3 in the list"
    assert listed(editor) == ["rain", "snow", "wind"]
    choose(editor, "wind", "next", "snow", "out of", "nothing")
    editor.command("Lofi playlist")
    offered = editor.wait("select", lambda data: data["prompt"] == "lofi playlist")["offered"]
    assert offered == ["▶  0:30  rain", "   0:30  snow", "   0:30  wind"]
    editor.wait("select", lambda data: data["offered"] == ["Play it next", "Take it out of the list"])
    settled(editor, ["rain", "wind", "snow"])
    editor.command("Lofi playlist")
    settled(editor, ["rain", "wind"])
    editor.command("Lofi playlist clear")
    settled(editor, ["rain"])
    editor.call("stop")


def test_a_track_is_heard_while_it_is_made(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet, options={"progress": {"enabled": False}})
    editor.command("Lofi slow 20 of rain 10")
    slow = editor.wait("LofiStart")["track_id"]
    editor.command(f"Lofi play {slow[:6]}")
    playback(editor, "started", slow)
    assert editor.lua(PLAYING)["prompt"] == "slow 20 of rain"
    assert until(editor, "waiting")  # again, as before its first sound
    assert editor.lua("return require('lofi').statusline()").startswith("♪ ")
    assert "◌ 0:0" in editor.lua("return require('lofi').statusline()")
    editor.command(f"Lofi cancel {slow[:6]}")
    assert playback(editor, "ended", slow)["reason"] == "failed"


def test_the_device_is_one_of_those_that_there_are(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet)
    choose(editor, "whichever")
    editor.command("Lofi device")
    asked = editor.wait("select")
    assert asked["prompt"].startswith("lofi device (")
    assert asked["offered"] == ["● the default device, whichever it is", "  null (the default one now)"]
    assert editor.notice() == "lofi: plays through the default device"
    editor.command("Lofi device no such one")
    assert 'there is no sound device "no such one"; there are: "null"' in editor.notice()
