"""What `lofi-submit` takes and says, without a broker."""

from __future__ import annotations

import io

import pytest

from lofi_cli import exits, submit
from lofi_cli.watch import Watcher
from lofi_common import api


class Endless(io.TextIOBase):
    """As /dev/zero: read to its end it takes all memory there is."""

    def read(self, size: int | None = -1) -> str:
        assert size is not None and 0 <= size < 1 << 20, "it has no end"
        return "\0" * size


def test_no_more_is_read_from_stdin_than_a_prompt_can_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Endless())
    monkeypatch.setattr(exits, "end_on_sigterm", lambda: None)
    with pytest.raises(SystemExit) as ended:
        submit.main(["-"], standalone_mode=False)
    assert ended.value.code == exits.USAGE
    assert "a prompt has at most 1000" in capsys.readouterr().err


def test_a_worker_s_death_is_told_with_what_becomes_of_the_track(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = Watcher(output=None, as_json=False, quiet=False)
    for attempt in (1, 2):
        watcher.told(api.WorkerRestart(worker="w0", reason="silent for 3 s", attempt=attempt))
    said = capsys.readouterr().err
    assert said.count("the worker ended: silent for 3 s") == said.count("The track is made again") == 1
