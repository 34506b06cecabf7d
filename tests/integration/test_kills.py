"""What kills at the worst moment once left behind, one test for each."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from lofi_client.client import Lofi
from lofi_common import wire
from lofi_common.api import GenerateParams, GenerationComplete
from lofi_common.messages import Hello, Ready
from tests.chaos.processes import BrokerProcess
from tests.chaos.stage import Stage, accepted
from tests.integration.test_disk import next_track
from tests.support.home import Home
from tests.support.hooks import hooked
from tests.support.impostor import await_log
from tests.support.stdio import WAIT_SEC, Stdio

TONE = GenerateParams(prompt="tone", duration_sec=5, seed=1)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage("fake", own=False)
    yield stage
    stage.close(keep=False)


def serving(stage: Stage) -> BrokerProcess:
    """A broker that serves and obeys orders to die."""
    broker = stage.start(armed=True)
    assert broker.ready(WAIT_SEC)
    return broker


def dies(broker: BrokerProcess) -> None:
    assert broker.id.gone(WAIT_SEC), "the step was never met"
    assert broker.end() == -signal.SIGKILL


def end(broker: BrokerProcess, lofi: Lofi) -> None:
    lofi.shutdown()
    assert broker.end() == 0


def complete(lofi: Lofi, track_id: str) -> GenerationComplete:
    *_, ended = lofi.follow(accepted(lofi, track_id), WAIT_SEC)
    assert isinstance(ended, GenerationComplete), ended
    return ended


def files(stage: Stage) -> list[str]:
    paths = stage.home.paths
    return sorted(path.name for folder in (paths.tracks, paths.spool) for path in folder.iterdir())


def whole(track_id: str) -> list[str]:
    """The files of a track."""
    return [f"{track_id}.{suffix}" for suffix in ("json", "tokens", "wav")]


# The job is saved in each of its states, its prompt once. The broker itself writes, syncs and renames
# broker.json first, then the metadata, the tokens, the track's file.
@pytest.mark.parametrize(
    ("step", "count"),
    [
        ("write.half", 2),
        ("fsync.after", 1),
        ("rename.after", 2),
        ("rename.after", 3),
        ("rename.after", 4),
        ("save.before", 5),
    ],
)
def test_a_kill_while_a_track_is_put_into_the_library_leaves_nothing(
    stage: Stage, step: str, count: int
) -> None:
    stage.steps.arm("broker", step, count)
    broker = serving(stage)
    with stage.connect() as lofi:
        track_id = lofi.submit(TONE).track_id
    dies(broker)
    stage.steps.arm("broker", "spawn.before", 1)  # before the job runs again
    dies(stage.start(armed=True))
    assert files(stage) == []
    broker = stage.serve()
    with stage.connect() as lofi:
        complete(lofi, track_id)
        assert files(stage) == whole(track_id)
        end(broker, lofi)


@pytest.mark.parametrize(
    ("step", "count", "kept"),
    [
        ("unlink.before", 1, True),
        ("unlink.before", 2, True),
        ("unlink.before", 3, False),
        ("unlink.after", 3, False),
        ("fsync.after", 1, False),
        ("save.before", 1, False),
    ],
)
def test_a_kill_while_a_track_is_deleted_leaves_it_or_nothing(
    stage: Stage, step: str, count: int, kept: bool
) -> None:
    broker = serving(stage)
    with stage.connect() as lofi:
        track_id = lofi.submit(TONE).track_id
        complete(lofi, track_id)
        stage.steps.arm("broker", step, count)
        with pytest.raises(Exception, match="broker"):
            lofi.delete_track(track_id)
    dies(broker)
    broker = stage.serve()
    assert files(stage) == (whole(track_id) if kept else [])
    with stage.connect() as lofi:
        assert lofi.tracks().total == kept
        end(broker, lofi)


def test_a_track_that_its_user_tagged_is_not_swept(home: Home) -> None:
    with Stdio(home.environ) as broker:
        request = {"prompt": "x", "duration_sec": 5, "seed": 1, "format": "mp3"}
        path = Path(
            broker.wait("generation_complete", broker.call("generate", **request)["track_id"])["path"]
        )
    made = path.read_bytes()
    tagged = made + b"TAG" + b"my title".ljust(125, b"\0")
    path.write_bytes(tagged)
    for _ in range(2):
        with Stdio(home.environ) as broker:
            assert broker.error("track_get", track_id=path.stem)["data"]["error_code"] == "INVALID_TRACK_ID"
        assert path.read_bytes() == tagged
    with Stdio(home.environ) as broker:  # asked for again, it is what it was
        broker.wait("generation_complete", broker.call("generate", **request)["track_id"])
        assert path.read_bytes() == made


def test_files_of_others_are_not_swept(stage: Stage) -> None:
    broker = stage.serve()
    with stage.connect() as lofi:
        end(broker, lofi)
    others = ["0123456789abcdef.json", "0123456789abcdef.wav", "notes.txt"]
    for name in others:
        (stage.home.paths.tracks / name).write_bytes(b"mine")
    broker = stage.serve()
    with stage.connect() as lofi:
        end(broker, lofi)
    assert files(stage) == others


@pytest.mark.parametrize("step", ["write.half", "send.done.before"])
def test_a_worker_that_dies_leaves_nothing_in_the_spool(stage: Stage, step: str) -> None:
    stage.steps.arm("worker", step, 1)
    broker = serving(stage)
    with stage.connect() as lofi:
        track_id = lofi.submit(TONE).track_id
        complete(lofi, track_id)
        assert not stage.steps.armed("worker")
        assert files(stage) == whole(track_id)
        end(broker, lofi)


def test_a_track_that_can_t_be_put_into_the_library_leaves_no_metadata(broker: Stdio, home: Home) -> None:
    name = next_track(broker, "x")
    (home.paths.tracks / f"{name}.wav").mkdir()
    broker.call("generate", prompt="x", duration_sec=5, seed=1)
    assert broker.wait("generation_error", name)["code"] == "CACHE_WRITE_ERROR"
    assert [path.name for path in home.paths.tracks.iterdir()] == [f"{name}.wav"]
    assert list(home.paths.spool.iterdir()) == []


def test_a_worker_of_an_earlier_broker_is_not_taken_for_one_of_this(broker: Stdio, home: Home) -> None:
    version = broker.call("models_list")["models"][0]["model_version"]
    context = zmq.Context()
    with context.socket(zmq.DEALER) as earlier:
        earlier.setsockopt(zmq.IDENTITY, b"w0.g1")
        earlier.setsockopt(zmq.LINGER, 0)
        earlier.connect(home.paths.socket("workers"))
        earlier.send_multipart(wire.pack(Hello(protocol=1, worker="w0", generation=1, pid=1)))
        track_id = broker.call("generate", prompt="x", duration_sec=5)["track_id"]
        while broker.call("status")["workers"][0].get("pid") is None:
            pass
        ready = Ready(model_version=version, device="fake", slots=1, load_sec=0.0, rss=1)
        earlier.send_multipart(wire.pack(ready))
        await_log(home, "stale_worker_message worker=w0 generation=1", 2)
        broker.wait("generation_complete", track_id)
        assert not earlier.poll(0), "the job was sent to a worker of another broker"
    context.term()


SLOW_START = """
import sys
if "lofi_worker" in sys.orig_argv:
    class Slow:
        def find_spec(self, name, path, target=None):
            if name == "psutil":
                open({fifo!r}, "w").close()
                import time
                time.sleep(60)
    sys.meta_path.insert(0, Slow())
"""


def test_a_worker_that_only_starts_does_not_outlive_its_broker(home: Home) -> None:
    fifo = home.root / "starts"
    os.mkfifo(fifo)
    home.environ |= hooked(home.root / "hook", SLOW_START.format(fifo=str(fifo)))
    with Stdio(home.environ) as broker:
        broker.call("generate", prompt="x", duration_sec=5)
        with fifo.open() as starts:  # it is on its way, and stays there
            starts.read()
        worker = os.pidfd_open(broker.call("status")["workers"][0]["pid"])
        broker.process.kill()
        assert select.select([worker], [], [], 1.0)[0], "the worker outlived its broker by a second"
        os.close(worker)


def test_a_worker_whose_broker_is_gone_when_it_starts_leaves(home: Home) -> None:
    done = home.run("lofi_worker", "--help")  # the end of stdin of a closed pipe, not of a file, tells
    assert done.returncode == 0
    read_end, write_end = os.pipe()
    os.close(write_end)
    with os.fdopen(read_end) as stdin:
        gone = subprocess.run(
            [sys.executable, "-m", "lofi_worker", "--help"], stdin=stdin, capture_output=True
        )
    assert (gone.returncode, gone.stdout) == (1, b"")
