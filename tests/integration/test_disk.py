"""Disks that are full, files that are damaged, paths that can't be written."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from lofi_common.jobs import AudioFormat, JobSpec, track_id
from lofi_common.paths import starter_folder
from tests.support.home import Home
from tests.support.stdio import Stdio


def next_track(broker: Stdio, prompt: str) -> str:
    """The id that a 5 s track of seed 1 will have."""
    version = broker.call("models_list")["models"][0]["model_version"]
    return track_id(
        JobSpec(
            prompt=prompt,
            duration_sec=5,
            seed=1,
            model_version=version,
            temperature=1.0,
            top_k=16,
            top_p=0.0,
            guidance_scale=3.0,
            format=AudioFormat.WAV,
        )
    )


@pytest.mark.parametrize("where", ["spool", "library"])
def test_a_full_disk_fails_the_track_and_leaves_nothing_half_written(
    broker: Stdio, home: Home, where: str
) -> None:
    name = next_track(broker, "big")
    # Writing through this link fails as on a full disk, with ENOSPC.
    growing, metadata = home.paths.spool / f"{name}.1.growing.wav", home.paths.tracks / f".{name}.json.part"
    blocked = growing if where == "spool" else metadata
    blocked.symlink_to("/dev/full")
    assert broker.call("generate", prompt="big", duration_sec=5, seed=1)["track_id"] == name
    error = broker.wait("generation_error", name)
    assert error["code"] == "CACHE_WRITE_ERROR" and "No space left on device" in error["message"]
    assert list(home.paths.spool.iterdir()) == [] and list(home.paths.tracks.iterdir()) == []
    # Once there is room, the same request works.
    broker.call("generate", prompt="big", duration_sec=5, seed=1)
    assert Path(broker.wait("generation_complete", name)["path"]).exists()


def test_an_output_that_can_t_be_written_is_told_and_the_track_is_safe(broker: Stdio, home: Home) -> None:
    folder = home.root / "out"
    folder.mkdir()
    slow = broker.call("generate", prompt="slow 60", duration_sec=5)["track_id"]
    broker.wait("generation_start", slow)
    output = str(folder / "track.wav")
    name = broker.call("generate", prompt="x", duration_sec=5, output=output)["track_id"]
    folder.rmdir()
    broker.call("queue_cancel", track_id=slow)
    complete = broker.wait("generation_complete", name)
    assert "does not exist" in complete["output_errors"][output]
    assert Path(complete["path"]).exists()


def test_an_output_folder_and_an_output_file(broker: Stdio, home: Home) -> None:
    folder = home.root / "out"
    folder.mkdir()
    answer = broker.call("generate", prompt="x", duration_sec=5, seed=1, output=str(folder))
    complete = broker.wait("generation_complete", answer["track_id"])
    assert [path.name for path in folder.iterdir()] == [Path(complete["path"]).name]
    # From the library, at once, over an older file: only by force.
    file = folder / "again.wav"
    file.write_bytes(b"old")
    request = {"prompt": "x", "duration_sec": 5, "seed": 1, "output": str(file)}
    assert broker.error("generate", **request)["data"]["error_code"] == "CACHE_WRITE_ERROR"
    assert file.read_bytes() == b"old"
    broker.call("generate", **request, force=True)
    assert file.read_bytes() == Path(complete["path"]).read_bytes()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE(Path(complete["path"]).stat().st_mode) == 0o600


def damaged_starter(home: Home) -> Path:
    folder = home.root / "starter"
    shutil.copytree(starter_folder(), folder)
    home.environ["LOFI_MODEL_FOLDER"] = str(folder)
    home.environ["LOFI_WORKER_ENGINE"] = "onnx"
    return folder


@pytest.mark.parametrize("name", ["model.toml", "decoder.onnx", "tokenizer.json"])
def test_a_missing_file_of_the_model_is_named(home: Home, name: str) -> None:
    (damaged_starter(home) / name).unlink()
    with Stdio(home.environ) as broker:
        error = broker.error("generate", prompt="x", duration_sec=5)
        assert error["data"]["error_code"] == "MODEL_NOT_FOUND" and name in error["message"]


def test_a_cut_file_of_the_model_is_named(home: Home) -> None:
    file = damaged_starter(home) / "codec.onnx"
    file.write_bytes(file.read_bytes()[:-1])
    with Stdio(home.environ) as broker:
        error = broker.error("generate", prompt="x", duration_sec=5)
        assert error["data"]["error_code"] == "MODEL_LOAD_FAILED" and "codec.onnx" in error["message"]


@pytest.mark.parametrize("name", ["decoder.onnx", "text_encoder.onnx", "codec.onnx", "tokenizer.json"])
def test_a_flipped_bit_in_the_model_is_found_and_named(home: Home, name: str) -> None:
    file = damaged_starter(home) / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with Stdio(home.environ) as broker:
        tracks = [broker.call("generate", prompt=p, duration_sec=5)["track_id"] for p in ("one", "two")]
        for track_id_ in tracks:
            error = broker.wait("generation_error", track_id_)
            assert error["code"] == "MODEL_LOAD_FAILED" and name in error["message"]
        broker.wait("worker_restart")
        assert name in broker.call("status")["workers"][0]["reason"]
        assert ("lofi-tiny", "failed") in [(n["model"], n["state"]) for n in broker.notices("model_status")]


def test_a_broken_model_stops_nobody_from_looking_and_stopping(home: Home) -> None:
    assert home.submit("x", "-d", "5").returncode == 0
    (Path(home.environ["LOFI_MODEL_FOLDER"]) / "model.toml").unlink()
    refused = home.submit("y", "-d", "5")
    assert refused.returncode == 5 and "model.toml" in refused.stderr
    for command in ("status", "queue", "tracks"):
        assert home.lofi(command).returncode == 0, command
    assert home.lofi("broker", "stop").returncode == 0


def test_only_files_are_ever_replaced_and_links_are_followed(home: Home) -> None:
    fifo, file, link = (home.root / name for name in ("fifo", "file.wav", "link.wav"))
    os.mkfifo(fifo)
    link.symlink_to(file)
    refused = home.submit("x", "-d", "5", "-o", str(fifo))
    assert refused.returncode == 1 and "neither a file nor a folder" in refused.stderr
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert home.submit("x", "-d", "5", "-o", str(link)).returncode == 1 and not file.exists()
    assert home.submit("x", "-d", "5", "-o", str(link), "--force").returncode == 0
    assert link.is_symlink() and file.read_bytes()[:4] == b"RIFF"


def test_the_name_of_the_output_tells_the_format(home: Home) -> None:
    for name, magic in (("a.flac", b"fLaC"), ("b.OGG", b"OggS"), ("c.txt", b"RIFF")):
        assert home.submit("x", "-d", "5", "-o", str(home.root / name)).returncode == 0
        assert (home.root / name).read_bytes()[:4] == magic


def test_somebody_else_s_output_that_fails_is_not_mine(broker: Stdio, home: Home) -> None:
    gone, mine = home.root / "gone", home.root / "mine.wav"
    gone.mkdir()
    slow = broker.call("generate", prompt="slow 60", duration_sec=5)["track_id"]
    broker.wait("generation_start", slow)
    for output in (gone / "x.wav", mine):
        name = broker.call("generate", prompt="x", duration_sec=5, seed=1, output=str(output))["track_id"]
    gone.rmdir()
    broker.call("queue_cancel", track_id=slow)
    complete = broker.wait("generation_complete", name)
    assert list(complete["output_errors"]) == [str(gone / "x.wav")] and mine.exists()
    gone.mkdir()
    for output in (mine, gone / "x.wav"):  # both are fine now
        done = home.submit("x", "-d", "5", "--seed", "1", "-o", str(output))
        assert (done.returncode, done.stdout) == (0, f"{output}\n")
