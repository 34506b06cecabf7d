"""Starting and leaving: end of file, drain, idle exit, one broker per user, nothing lost in between."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lofi_common.broker_file import read_broker_file
from tests.support.client import RawClient
from tests.support.home import Home
from tests.support.stdio import Stdio


def start_headless(home: Home, **extra: str) -> subprocess.Popen[bytes]:
    """A background broker that is ready."""
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "lofi_broker", f"--ready-fd={write_end}"],
        env={**os.environ, **home.environ, **extra},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(write_end,),
    )
    os.close(write_end)
    with os.fdopen(read_end, "rb") as ready:
        assert ready.read() == b"ready\n"
    return process


def test_end_of_file_leaves_at_once_and_the_queue_waits_on_disk(home: Home) -> None:
    with Stdio(home.environ) as broker:
        running = broker.call("generate", prompt="slow 2", duration_sec=5, seed=1)["track_id"]
        queued = broker.call("generate", prompt="queued", duration_sec=5, seed=1)["track_id"]
        broker.wait("generation_start", running)
        assert broker.close() == 0
    with Stdio(home.environ) as broker:
        broker.wait("generation_complete", running)
        broker.wait("generation_complete", queued)
        assert [p["track_id"] for p in broker.notices("generation_start")] == [running, queued]


def test_drain_finishes_what_was_piped_in(home: Home) -> None:
    requests = [
        {"jsonrpc": "2.0", "id": n, "method": "generate", "params": {"prompt": f"p{n}", "duration_sec": 5}}
        for n in range(3)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "lofi_broker", "--stdio", "--drain"],
        input="\n".join(json.dumps(request) for request in requests),
        env={**os.environ, **home.environ},
        capture_output=True,
        text=True,
        timeout=30,
    )
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert sum(message.get("method") == "generation_complete" for message in messages) == 3


def test_after_kill_9_of_the_broker_its_jobs_run_again_and_no_worker_is_left(home: Home) -> None:
    with Stdio(home.environ) as broker:
        track_id = broker.call("generate", prompt="slow 1", duration_sec=5, seed=1)["track_id"]
        broker.wait("generation_progress", track_id)
        worker = os.pidfd_open(broker.call("status")["workers"][0]["pid"])
        broker.process.kill()
        assert select.select([worker], [], [], 1.0)[0], "the worker outlived its broker by a second"
        os.close(worker)
    with Stdio(home.environ) as broker:
        assert broker.wait("generation_complete", track_id)["track_id"] == track_id
        assert list(home.paths.spool.iterdir()) == []


def test_a_headless_broker_leaves_when_nobody_needs_it(home: Home) -> None:
    process = start_headless(home, LOFI_BROKER_IDLE_EXIT_SEC="0.2")
    assert process.wait(10.0) == 0
    assert not home.paths.broker_file.exists()


def test_a_busy_or_watched_headless_broker_stays(home: Home) -> None:
    process = start_headless(home, LOFI_BROKER_IDLE_EXIT_SEC="0.2")
    with RawClient(home.paths.socket("clients")) as client:
        client.call("initialize", client="test", protocol=1, events=True)
        track_id = client.call("generate", prompt="slow 1", duration_sec=5)["track_id"]
        assert client.wait("generation_complete")["track_id"] == track_id
        assert process.poll() is None
    assert process.wait(10.0) == 0


def test_a_second_broker_never_binds(home: Home) -> None:
    first = start_headless(home)
    second = home.run("lofi_broker")
    assert second.returncode == 0 and "already" in second.stderr
    with RawClient(home.paths.socket("clients")) as client:
        assert client.call("status")["broker"]["pid"] == first.pid
    first.send_signal(signal.SIGTERM)
    assert first.wait(10.0) == 0


def test_what_a_crash_leaves_behind_does_not_stop_the_next_broker(home: Home) -> None:
    first = start_headless(home)
    first.kill()
    first.wait()
    assert home.paths.broker_file.exists()
    second = start_headless(home)
    found = read_broker_file(home.paths.broker_file)
    assert found is not None and found.pid == second.pid
    second.terminate()
    assert second.wait(10.0) == 0


def test_private_things_are_private(broker: Stdio, home: Home) -> None:
    broker.call("status")
    paths = home.paths
    for path, mode in (
        (paths.runtime, 0o700),
        (paths.state, 0o700),
        (paths.broker_file, 0o600),
        (paths.database, 0o600),
        (paths.runtime / "clients.ipc", 0o700),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == mode, path


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--set", "queue.max_pending=0"], "queue.max_pending"),
        (["--set", "queue.size=3"], "there is no setting queue.size"),
        (["--set", "nonsense"], "section.key=value"),
    ],
)
def test_bad_settings_are_named(home: Home, flags: list[str], words: str) -> None:
    done = home.run("lofi_broker", *flags)
    assert done.returncode == 2 and words in done.stderr


def test_a_bad_config_file_is_named(home: Home) -> None:
    home.paths.config.mkdir()
    home.paths.config_file.write_text("[worker]\nengin = 'fake'\n")
    done = home.run("lofi_broker")
    assert done.returncode == 2
    assert str(home.paths.config_file) in done.stderr and "engin" in done.stderr


def test_a_home_with_too_long_a_path_is_refused_with_advice(home: Home) -> None:
    deep = home.root / ("x" * 100)
    done = home.run("lofi_broker", extra={"LOFI_HOME": str(deep)})
    assert done.returncode == 2 and "LOFI_HOME" in done.stderr


def test_a_database_that_is_none_is_an_error_with_its_name(home: Home) -> None:
    home.paths.make()
    home.paths.database.write_bytes(b"this is not a database, only a file in its place" * 100)
    done = home.run("lofi_broker")
    assert done.returncode == 2 and str(home.paths.database) in done.stderr


def test_prints_of_libraries_never_reach_the_stream(home: Home) -> None:
    script = Path(home.root / "noisy.py")
    script.write_text(
        "import os, sys, lofi_broker.__main__ as m\n"
        "sys.argv = ['lofi-broker', '--stdio']\n"
        "serve = m._serve\n"
        "async def noisy(*a):\n"
        "    os.write(1, b'noise from a C library\\n')\n"
        "    print('noise from Python', flush=True)\n"
        "    return await serve(*a)\n"
        "m._serve = noisy\n"
        "m.main()\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        input='{"jsonrpc":"2.0","id":1,"method":"queue_status"}\n',
        env={**os.environ, **home.environ},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1]
    assert "noise from a C library" in done.stderr
