"""A disk that answers with errors: syncs, renames and writes that fail, folders that can't be written."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faults import FDATASYNC, FSYNC, RENAME, fail, faulty, mend, needs_fiu
from tests.support.home import Home
from tests.support.stdio import Stdio

CAN_MOUNT = subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0
_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'

_FULL = """
mount -t tmpfs -o size=400k,mode=0700 none "$0" && mkdir -p "$0/state/logs" "$0/data" "$0/config" &&
{ cat /dev/zero > "$0/zeros" 2> /dev/null || exec "$@"; }
"""


@pytest.fixture
def shaky(home: Home, short_tmp: Path) -> Iterator[Stdio]:
    """A broker whose disk can be made to fail."""
    with Stdio({**home.environ, **faulty(short_tmp)}) as session:
        session.call("status")
        yield session


@needs_fiu
@pytest.mark.parametrize("call", [FSYNC, RENAME])
def test_a_track_that_can_t_be_put_into_the_library_fails_and_leaves_nothing(
    shaky: Stdio, home: Home, short_tmp: Path, call: str
) -> None:
    pid = shaky.process.pid
    slow = shaky.call("generate", prompt="slow 60", duration_sec=5, seed=1)["track_id"]
    shaky.wait("generation_start", slow)
    name = shaky.call("generate", prompt="x", duration_sec=5, seed=1)["track_id"]
    fail(short_tmp, pid, call)
    shaky.call("queue_cancel", track_id=slow)
    error = shaky.wait("generation_error", name)
    assert error["code"] == "CACHE_WRITE_ERROR" and "Input/output error" in error["message"]
    assert list(home.paths.tracks.iterdir()) == [] and list(home.paths.spool.iterdir()) == []
    mend(short_tmp, pid, call)
    assert shaky.call("generate", prompt="x", duration_sec=5, seed=1)["track_id"] == name
    assert Path(shaky.wait("generation_complete", name)["path"]).is_file()


@needs_fiu
def test_a_request_that_can_t_be_synced_is_refused(shaky: Stdio, home: Home, short_tmp: Path) -> None:
    pid = shaky.process.pid
    fail(short_tmp, pid, FSYNC, FDATASYNC)
    refused = shaky.request("generate", {"prompt": "x", "duration_sec": 5, "seed": 1})
    assert "the job can't be saved" in refused["error"]["message"], refused
    assert shaky.call("queue_status")["pending"] == []
    mend(short_tmp, pid, FSYNC, FDATASYNC)
    name = shaky.call("generate", prompt="x", duration_sec=5, seed=1)["track_id"]
    shaky.wait("generation_complete", name)


@needs_fiu
def test_a_broker_that_can_t_write_its_queue_leaves_with_the_reason_and_the_next_goes_on(
    shaky: Stdio, home: Home, short_tmp: Path
) -> None:
    name = shaky.call("generate", prompt="slow 1", duration_sec=5, seed=1)["track_id"]
    shaky.wait("generation_start", name)
    fail(short_tmp, shaky.process.pid, FDATASYNC)
    assert shaky.process.wait(20) == 1
    with Stdio(home.environ) as following:
        # Whether what could not be synced is there after all is the disk's to say; the track is, either way.
        answer = following.call("generate", prompt="slow 1", duration_sec=5, seed=1)
        assert answer["track_id"] == name
        track = answer if answer["status"] == "complete" else following.wait("generation_complete", name)
        assert Path(track["path"]).is_file()
    assert b"can't be written" in shaky.stderr


@pytest.mark.skipif(not CAN_MOUNT, reason="nothing can be mounted here")
def test_a_disk_that_is_read_only_from_the_start_fails_tracks_and_nothing_else(home: Home) -> None:
    home.paths.make()
    leftover = home.paths.spool / "0123456789abcdef.1.wav"
    leftover.write_bytes(b"x")
    home.wrapper = ["unshare", "-rm", "sh", "-c", _READ_ONLY, str(home.paths.data)]
    for _ in range(2):
        failed = home.submit("not made", "-d", "5", "--json")
        assert (
            "CACHE_WRITE_ERROR" in failed.stdout and "Read-only file system" in failed.stdout + failed.stderr
        )
    log = (home.paths.logs / "broker.log").read_text()
    assert f"leftover_stays file={leftover}" in log and "worker_exited" not in log
    home.stop()
    home.wrapper = []
    assert home.submit("made", "-d", "5").returncode == 0
    assert not leftover.exists()


@pytest.mark.skipif(not CAN_MOUNT, reason="nothing can be mounted here")
def test_a_library_that_is_read_only_fails_the_track_and_is_still_listed(home: Home) -> None:
    def path_of_the_track() -> str:
        done = home.submit("made", "-d", "5", "--seed", "1", "--json")
        return str(json.loads(done.stdout.splitlines()[-1])["path"])

    made = path_of_the_track()
    home.stop()
    home.wrapper = ["unshare", "-rm", "sh", "-c", _READ_ONLY, str(home.paths.tracks)]
    failed = home.submit("not made", "-d", "5")
    assert failed.returncode == 1 and "Read-only file system" in failed.stderr
    home.wrapper = []
    assert path_of_the_track() == made
    assert list(home.paths.spool.iterdir()) == []


@pytest.mark.skipif(not CAN_MOUNT, reason="nothing can be mounted here")
def test_a_full_disk_at_the_start_is_told_by_the_command_and_by_the_doctor(home: Home) -> None:
    root = home.root / "small"
    root.mkdir(mode=0o700)
    home.environ["LOFI_HOME"] = str(root)
    home.wrapper = ["unshare", "-rm", "sh", "-c", _FULL, str(root)]
    failed = home.lofi("broker", "start")
    assert failed.returncode == 3 and "no space left on its disk" in failed.stderr
    assert "Free some disk space" in failed.stderr
    examined = home.lofi("doctor")
    assert examined.returncode != 0 and "0 MB of disk space free" in examined.stdout + examined.stderr
