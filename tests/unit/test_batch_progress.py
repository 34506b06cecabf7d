"""What a batch says while it goes on where there is no terminal."""

from __future__ import annotations

import pytest

from lofi_batch import progress
from lofi_batch.manifest import Record, RowError
from lofi_common.jobs import AudioFormat


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def opened(*, as_json: bool = False, quiet: bool = False) -> progress.Progress:
    """Of 10 rows, of which 2 were there before."""
    return progress.Progress(rows=10, there=2, audio_sec=80, manifest="m", as_json=as_json, quiet=quiet)


def record(row: int, error: RowError | None = None) -> Record:
    return Record(
        row=row,
        prompt="x",
        seed=1,
        duration_sec=10,
        format=AudioFormat.WAV,
        path=f"{row}.wav",
        attempts=1,
        error=error,
    )


def test_without_a_terminal_a_line_a_minute_tells_how_far_it_is(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened() as shown:
        told = []
        for row, seconds in enumerate((30, 29.9, 0.1, 59, 61), 1):
            clock.now += seconds
            failed = RowError(code="FAILED", message="no") if row == 4 else None
            shown.ended(record(row, failed), True)
            told.append(capsys.readouterr().err)
    assert told == [
        "",
        "",
        "lofi: 5 of 10 rows, 3.0 a minute, 1 min 40 s left\n",
        "",
        "lofi: 6 of 10 rows, 1.3 a minute, 1 min 48 s left, 1 failed\n",
    ]


def test_the_last_row_has_the_summary_alone(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with opened() as shown:
        for row in range(1, 9):
            clock.now += 10 if row < 8 else 100
            shown.ended(record(row), True)
    assert capsys.readouterr().err.count("left") == 1


@pytest.mark.parametrize("option", ["as_json", "quiet"])
def test_scripts_and_quiet_runs_get_no_such_line(
    option: str, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened(**{option: True}) as shown:
        clock.now += 100
        shown.ended(record(1), True)
    assert capsys.readouterr().err == ""
