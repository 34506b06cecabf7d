"""What `lofi-submit` takes and says, without a broker."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from click.testing import CliRunner

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
        submit.submit(["-"], standalone_mode=False)
    assert ended.value.code == exits.USAGE
    assert "a prompt has at most 1000" in capsys.readouterr().err


def test_a_worker_s_death_is_told_with_what_becomes_of_the_track(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = Watcher(output=None, as_json=False, quiet=False)
    for attempt in (1, 2):
        watcher.told(api.WorkerRestart(worker="w0", reason="silent for 3 s", attempt=attempt))
    said = capsys.readouterr().err
    assert said.count("the worker ended: silent for 3 s") == said.count("The track is made again") == 1


def test_a_name_of_another_format_is_refused_with_those_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "end_on_sigterm", lambda: None)
    monkeypatch.setenv("LOFI_HOME", str(tmp_path))
    monkeypatch.setenv("LOFI_BROKER", "nowhere")
    refused = CliRunner().invoke(submit.submit, ["x", "-o", "mine.AIFF"])
    assert refused.exit_code == exits.USAGE and "wav, flac, ogg, mp3" in refused.stderr
    (tmp_path / "folder.m4a").mkdir()
    for output in (["mine.aiff", "--format", "wav"], [str(tmp_path / "folder.m4a")], ["mine.tape"]):
        taken = CliRunner().invoke(submit.submit, ["x", "-o", *output])
        assert "LOFI_BROKER=nowhere is no broker's address" in taken.stderr


def test_a_prompt_without_quotes_is_answered_with_quotes() -> None:
    refused = CliRunner().invoke(submit.submit, ["rainy", "-d", "5", "night"], prog_name="lofi-submit")
    assert refused.exit_code == exits.USAGE
    assert 'put the prompt in quotes: lofi-submit "rainy night"' in refused.stderr


def test_a_name_that_says_no_format_or_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exits, "end_on_sigterm", lambda: None)
    monkeypatch.setenv("LOFI_HOME", str(tmp_path))
    monkeypatch.setenv("LOFI_BROKER", "nowhere")
    told = CliRunner().invoke(submit.submit, ["x", "-o", "mine.tape"])
    assert "mine.tape will be WAV: no format is called tape" in told.stderr
    for arguments in (
        ["mine.tape", "--format", "ogg"],
        ["mine.WAV"],
        ["mine"],
        ["mine.mp3", "--format", "mp3"],
    ):
        assert "will be WAV" not in CliRunner().invoke(submit.submit, ["x", "-o", *arguments]).stderr
    refused = CliRunner().invoke(submit.submit, ["x", "-o", "a.wav", "--format", "mp3"])
    assert refused.exit_code == exits.USAGE and "ends in .wav, --format says mp3" in refused.stderr
