"""Small answers of `lofi` in words, without a broker."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lofi_cli import doctor, player, show_models
from lofi_cli.main import lofi
from lofi_cli.show import show_queue
from lofi_common import api
from lofi_common.api_models import ModelInfo, ModelsListResult
from lofi_common.config import Config


@pytest.mark.parametrize(
    ("typed", "level"), [("0", 0.0), ("0.4", 0.4), ("1", 1.0), ("40", 0.4), ("40%", 0.4), ("1%", 0.01)]
)
def test_a_volume_as_a_share_or_in_percent(typed: str, level: float) -> None:
    assert player.volume.params[0].type.convert(typed, None, None) == level


@pytest.mark.parametrize("typed", ["1.5", "101", "120%", "nan", "loud", "-1", ""])
def test_what_is_no_volume(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="give 0 to 1, or a percentage such as 40"):
        player.volume.params[0].type.convert(typed, None, None)


def test_people_count_from_1() -> None:
    pending = [api.PendingJob(track_id="a" * 16, prompt="x", position=0)]
    shown = show_queue(api.QueueStatusResult(current=None, pending=pending))
    assert shown.splitlines()[1].split()[0] == "1"


def test_on_a_narrow_terminal_each_model_has_lines_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ModelInfo(
        name="musicgen-small-fp16-onnx",
        state="available",
        license="CC-BY-NC-4.0",
        selected=False,
        about_bytes=1_100_000_000,
        description="MusicGen small, mono, exported to ONNX in fp16.",
    )
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    lines = show_models.show_models(ModelsListResult(models=[model]), as_json=False).splitlines()
    assert lines[0] == "  musicgen-small-fp16-onnx" and max(map(len, lines)) <= 40
    assert " ".join("".join(lines[1:]).split()).startswith("about 1.1 GB, CC-BY-NC-4.0, not installed")
    monkeypatch.setenv("COLUMNS", "120")
    assert len(show_models.show_models(ModelsListResult(models=[model]), as_json=False).splitlines()) == 1


@pytest.mark.parametrize(
    "printed", ['{"devices": []}', '{"error": {"code": 1, "name": "X", "message": "no"}}']
)
def test_without_sound_the_doctor_says_what_to_do(monkeypatch: pytest.MonkeyPatch, printed: str) -> None:
    def run(command: list[str], **options: object) -> object:
        return type("Done", (), {"stdout": printed})

    monkeypatch.setattr("lofi_cli.doctor.subprocess.run", run)
    advice = doctor._sound(Config()).advice
    assert advice.startswith("Connect a sound device") and "lofi doctor" not in advice


def test_taking_away_what_was_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOFI_HOME", str(tmp_path))
    done = CliRunner().invoke(lofi, ["config", "unset", "queue.durable"])
    assert done.exit_code == 0 and "does not set queue.durable: nothing has changed" in done.stderr


def test_the_help_of_models_says_that_they_are_listed() -> None:
    assert "Without a command: list." in CliRunner().invoke(lofi, ["models", "--help"]).stdout
