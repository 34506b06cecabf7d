"""The example scripts, with the starter model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from tests.support.home import Home

EXAMPLES = Path(__file__).parents[2] / "clients/python/examples"


@pytest.fixture
def home(short_tmp: Path) -> Iterator[Home]:
    home = Home(short_tmp, engine="onnx")
    yield home
    home.stop()


def start(home: Home, name: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env={**os.environ, **home.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=home.root,
    )


def test_each_example_has_a_test() -> None:
    source = Path(__file__).read_text()
    assert [file.name for file in EXAMPLES.glob("*.py") if f'"{file.name}"' not in source] == []


def test_one_track(home: Home) -> None:
    with start(home, "one_track.py", "rainy night, mellow rhodes", "10", "rainy-night.flac") as process:
        said, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (0, "")
    assert said.splitlines()[-1].startswith("rainy-night.flac: seed ") and "%, about" in said
    info = soundfile.info(home.root / "rainy-night.flac")
    assert (info.format, info.frames) == ("FLAC", 320_000)


def test_variations(home: Home) -> None:
    with start(home, "variations.py", "dusty boom bap, upright bass", "5") as process:
        said, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (0, "")
    lines = dict(line.split(": ") for line in said.splitlines())
    assert set(lines) == {f"seed {seed}" for seed in range(10)}
    assert len({Path(path).read_bytes() for path in lines.values()}) == 10


def test_wrong_arguments_are_told_in_a_line(home: Home) -> None:
    for name, *arguments in (["one_track.py"], ["variations.py"], ["variations.py", "rainy", "3"]):
        with start(home, name, *arguments) as process:
            said, errors = process.communicate(timeout=50)
        assert (process.returncode, said) == (1, "")
        assert errors.count("\n") == 1 and ("usage: " in errors or "5 to 3600" in errors)


def test_listen(home: Home) -> None:
    with start(home, "listen.py") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0 tracks wait\n"
        made = home.submit("mellow piano", "-d", "5")
        track = Path(made.stdout.strip())
        assert process.stdout.readline() == f"{track.stem} begins: mellow piano\n"
        assert process.stdout.readline() == f"{track.stem} is done: {track}\n"
        assert home.lofi("broker", "stop").returncode == 0
        said, errors = process.communicate(timeout=20)
    assert (process.returncode, said, errors) == (0, "the broker left\n", "")
