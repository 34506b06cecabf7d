"""`lofi tracks export`: whole files in every format, over nothing that was not named."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.home import Home

FORMATS = ("wav", "flac", "ogg", "mp3")
PROMPT = "rainy night – 夏"
SECONDS = 5


@pytest.fixture(scope="module")
def library() -> Iterator[Home]:
    """The same tone in each format; nothing is changed."""
    folder = Path(tempfile.mkdtemp(prefix="lofi-"))
    home = Home(folder)
    for kind in FORMATS:
        done = home.submit(PROMPT, "-d", str(SECONDS), "--seed", "7", "--format", kind)
        assert done.returncode == 0
    yield home
    home.stop()
    shutil.rmtree(folder)


def track(home: Home, kind: str) -> tuple[str, Path]:
    """Id and file of the track that was made in a format."""
    (path,) = home.paths.tracks.glob(f"*.{kind}")
    return path.stem, path


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_becomes_every_other(library: Home, tmp_path: Path, kind: str) -> None:
    sources = {source: track(library, source) for source in FORMATS}
    ids = [track_id for track_id, _ in sources.values()]
    done = library.lofi("tracks", "export", *ids, "-o", str(tmp_path), "--format", kind)
    targets = [tmp_path / f"{track_id}.{kind}" for track_id in ids]
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.split() == [*map(str, targets)]
    assert sorted(tmp_path.iterdir()) == sorted(targets)
    for (source, (_, path)), target in zip(sources.items(), targets, strict=True):
        check(path, source, target, kind)


def check(path: Path, source: str, target: Path, kind: str) -> None:
    """Whether the second is the first in another format."""
    before, _ = soundfile.read(path)
    after, rate = soundfile.read(target)
    assert soundfile.info(target).format == kind.upper() and rate == 32_000
    if kind in ("wav", "flac") and source in ("wav", "flac"):
        assert np.array_equal(before, after)
    elif kind == source:  # lossy: not encoded again
        assert target.read_bytes().endswith(path.read_bytes())
        assert kind == "mp3" or target.read_bytes() == path.read_bytes()
    else:
        assert len(after) >= len(before) == SECONDS * rate
        error = after[rate : 4 * rate] - before[rate : 4 * rate]
        assert np.sqrt(np.mean(error**2)) < 0.01


@pytest.mark.parametrize("kind", FORMATS)
def test_the_file_tells_where_it_comes_from(library: Home, tmp_path: Path, kind: str) -> None:
    track_id, _ = track(library, "wav")
    target = tmp_path / f"mine.{kind}"
    assert library.lofi("tracks", "export", track_id, "-o", str(target)).returncode == 0
    with soundfile.SoundFile(target) as file:
        assert file.title == PROMPT
        assert file.comment.startswith("seed 7, model test-model-")
        settings = "duration 5 s, temperature 1, top-k 16, top-p 0, guidance 3"
        assert file.comment.endswith(f"{settings}, model's licence MIT")
        if kind in ("flac", "ogg"):
            assert file.license == "MIT"


def test_to_a_folder_several_at_once_and_as_json(library: Home, tmp_path: Path) -> None:
    wav, ogg = track(library, "wav")[0], track(library, "ogg")[0]
    done = library.lofi("tracks", "export", wav[:8], ogg, "-o", str(tmp_path), "--format", "mp3", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told == [
        {"track_id": name, "path": str(tmp_path / f"{name}.mp3"), "format": "mp3"} for name in (wav, ogg)
    ]
    assert all(Path(line["path"]).stat().st_size for line in told)
    assert library.lofi("tracks", "export", wav, "-o", f"{tmp_path}/").stdout == f"{tmp_path}/{wav}.wav\n"


def test_the_name_decides_and_the_option_over_it(library: Home, tmp_path: Path) -> None:
    ogg, path = track(library, "ogg")
    plain, odd = tmp_path / "plain", tmp_path / "odd.wav"
    assert library.lofi("tracks", "export", ogg, "-o", str(plain)).returncode == 0
    assert plain.read_bytes() == path.read_bytes()
    assert library.lofi("tracks", "export", ogg, "-o", str(odd), "--format", "flac").returncode == 0
    assert odd.read_bytes()[:4] == b"fLaC"


def test_nothing_is_written_over_without_force(library: Home, tmp_path: Path) -> None:
    wav, ogg = track(library, "wav")[0], track(library, "ogg")[0]
    (tmp_path / f"{ogg}.ogg").write_text("mine")
    done = library.lofi("tracks", "export", wav, ogg, "-o", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "") and f"{ogg}.ogg can't be written" in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]  # not the first one either
    forced = library.lofi("tracks", "export", wav, ogg, "-o", str(tmp_path), "--force")
    assert forced.returncode == 0
    assert (tmp_path / f"{ogg}.ogg").read_bytes() == track(library, "ogg")[1].read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_where_nothing_can_go(library: Home, tmp_path: Path) -> None:
    wav, ogg = track(library, "wav")[0], track(library, "ogg")[0]
    for output, ids, code, words in (
        (tmp_path / "no" / "x.wav", [wav], 1, "there is no folder"),
        (tmp_path / "one.wav", [wav, ogg], 2, "2 tracks can't go to the one file"),
        ("-", [wav], 2, "path of a file"),
        (tmp_path, ["ffffffffffffffff"], 2, "ffffffffffffffff"),
    ):
        done = library.lofi("tracks", "export", *ids, "-o", str(output), "--force")
        assert (done.returncode, done.stdout) == (code, ""), output
        assert words in done.stderr.lower() and "traceback" not in done.stderr.lower()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", FORMATS)
def test_a_full_disk_leaves_nothing(library: Home, tmp_path: Path, kind: str) -> None:
    """Wherever it gets full: libsndfile does not tell of what it could not write at the end of a file."""
    track_id, _ = track(library, "flac")
    target = tmp_path / f"mine.{kind}"
    assert library.lofi("tracks", "export", track_id, "-o", str(target)).returncode == 0
    size = target.stat().st_size
    target.unlink()
    for limit in (size // 2, size - 10):
        library.wrapper = ["prlimit", f"--fsize={limit}"]
        try:
            done = library.lofi("tracks", "export", track_id, "-o", str(target))
        finally:
            library.wrapper = []
        assert (done.returncode, done.stdout) == (1, ""), limit
        assert done.stderr.startswith(f"lofi: {target} can't be written: File too large\n")
        assert list(tmp_path.iterdir()) == []


HALF_WAY = """
import sys
from lofi_cli import export
from lofi_cli.main import main
def half(source, *rest):
    yield source.read(32000)
    print("half way", flush=True)
    sys.stdin.read()
