"""Tracks are evicted while others read the library's folder, and play from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.home import Home
from tests.support.stdio import Stdio

READER = """
import hashlib, json, pathlib, sys
folder, read = pathlib.Path(sys.argv[1]), set()
print("reading", flush=True)
while not (folder / "stop").exists():
    for path in sorted(folder.glob("*.json")):
        try:
            track = json.loads(path.read_text())
            file = open(folder / f"{track['track_id']}.{track['format']}", "rb")
        except FileNotFoundError:
            continue  # evicted
        with file:
            piece = file.read(1000)
            whole = piece + file.read()
        assert hashlib.sha256(whole).hexdigest() == track["sha256"], path
        read.add(track["track_id"])
print(len(read))
"""


def make(broker: Stdio, *prompts: str) -> list[str]:
    made = []
    for prompt in prompts:
        made.append(broker.call("generate", prompt=prompt, duration_sec=5, seed=1)["track_id"])
        broker.wait("generation_complete", made[-1])
    return made


def test_readers_see_whole_tracks_or_none(home: Home) -> None:
    home.environ["LOFI_CACHE_MAX_TRACKS"] = "3"
    folder = home.paths.tracks
    with Stdio(home.environ) as broker:
        broker.call("status")
        readers = [
            subprocess.Popen([sys.executable, "-c", READER, str(folder)], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        try:
            for reader in readers:
                assert reader.stdout is not None and reader.stdout.readline() == "reading\n"
            made = make(broker, *(f"track {number}" for number in range(12)))
            evicted = broker.wait("cache_evicted", count=9)["track_ids"]
            assert evicted == [made[8]] and home.lofi("tracks", "verify").returncode == 0
            (folder / "stop").touch()
            for reader in readers:
                told, _ = reader.communicate(timeout=20)
                assert reader.returncode == 0 and int(told) >= 3
        finally:
            for reader in readers:
                reader.kill()
        assert {Path(name.name).stem for name in folder.glob("*.wav")} == {*made[-3:]}


def test_what_plays_is_not_evicted_and_what_is_evicted_is_told(home: Home) -> None:
    home.environ |= {"LOFI_CACHE_MAX_TRACKS": "2", "LOFI_PLAYER_DEVICE": "null"}
    with Stdio(home.environ) as broker:
        (oldest, waits) = make(broker, "oldest", "waits")
        broker.call("play", track_ids=[oldest, waits])
        newer, _ = make(broker, "newer", "newest")
        assert broker.wait("cache_evicted")["track_ids"] == [newer]
        broker.call("stop")
        assert broker.call("track_get", track_id=oldest)["plays"] == 1
        make(broker, "one more")
        assert waits in broker.wait("cache_evicted", count=2)["track_ids"]
        gone = home.lofi("tracks", "export", waits, "-o", str(home.root))
    assert gone.returncode == 2 and f"there is no track or job {waits}" in gone.stderr
