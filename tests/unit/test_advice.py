"""What commands advise where something was wrong: what helps somebody who types, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import lofi_client
from lofi_cli import exits
from lofi_cli.main import lofi
from lofi_cli.player import PLACE
from lofi_common.api import parse_params
from lofi_common.api_playback import PlaybackStatus
from lofi_common.errors import InvalidDuration, InvalidParams


class OneTrack:
    """A broker whose list has one track."""

    def __enter__(self) -> OneTrack:
        return self

    def __exit__(self, *error: object) -> None: ...

    def playback(self) -> PlaybackStatus:
        return PlaybackStatus(
            state="stopped",
            volume=0.3,
            position_sec=0,
            duration_sec=0,
            index=0,
            count=1,
            crossfade_sec=2,
            loop="track",
        )

    def remove_from_playlist(self, index: int) -> PlaybackStatus:
        raise InvalidParams("index: the list has 1 tracks, counted from 0")


@pytest.fixture
def one_track(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lofi_client.Lofi, "connect", lambda **named: OneTrack())
    yield


def told(*arguments: str) -> str:
    done = CliRunner().invoke(lofi, arguments)
    assert done.exit_code == exits.USAGE and done.stdout == ""
    return done.stderr


def test_a_place_is_counted_as_it_was_typed(one_track: None) -> None:
    assert told("player", "remove", "9").splitlines() == [
        "lofi: there is no place 9; the list has 1 track",
        "      `lofi player list` shows it.",
    ]


def test_a_list_that_waits_tells_how_it_will_be_repeated(one_track: None) -> None:
    shown = CliRunner().invoke(lofi, ["player", "status"]).stdout
    assert shown == "nothing plays, 1 track waits, the track again and again, volume 0.3\n"


def test_a_place_in_a_track_may_have_hours() -> None:
    for typed, place in {
        "90": ("", 90.0),
        "1:30.5": ("", 90.5),
        "+1:00:00": ("+", 3600.0),
        "1:01:05": ("", 3665.0),
    }.items():
        assert PLACE.convert(typed, None, None) == place
    for typed in ("1:2:3", "1:00:", ":10", "1:00:00:00"):
        with pytest.raises(click.BadParameter):
            PLACE.convert(typed, None, None)


def test_nobody_who_types_is_sent_to_the_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exits, "end_on_sigterm", lambda: None)
    assert told("tracks", "import", str(tmp_path)).startswith(f"lofi: {tmp_path} holds no files that end in")
    assert "lofi schema" not in told("tracks", "import", str(tmp_path))
    assert "lofi schema" not in told("submit", "--continue", "0123456789abcdef", "--loop")


@pytest.mark.parametrize("seconds", [4, 4000])
def test_a_length_that_none_can_have_is_told_in_one_way(seconds: int) -> None:
    with pytest.raises(InvalidDuration) as error:
        parse_params("generate", {"prompt": "x", "duration_sec": seconds})
    assert str(error.value) == "duration_sec must be a whole number from 5 to 3600"
    assert "5 to 120" not in error.value.recovery
    assert "`lofi config set queue.max_duration_sec" in error.value.recovery