export._samples = half
main()
"""


@pytest.mark.parametrize(
    ("number", "force"),
    [(signal.SIGKILL, False), (signal.SIGKILL, True), (signal.SIGTERM, True), (signal.SIGINT, False)],
)
def test_interrupted_half_way_it_leaves_nothing(
    library: Home, tmp_path: Path, number: signal.Signals, force: bool
) -> None:
    track_id, target = track(library, "wav")[0], tmp_path / "mine.flac"
    if force:
        target.write_text("old")
    more = ["--force"] if force else []
    with subprocess.Popen(
        [sys.executable, "-c", HALF_WAY, "tracks", "export", track_id, "-o", str(target), *more],
        env={**os.environ, **library.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"half way\n"
        process.send_signal(number)
        process.wait(timeout=20)
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    assert [path.read_text() for path in tmp_path.iterdir()] == (["old"] if force else [])


def test_a_track_of_the_starter_model(short_tmp: Path, tmp_path: Path) -> None:
    home = Home(short_tmp, engine="onnx")
    try:
        made = home.submit("rainy night", "-d", "5", "--seed", "1", "--format", "flac", timeout=50)
        assert made.returncode == 0, made.stderr
        track_id = Path(made.stdout.strip()).stem
        shown = json.loads(home.lofi("tracks", "show", track_id, "--width", "50", "--json").stdout)
        done = home.lofi("tracks", "export", track_id, "-o", str(tmp_path / "mine.ogg"))
        assert done.returncode == 0, done.stderr
    finally:
        home.stop()
    assert 0.1 < max(shown["peaks"]) <= 1.0 and len(set(shown["peaks"])) > 20
    with soundfile.SoundFile(tmp_path / "mine.ogg") as file:
        assert file.title == "rainy night" and file.license == "MIT"
        assert "model's licence MIT" in file.comment
