"""What the driver of a batch takes for many rows: processor time, memory, time, and what it writes.

    python -m benchmarks.scale [--rows 100000] [--engine ray] [--actors N] [--slots 16] [--tracks URL]

ray: the whole command on a cluster of this machine, whose actors hold the scripted engine at a sample rate of
4 kHz, so that a track is a file of 40 kB and takes milliseconds. driver: no actors; tracks lie there as soon
as they are asked for, 16 at a time. What is left is plan, survey, journal, names and manifest. Then the same
command once more: all rows are there, and what it takes is to look at them.

The figures are those of the driver's process alone, with Ray's share in it. Its processor time is what bounds
how fast one driver can be; how long it takes is bounded by the actors where there are few cores.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from lofi_batch import command
from lofi_batch.engine import Made, Means, Outcome
from lofi_batch.folder import Folder
from lofi_batch.manifest import RowError
from lofi_batch.plan import WHOLE, Defaults, Row, make_plan
from lofi_batch.prompts import read_prompts
from lofi_batch.takeover import TakeOver
from lofi_cli import exits
from lofi_common.jobs import AudioFormat
from tests.support.home import MODEL_TOML

MODEL = MODEL_TOML.replace('"test-model"', '"scale"').replace("sample_rate = 32000", "sample_rate = 4000")
"""Tracks of 40 kB."""
GROUP = 16
SOUND = b"sound"
_LOOK_SEC = 0.2


class AtOnce:
    """An engine whose tracks are there when they are asked for."""

    def __init__(self, place: Folder) -> None:
        self._place = place

    def make(self, rows: Iterable[Row]) -> Iterator[list[Outcome]]:
        group: list[Outcome] = []
        for row in rows:
            track_id = f"{row.row:016x}"
            name = self._place.made(track_id, AudioFormat.WAV)
            file = self._place.path(name)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(SOUND)
            sha256 = hashlib.sha256(SOUND).hexdigest()
            group.append(Made(row, track_id, "scale-00000000", name, sha256, 1.0, 1, bytes=len(SOUND)))
            if len(group) == GROUP:
                yield group
                group = []
        if group:
            yield group

    def again(self, made: Made, error: RowError) -> None:
        raise AssertionError(error)

    def taken(self, made: Made) -> None: ...

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def drive(prompts: Path, folder: Path) -> int:
    """The driver's part alone, in this process."""
    rows, _ = make_plan(read_prompts(prompts.read_text(), "txt"), Defaults())
    place = Folder(folder)
    means = Means(name="none", place=place, taking=TakeOver(place), start=lambda *_: AtOnce(place))
    return command.make(folder, WHOLE, rows, means, force=False, as_json=False, quiet=True)


def run(rows: int, engine: str, more: list[str], what: str, root: Path) -> None:
    """Run it and say what the driver took."""
    environ = os.environ | {
        "LOFI_HOME": str(root / "home"),
        "LOFI_MODEL_FOLDER": str(root / "model"),
        "LOFI_WORKER_ENGINE": "fake",
    }
    prompts, folder = str(root / "prompts.txt"), str(root / "out")
    line = [sys.executable, "-m", "benchmarks.scale", "--drive", prompts, folder]
    if engine == "ray":
        line = [sys.executable, "-m", "lofi_batch.main", prompts, "-o", folder]
        line += ["-d", "5", "-q", "--engine", "ray", *more]
    began = time.monotonic()
    process = psutil.Popen(line, env=environ, stdout=subprocess.DEVNULL)
    cpu = peak = others = 0.0
    try:
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):  # one that has just ended
                cpu = sum(process.cpu_times()[:2])
                peak = max(peak, process.memory_info().rss)
                others = max(others, sum(each.memory_info().rss for each in process.children(recursive=True)))
            time.sleep(_LOOK_SEC)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    seconds = time.monotonic() - began
    if process.returncode != 0:
        sys.exit(f"{what}: exit code {process.returncode}")
    print(
        f"{what:6} {rows} rows in {seconds:.1f} s: {seconds * 1000 / rows:.2f} ms a row,"
        f" {cpu * 1000 / rows:.2f} ms of it the driver's processor time;"
        f" resident at most {peak / 1e6:.0f} MB, daemons and actors {others / 1e6:.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--engine", choices=["driver", "ray"], default="ray")
    parser.add_argument("--actors", type=int, help="[default: one a core]")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--tracks", help="URL for the tracks, of ray")
    parser.add_argument("--drive", nargs=2, type=Path, metavar=("PROMPTS", "DIR"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    exits.end_on_sigterm()
    if arguments.drive:
        sys.exit(drive(*arguments.drive))
    more = ["--slots", str(arguments.slots)]
    more += ["--actors", str(arguments.actors)] if arguments.actors else []
    more += ["--tracks", arguments.tracks] if arguments.tracks else []
    root = Path(tempfile.mkdtemp(prefix="lofi-"))
    try:
        (root / "model").mkdir()
        (root / "model/model.toml").write_text(MODEL)
        lines = (f"rainy night, mellow rhodes, vinyl crackle, take {row}\n" for row in range(arguments.rows))
        (root / "prompts.txt").write_text("".join(lines))
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, engine {arguments.engine}")
        for what in ("first", "again"):
            run(arguments.rows, arguments.engine, more, what, root)
        bytes_ = (root / "out/manifest.jsonl").stat().st_size
        print(f"manifest: {bytes_ / 1e6:.1f} MB, {bytes_ / arguments.rows:.0f} bytes a row")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
