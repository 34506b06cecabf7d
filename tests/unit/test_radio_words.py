"""What a waiting `lofi radio` says, without a broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lofi_cli import watch_radio
from lofi_cli.watch_radio import RadioWatcher
from lofi_common.api_playback import PlaybackPosition, PlaybackStarted
from lofi_common.api_radio import RadioChanged, RadioStatus


def status(state: str = "starting", **others: object) -> RadioStatus:
    known = {"state": state, "mode": "playlist", "strategy": "same_prompt", "prompt": "rain", "ahead_sec": 0}
    return RadioStatus(**{**known, "number": 2, **others})  # type: ignore[arg-type]


def changed(state: str, **others: object) -> RadioChanged:
    fields = {name: getattr(status(state, **others), name) for name in RadioStatus.__struct_fields__}
    return RadioChanged(**fields)


def started(prompt: str, track_id: str = "t1") -> PlaybackStarted:
    return PlaybackStarted(track_id=track_id, index=0, count=1, duration_sec=20.0, prompt=prompt)


def nobody() -> RadioStatus:
    raise AssertionError("nobody asks")


@pytest.fixture
def watcher() -> RadioWatcher:
    watcher = RadioWatcher(as_json=False)
    watcher.begun(status())
    return watcher


def test_another_radio_ends_the_one_that_is_waited_for(
    watcher: RadioWatcher, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not watcher.told(changed("playing", number=1), nobody)  # of the one before, told late
    assert not watcher.told(changed("off", number=1), nobody)
    assert watcher.told(changed("starting", number=3, prompt="sun"), nobody)
    assert capsys.readouterr().err == "lofi: replaced by another radio: sun\n"
    assert watcher.exit_code == 0


def test_it_says_why_it_has_ended(watcher: RadioWatcher, capsys: pytest.CaptureFixture[str]) -> None:
    assert watcher.told(changed("off", message="another track is played"), nobody)
    assert capsys.readouterr().err == "lofi: the radio has ended: another track is played\n"


def test_a_cause_is_told_once_and_with_what_to_do(
    watcher: RadioWatcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watcher.told(changed("starting", message="no sound"), nobody)
    assert watcher.told(changed("failed", message="no sound", recovery="Connect one."), nobody)
    assert capsys.readouterr().err.splitlines() == [
        "lofi: no sound",
        "lofi: the radio has failed",
        "      Connect one.",
    ]
    assert watcher.exit_code == 1


def test_without_a_terminal_each_piece_is_a_line(
    watcher: RadioWatcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watcher.told(changed("playing"), nobody)
    for prompt in ("rain", "rain"):
        watcher.told(started(prompt), nobody)
    assert capsys.readouterr().err == "♪ rain  t1\n" * 2


def test_a_stream_is_a_line_for_each_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = RadioWatcher(as_json=False)
    watcher.begun(status(mode="stream"))
    for prompt in ("rain", "rain", "sun"):
        watcher.told(started(prompt), nobody)
    assert capsys.readouterr().err == "♪ rain\n♪ sun\n"


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, mode: str) -> Callable[..., None]:
    monkeypatch.setattr(watch_radio, "bar_wanted", lambda as_json: True)
    watcher = RadioWatcher(as_json=False)
    watcher.begun(status(mode=mode))

    def at(position: float, **others: object) -> None:
        where = PlaybackPosition(track_id="t", position_sec=position, duration_sec=20.0)
        watcher.told(where, lambda: status("playing", mode=mode, **others))

    watcher.told(started("rain"), nobody)
    at(19.0)
    watcher.told(started("rain"), nobody)
    return at


def test_the_time_of_a_stream_goes_on_over_its_pieces(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch, "stream")(2.0)
    assert capsys.readouterr().err.split("♪")[-1].startswith(" 0:22  ")
    on_a_terminal(monkeypatch, "playlist")(2.0)
    assert capsys.readouterr().err.split("♪")[-1].startswith(" 0:02 / 0:20  ")


@pytest.mark.parametrize(
    ("reason", "brief"),
    [
        ("the machine is busy: a load of 6.0 on 4 cores", "(busy)"),
        ("on battery, at 40 %", "(on battery)"),
    ],
)
def test_why_it_stands_back_takes_no_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reason: str, brief: str
) -> None:
    on_a_terminal(monkeypatch, "playlist")(2.0, polite=reason)
    assert capsys.readouterr().err.endswith(f"rain  {brief}")


def test_while_the_sound_is_tried_again_it_does_not_tell_of_first_music(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch_radio, "bar_wanted", lambda as_json: True)
    watcher = RadioWatcher(as_json=False)
    watcher.begun(status())
    assert "making the first music: rain" in capsys.readouterr().err
    watcher.told(changed("starting", message="the sound has failed: SIGKILL"), nobody)
    err = capsys.readouterr().err
    assert "lofi: the sound has failed: SIGKILL\n" in err and err.endswith("♪ trying again: rain")
