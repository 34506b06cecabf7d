"""Playing from within the editor; the sound goes to a device that swallows it in real time."""

from __future__ import annotations

from tests.nvim.conftest import Open
from tests.support.home import Home
from tests.support.nvim import Editor


def make(editor: Editor, prompt: str) -> str:
    track_id: str = editor.call("generate", {"prompt": prompt, "duration_sec": 30})["track_id"]
    editor.wait("LofiComplete", lambda data: data["track_id"] == track_id)
    return track_id


def playback(editor: Editor, event: str, track_id: str | None = None) -> dict[str, object]:
    return editor.wait(
        "LofiPlayback",
        lambda data: data["event"] == event and track_id in (None, data.get("track_id")),
    )


PLAYING = "return require('lofi').status().playing"


def test_play_pause_next_stop_and_volume(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet)
    one, two = make(editor, "rain"), make(editor, "snow")
    editor.command(f"Lofi play {one} {two}")
    started = playback(editor, "started", one)
    assert (started["prompt"], started["index"], started["count"]) == ("rain", 0, 2)
    assert editor.lua(PLAYING)["prompt"] == "rain"
    playback(editor, "position", one)
    editor.command("Lofi pause")
    playback(editor, "paused", one)
    assert editor.lua(PLAYING)["paused"] is True
    editor.lua("vim.api.nvim_feedkeys(vim.keycode('<Plug>(lofi-play-pause)'), 'mx', false)")
    playback(editor, "resumed", one)
    editor.command("Lofi next")
    assert playback(editor, "ended", one)["reason"] == "skipped"
    playback(editor, "started", two)
    editor.command("Lofi volume 40")
    assert editor.notice() == "lofi: volume 40 %"
    editor.command("Lofi volume +5")
    assert editor.notice() == "lofi: volume 45 %"
    editor.command("Lofi volume")
    assert editor.notice() == "lofi: volume 45 %"
    assert editor.lua("return require('lofi').status().volume") == 0.45
    other = open_editor(quiet, "other")
    other.call("stats")
    assert other.call("playback")["track_id"] == two
    assert other.lua(PLAYING)["track_id"] == two
    other.command("Lofi stop")
    assert playback(editor, "ended", two)["reason"] == "stopped"
    assert editor.lua(PLAYING) is None


def test_no_step_of_the_volume_is_lost(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet)
    editor.call("volume", 0.3)
    louder = "vim.api.nvim_feedkeys(vim.keycode('<Plug>(lofi-volume-up)'), 'mx', false)"
    editor.lua(f"for _ = 1, 5 do {louder} end")
    assert editor.notice() == "lofi: volume 55 %"
    editor.command("Lofi volume -90")
    assert editor.notice() == "lofi: volume 0 %"
    assert editor.call("playback")["volume"] == 0


def test_a_track_plays_as_soon_as_it_is_there_where_that_is_wanted(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet, options={"play_on_complete": True})
    track_id = make(editor, "rain")
    playback(editor, "started", track_id)
    editor.call("stop")
    playback(editor, "ended", track_id)
    editor.seen.clear()
    editor.command("Lofi generate rain seed=1")
    first = editor.wait("LofiComplete")["track_id"]
    playback(editor, "started", first)
    editor.call("stop")
    editor.seen.clear()
    editor.command("Lofi generate rain seed=1")  # made before: played all the same
    playback(editor, "started", first)


def test_a_track_is_heard_at_once_where_that_is_wanted(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet, options={"play_at_once": True, "play_on_complete": True})
    editor.command("Lofi slow 2 5 seed=1")
    track_id = playback(editor, "started")["track_id"]
    assert not editor.events("LofiComplete")
    editor.wait("LofiComplete")
    editor.call("stop")
    assert [data["event"] for data in editor.events("LofiPlayback")].count("started") == 1
    editor.seen.clear()
    editor.command("Lofi slow 2 5 seed=1")  # made before
    playback(editor, "started", track_id)


ECHO = """
local channel = ...
local echo = vim.api.nvim_echo
vim.api.nvim_echo = function(chunks, history, options)
  vim.rpcnotify(channel, "echo", { words = chunks[1][1], history = history })
  return echo(chunks, history, options)
end
"""


def test_what_plays_is_told_in_a_line_that_is_not_kept(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet, options={"progress": {"enabled": False}})
    editor.lua(ECHO, editor.channel)
    track_id = make(editor, "smoky sax")
    editor.call("play", [track_id])
    playback(editor, "started", track_id)
    for command, words in (
        ("pause", "‖ smoky sax"),
        ("play", "▶ smoky sax"),
        ("stop", "nothing plays"),
        ("pause", "nothing plays"),
    ):
        editor.seen = [told for told in editor.seen if told[0] != "echo"]
        editor.command(f"Lofi {command}")
        assert editor.wait("echo") == {"words": f"lofi: {words}", "history": False}


def test_nothing_to_play(quiet: Home, open_editor: Open) -> None:
    editor = open_editor(quiet)
    editor.command("Lofi play")
    assert "library" in editor.notice()
    editor.command("Lofi play 0123456789abcdef")
    assert "0123456789abcdef" in editor.notice()
