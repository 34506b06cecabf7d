"""Hours of radio, by the sample: does it ever fall silent, and what does it cost?

    python -m benchmarks.radio [--minutes 10] [--mode stream] [--slower 1.5]

A broker of its own plays the starter model's radio into the null device, in real time. first sound: from the
request to a broker with a loaded model until the music begins. underruns: frames that the device wanted and
did not get. waits: times that a track which was heard had to wait for its generator. CPU: of one core, over
the whole run. With --slower the scripted engine takes the place of the model, so many times slower than the
music; what is heard is then repeated until the next piece is there.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import psutil

from benchmarks.processes import ROOT
from lofi_client import GenerationComplete, Lofi, PlaybackStarted, PlaybackWaiting
from lofi_common.api import Result
from lofi_common.paths import find_paths

_PROMPT = "rainy night lofi, felt piano"
_SLOW_MODEL = ROOT / "lofi_worker/models/lofi-tiny"
"""The scripted engine plays no model, but needs the manifest of one."""
_LOOK_SEC = 1.0
_STREAM_SEC = 24


class Figures(msgspec.Struct, kw_only=True):
    seconds: float = 0.0
    first_sound_sec: float = 0.0
    pieces: int = 0
    heard: int = 0
    waits: int = 0
    missing_frames: int = 0
    gave_up: str | None = None
    ahead_sec: list[float] = []
    cpu_sec: dict[str, float] = {}
    rss: dict[str, int] = {}


class Watch:
    """What the processes of one broker take, looked at once a second."""

    def __init__(self, broker: psutil.Process) -> None:
        self._broker = broker
        self._cpu: dict[tuple[str, int], float] = {}
        self._first: dict[tuple[str, int], float] = {}
        self.rss: dict[str, int] = defaultdict(int)

    def look(self) -> None:
        for process in (self._broker, *self._broker.children()):
            try:
                kind = _kind(process.cmdline())
                times, rss = process.cpu_times(), process.memory_info().rss
            except psutil.NoSuchProcess:  # it has just left
                continue
            used = times.user + times.system
            self._first.setdefault((kind, process.pid), used)
            self._cpu[kind, process.pid] = used
            self.rss[kind] = max(self.rss[kind], rss)

    def cpu_sec(self) -> dict[str, float]:
        used: dict[str, float] = defaultdict(float)
        for (kind, pid), seconds in self._cpu.items():
            used[kind] += seconds - self._first[kind, pid]
        return dict(used)


def _kind(command: list[str]) -> str:
    return next((kind for kind in ("worker", "player") if f"lofi_{kind}" in " ".join(command)), "broker")


def listen(lofi: Lofi, watch: Watch, *, mode: str, prompt: str, seconds: float) -> Figures:
    """One radio, from its start to its end."""
    figures = Figures()
    lofi.make("one track, so that the model is loaded", duration_sec=5)
    began = time.monotonic()
    lofi.radio(prompt, mode=mode)  # type: ignore[arg-type]
    looked = 0.0
    while (now := time.monotonic()) < began + seconds:
        _count(figures, lofi.next_event(_LOOK_SEC), time.monotonic() - began)
        if now - looked >= _LOOK_SEC:
            looked = now
            watch.look()
            status = lofi.radio_status()
            figures.ahead_sec.append(status.ahead_sec)
            figures.gave_up = status.message if status.state == "failed" else None
    figures.seconds = time.monotonic() - began
    lofi.stop_radio()
    figures.cpu_sec, figures.rss = watch.cpu_sec(), dict(watch.rss)
    return figures


def _count(figures: Figures, event: Result | None, at: float) -> None:
    match event:
        case PlaybackStarted():
            figures.heard += 1
            figures.first_sound_sec = figures.first_sound_sec or at
        case PlaybackWaiting() if figures.heard:
            figures.waits += 1
        case GenerationComplete():
            figures.pieces += 1


def measure(*, mode: str, seconds: float, slower: float | None) -> Figures:
    """Start a broker, listen, end it, and read what its player has told of frames that were missing."""
    root = Path(tempfile.mkdtemp(prefix="lofi-"))
    environ = {"LOFI_HOME": str(root), "LOFI_PLAYER_DEVICE": "null"}
    prompt = _PROMPT
    if slower is not None:
        length = 60 if mode == "playlist" else _STREAM_SEC
        environ |= {"LOFI_WORKER_ENGINE": "fake", "LOFI_MODEL_FOLDER": str(_SLOW_MODEL)}
        prompt = f"slow {length * slower:g}"
    os.environ |= environ
    paths = find_paths(os.environ)
    try:
        with Lofi.connect(name="radio-benchmark", paths=paths) as lofi:
            broker = psutil.Process(lofi.status().broker.pid)
            figures = listen(lofi, Watch(broker), mode=mode, prompt=prompt, seconds=seconds)
            lofi.shutdown()
        broker.wait(30)
        log = (paths.logs / "broker.log").read_text()
        figures.missing_frames = sum(map(int, re.findall(r"event=sink_starved frames=(\d+)", log)))
    finally:
        shutil.rmtree(root)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--mode", choices=("playlist", "stream"), default="playlist")
    parser.add_argument("--slower", type=float, help="how many times slower than the music it is made")
    given = parser.parse_args()
    figures = measure(mode=given.mode, seconds=60 * given.minutes, slower=given.slower)
    minutes, ahead = figures.seconds / 60, figures.ahead_sec
    print(f"{given.mode}, {minutes:.1f} minutes: {figures.pieces} pieces made, {figures.heard} heard")
    print(f"machine     load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"first sound {figures.first_sound_sec:.2f} s")
    print(f"underruns   {figures.missing_frames} frames, {figures.waits} waits")
    print(f"ahead       median {statistics.median(ahead):.0f} s, most {max(ahead):.0f} s")
    for kind, used in sorted(figures.cpu_sec.items()):
        share, rss = 100 * used / figures.seconds, figures.rss[kind] / 1e6
        print(f"{kind:11} {share:.1f} % of a core, at most {rss:.0f} MB")
    if figures.gave_up is not None:
        print(f"FAILED      {figures.gave_up}")


if __name__ == "__main__":
    main()
