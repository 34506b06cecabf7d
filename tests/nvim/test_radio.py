"""The radio from within the editor; and that the editor waits for nothing, whatever the broker does."""

from __future__ import annotations

import os
import signal

import pytest

from tests.nvim.conftest import Open
from tests.nvim.picking import choose
from tests.nvim.test_command import complete
from tests.nvim.test_playback import make, playback
from tests.support.home import Home
from tests.support.nvim import Editor
from tests.support.player import NO_SOUND

RADIO = "return require('lofi').status().radio"
ECHOES = "require('lofi.notify').echo = vim.notify"
STATUSLINE = "return require('lofi').statusline()"


@pytest.fixture
def radio(quiet: Home, open_editor: Open) -> Editor:
    """An editor whose radio has short pieces, and few of them ready."""
    settings = {"TRACK_SEC": 5, "AHEAD_SEC": 8, "POLITE": "false"}
    quiet.environ.update({f"LOFI_RADIO_{name}": str(value) for name, value in settings.items()})
    return open_editor(quiet)


def changed(editor: Editor, **wanted: object) -> dict[str, object]:
    return editor.wait("LofiRadio", lambda data: wanted.items() <= data.items())


def started(editor: Editor, number: int) -> dict[str, object]:
    """The so-manyth track whose sound began."""
    seen = 0

    def fits(data: dict[str, object]) -> bool:
        nonlocal seen
        seen += data["event"] == "started"
        return seen == number

    return editor.wait("LofiPlayback", fits)


def started_after_skip(editor: Editor) -> dict[str, object]:
    """The first track whose sound began after another one was skipped."""
    skipped = False

    def fits(data: dict[str, object]) -> bool:
        nonlocal skipped
        skipped = skipped or data.get("reason") == "skipped"
        return skipped and data["event"] == "started"

    return editor.wait("LofiPlayback", fits)


def test_it_plays_and_skips_and_takes_another_prompt(radio: Editor) -> None:
    radio.command("Lofi radio status")
    assert radio.notice() == "lofi: the radio is off"
    radio.command("Lofi radio rain seed=3 mode=playlist")
    assert changed(radio, state="starting")["prompt"] == "rain"
    changed(radio, state="playing")
    assert started(radio, 1)["prompt"] == "rain"
    assert radio.lua(RADIO)["mode"] == "playlist"
    assert radio.lua(STATUSLINE).startswith("∞ ▶ 0:0")  # and nothing of the pieces that are made
    assert radio.events("notify")[1:] == []
    radio.command("Lofi next")
    skipped = radio.wait("LofiPlayback", lambda data: data.get("reason") == "skipped")
    following = started_after_skip(radio)
    assert following["prompt"] == "rain" and following["track_id"] != skipped["track_id"]
    changed(radio, state="playing", track_id=following["track_id"])
    radio.command("Lofi radio now brighter")
    changed(radio, next_prompt="now brighter")
    number = 2
    while started(radio, number)["prompt"] != "now brighter":
        radio.command("Lofi next")
        number += 1
    changed(radio, prompt="now brighter")
    radio.command("Lofi radio")
    assert radio.notice().startswith("lofi: the radio is playing · now brighter · playlist, ")
    radio.command("Lofi")
    assert "the radio is playing · now brighter" in radio.notice()
    radio.command("Lofi! radio")
    changed(radio, state="off")
    assert radio.lua(RADIO) is None and radio.lua(STATUSLINE) == ""


def test_another_editor_knows_of_it_and_a_track_of_its_own_ends_it(
    radio: Editor, quiet: Home, open_editor: Open
) -> None:
    radio.lua("vim.api.nvim_feedkeys(vim.keycode('<Plug>(lofi-radio)'), 'mx', false)")
    changed(radio, state="playing")
    other = open_editor(quiet, "other")
    other.call("radio_status")
    assert other.lua(RADIO)["state"] == "playing"
    track_id = make(other, "sun")
    assert other.lua("return require('lofi').status().generating") is None
    for editor in (radio, other):
        editor.lua(ECHOES)
    other.command(f"Lofi play {track_id}")
    changed(radio, state="off")
    assert radio.notice() == "the radio has ended: another track is played"
    playback(radio, "started", track_id)
    assert not any("the radio" in told["words"] for told in other.events("notify"))


def test_with_the_broker_it_ends_and_how_it_begins_is_told(radio: Editor) -> None:
    radio.command("Lofi radio rain")
    changed(radio, state="playing")
    os.kill(radio.broker_pid(), signal.SIGKILL)
    assert "starting it again" in radio.notice()
    assert radio.notice() == "lofi: the radio has ended with its broker; `:Lofi radio` starts it"
    radio.command("Lofi radio status")
    assert radio.notice() == "lofi: the radio is off"


def test_one_that_fails_says_what_to_do(home: Home, open_editor: Open) -> None:
    home.environ |= NO_SOUND | {"LOFI_RADIO_TRACK_SEC": "5"}
    editor = open_editor(home)
    editor.command("Lofi radio rain")
    told = editor.notice()
    assert told.startswith("lofi: the radio has failed: the sound has failed: no sound device")
    assert "\nConnect a sound device" in told
    assert editor.lua(STATUSLINE) == ""
    editor.command("Lofi radio status")
    assert editor.notice() == told


def test_the_editor_waits_for_nothing(radio: Editor) -> None:
    """A broker that doesn't answer for now: Neovim answers all the same."""
    choose(radio, "nothing")
    radio.call("generate", {"prompt": "rain", "duration_sec": 5})
    radio.wait("LofiComplete")
    os.kill(radio.broker_pid(), signal.SIGSTOP)
    try:
        for line in (
            *("radio rain", "radio now brighter", "radio status", "radio stop", "play", "toggle", "next"),
            *("previous", "seek +10", "seek 0:05", "loop list", "crossfade 2", "device", "playlist", "add"),
            *("volume +5", "fav", "tag +calm", "tracks", "prompts", "continue 5", "queue", "stop", "status"),
        ):
            radio.command(f"Lofi {line}")
        for line in ("Lofi device ", "Lofi tag ", "Lofi play ", "Lofi radio model="):
            complete(radio, line)
        radio.lua(STATUSLINE)
    finally:
        os.kill(radio.broker_pid(), signal.SIGCONT)
    radio.wait("notify", lambda data: "is a favourite" in data["words"])
    assert radio.call("stats")["tracks"] > 0


def test_a_skip_past_the_last_piece_says_what_it_waits_for(radio: Editor) -> None:
    radio.lua(ECHOES)
    waits = "{ state = 'playing', track_id = 'a', skipping = true }"
    radio.lua(f"require('lofi').skip = function(done) done(nil, {waits}) end")
    radio.command("Lofi next")
    assert radio.notice().endswith("a, the next piece is being made")
