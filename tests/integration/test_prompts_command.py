"""`lofi prompts` reads the selected model's list of words and starts nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.home import Home

WORDS = {
    "kinds": {
        "drums": {
            "brushes": ["soft drums", "brushed drums"],
            "808": [f"808 kit number {i}" for i in range(40)],
        },
        "leave out": {"drums": ["no drums", "drum\u0007less"]},
    },
    "examples": ["rainy night lofi, felt piano, no drums"],
}


@pytest.fixture
def list_file(home: Home) -> Path:
    path = Path(home.environ["LOFI_MODEL_FOLDER"]) / "prompts.json"
    path.write_text(json.dumps(WORDS))
    return path


@pytest.mark.usefixtures("list_file")
def test_all_kinds_are_listed_in_short(home: Home) -> None:
    done = home.lofi("prompts")
    assert done.returncode == 0, done.stderr
    assert "test-model-" in done.stdout.splitlines()[0]
    assert "free text" not in done.stdout
    assert "  brushes  soft drums, brushed drums\n" in done.stdout
    assert "  rainy night lofi, felt piano, no drums\n" in done.stdout
    assert "808 kit number 0, " in done.stdout and "808 kit number 39" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "\x07" not in done.stdout + home.lofi("prompts", "leave out").stdout


@pytest.mark.usefixtures("list_file")
def test_one_kind_is_listed_whole(home: Home) -> None:
    drums = home.lofi("prompts", "drums")
    assert drums.returncode == 0
    assert "808 kit number 39" in drums.stdout and "no drums" not in drums.stdout
    assert home.lofi("prompts", "leave", "out").stdout.startswith("drums\n  no drums, ")


@pytest.mark.usefixtures("list_file")
def test_json_is_the_list(home: Home) -> None:
    assert json.loads(home.lofi("prompts", "--json").stdout) == WORDS
    one = json.loads(home.lofi("prompts", "leave out", "--json").stdout)
    assert one["kinds"] == {"leave out": WORDS["kinds"]["leave out"]}


@pytest.mark.usefixtures("list_file")
def test_a_kind_that_is_none_is_refused_with_those_that_are(home: Home) -> None:
    for arguments in (("prompts", "tuba"), ("prompts", "tuba", "--json")):
        done = home.lofi(*arguments)
        assert done.returncode == 2
        assert done.stdout == "" and "drums, leave out" in done.stderr


def test_a_model_without_a_list_takes_free_text(home: Home) -> None:
    for arguments in (("prompts",), ("prompts", "drums")):
        done = home.lofi(*arguments)
        assert done.returncode == 0
        assert "free text" in done.stdout and "75 bpm" in done.stdout
    for arguments in (("prompts", "--json"), ("prompts", "drums", "--json")):
        assert json.loads(home.lofi(*arguments).stdout) == {"kinds": {}, "examples": []}


def test_a_damaged_list_is_named(home: Home, list_file: Path) -> None:
    list_file.write_text('{"kinds": 3}')
    done = home.lofi("prompts")
    assert done.returncode == 1
    assert str(list_file) in done.stderr


def test_a_missing_model_has_its_own_exit_code(home: Home) -> None:
    (Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml").unlink()
    assert home.lofi("prompts").returncode == 5


@pytest.mark.usefixtures("list_file")
def test_nothing_is_started_or_loaded(home: Home) -> None:
    script = (
        "import sys\n"
        "from lofi_cli.prompts import show_prompts\n"
        "show_prompts('', as_json=False)\n"
        "print([m for m in ('numpy', 'onnxruntime', 'tokenizers', 'zmq', 'lofi_worker') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **home.environ},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "[]\n", done.stderr
    assert not home.paths.broker_file.exists()
