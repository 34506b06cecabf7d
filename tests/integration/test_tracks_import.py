"""`lofi tracks import`: files of anybody's, and what was exported, become tracks that play."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lofi_client import InvalidParams, Lofi
from tests.integration.test_tracks_marks import made
from tests.support.home import Home
from tests.support.stdio import Stdio


def song(path: Path, hertz: float, seconds: float = 5.4) -> Path:
    time = np.arange(round(seconds * 22_050)) / 22_050
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), 22_050)
    return path


def test_a_folder_becomes_tracks(home: Home, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    song(tmp_path / "Late Night.wav", 440)
    song(tmp_path / "more" / "early.flac", 330)
    song(tmp_path / "more" / "again.flac", 330)
    (tmp_path / "broken.mp3").write_bytes(b"no music")
    (tmp_path / "cover.jpg").write_bytes(b"no music either")
    done = home.lofi("tracks", "import", str(tmp_path), "--tag", "mine", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(Path(each["path"]).name, each["duplicate"]) for each in told] == [
        ("Late Night.wav", False),
        ("again.flac", False),
        ("early.flac", True),
    ]
    (error,) = done.stderr.splitlines()
    assert "broken.mp3 can't be imported" in json.loads(error)["error"]["message"] and done.returncode == 2

    with Lofi.connect(paths=home.paths, start=False) as lofi:
        (late,) = lofi.tracks(query="late night", tag="mine").tracks
        assert (late.source, late.duration_sec, late.samples) == ("imported", 5, 119_070)
        assert late.path is not None and late.loudness_lufs is not None
        assert Path(late.path).read_bytes() == (tmp_path / "Late Night.wav").read_bytes()
        assert lofi.verify_tracks([late.track_id]).problems == []
    assert "imported  Late Night  [mine]" in home.lofi("tracks").stdout
    shown = home.lofi("tracks", "show", late.track_id).stdout
    assert "imported" in shown and "seed" not in shown
    assert list(home.paths.spool.iterdir()) == []


def test_what_was_exported_comes_back_with_its_story(home: Home, tmp_path: Path) -> None:
    made(home, "Été 夜 🎵 " + "x" * 900)
    (before,) = listed(home)
    kinds = ("flac", "mp3", "ogg", "wav")
    for kind in kinds:
        home.lofi("tracks", "export", before["track_id"], "-o", f"{tmp_path}/it.{kind}")
    told = json.loads(home.lofi("tracks", "import", f"{tmp_path}/it.ogg", "--json").stdout)
    assert (told["track_id"], told["duplicate"]) == (before["track_id"], True)
    home.lofi("tracks", "rm", "--all", "--yes")
    home.lofi("tracks", "import", str(tmp_path))
    after = listed(home)
    assert sorted(track["format"] for track in after) == [*kinds]
    for name in ("prompt", "seed", "model_version", "temperature", "top_k", "guidance_scale"):
        assert {track.get(name) for track in after} == {before.get(name)}, name
    assert all(track["source"] == "imported" and abs(track["peak"] - 0.1) < 0.02 for track in after)
    home.lofi("tracks", "export", after[0]["track_id"], "-o", f"{tmp_path}/again.flac")
    with soundfile.SoundFile(tmp_path / "again.flac") as file:
        assert file.title == before["prompt"] and f"seed {before['seed']}" in file.comment


def listed(home: Home) -> list[dict[str, Any]]:
    return [json.loads(line) for line in home.lofi("tracks", "--json").stdout.splitlines()]


def test_more_than_the_library_holds_is_refused_at_once(home: Home, tmp_path: Path) -> None:
    home.environ["LOFI_CACHE_MAX_MB"] = "1"
    (there,) = made(home, "there")
    for hertz in (220, 330, 440, 550, 660):
        song(tmp_path / f"{hertz}.wav", hertz)
    refused = home.lofi("tracks", "import", str(tmp_path))
    assert refused.returncode == 1 and "the library holds 1.0 MB at most" in refused.stderr
    assert home.lofi("tracks", "import", str(tmp_path / "220.wav")).returncode == 0
    assert there in home.lofi("tracks").stdout
    with Lofi.connect(paths=home.paths, start=False) as lofi, pytest.raises(InvalidParams, match="No such"):
        lofi.import_track(tmp_path / "nothing.wav")


def test_what_is_refused_leaves_nothing(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "it.wav"
    file.write_bytes(b"RIFF")
    with Stdio(home.environ) as broker:
        for path in ("it.wav", str(tmp_path), str(file), "/dev/zero"):
            refused = broker.request("track_import", {"path": path})["error"]
            assert refused["data"]["error_code"] == "INVALID_PARAMS"
        assert broker.call("cache_stats")["tracks"] == 0
    assert list(home.paths.spool.iterdir()) == [] == list(home.paths.tracks.iterdir())
