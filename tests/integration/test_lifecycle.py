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

from lofi_common.broker_file import BrokerFile, read_broker_file, write_broker_file
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
        running = broker.call("generate", prompt="slow 1", duration_sec=5, seed=1)["track_id"]
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
    process = start_headless(home, LOFI_BROKER_IDLE_EXIT_SEC="0.4")
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
    assert done.returncode == 1 and "LOFI_HOME" in done.stderr


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


def test_modules_of_the_folder_one_is_in_are_not_loaded(home: Home) -> None:
    (home.root / "queue.py").write_text("raise SystemExit('shadowed')\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "lofi_cli.submit", "x", "-d", "5"],
        cwd=home.root,
        env={**os.environ, **home.environ, "LOFI_HOME": "."},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(done.stdout.strip()).parent == home.paths.tracks


def test_a_file_left_by_a_crash_counts_for_nothing_even_if_its_pid_lives(home: Home) -> None:
    home.paths.make()
    stale = BrokerFile(pid=os.getpid(), protocol=1, version="0", endpoint=home.paths.socket("clients"))
    write_broker_file(home.paths.broker_file, stale)
    assert home.lofi("broker", "status").returncode == 3
    assert home.submit("x", "-d", "5").returncode == 0


def test_a_broker_that_is_asked_for_while_the_old_one_leaves_waits_for_it(home: Home) -> None:
    with Stdio(home.environ) as old:
        old.call("generate", prompt="slow 60", duration_sec=5)
        old.wait("generation_start")
        old.call("shutdown")
        with Stdio(home.environ) as new:
            assert new.call("status")["broker"]["pid"] == new.process.pid


def raw_stdio(home: Home, stderr: int, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """A broker on stdio whose streams the test reads, or does not read, itself."""
    return subprocess.Popen(
        [sys.executable, "-m", "lofi_broker", "--stdio"],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, **home.environ},
    )


def test_a_reader_that_is_gone_does_not_keep_the_broker(home: Home) -> None:
    process = raw_stdio(home, subprocess.DEVNULL)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n')
    process.stdin.flush()
    assert b'"id":1' in process.stdout.readline()
    process.stdout.close()
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n' * 3000)
    process.stdin.close()
    assert process.wait(10.0) == 0


def test_a_reader_that_stopped_reading_does_not_keep_the_broker(home: Home) -> None:
    process = raw_stdio(home, subprocess.DEVNULL)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n' * 6000)
    process.stdin.flush()
    assert select.select([process.stdout], [], [], 10.0)[0]
    process.terminate()
    assert process.wait(10.0) == 0
    process.stdin.close()
    process.stdout.close()


def test_pipes_that_do_not_block_are_made_to(home: Home) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    process = raw_stdio(home, subprocess.DEVNULL, stdout=write_end)
    os.close(write_end)
    assert process.stdin is not None
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n' * 1000)
    process.stdin.close()
    with os.fdopen(read_end, "rb") as answers:
        assert sum(b'"result"' in line for line in answers) == 1000
    assert process.wait(10.0) == 0


def test_answers_reach_a_reader_that_is_slow(home: Home) -> None:
    process = raw_stdio(home, subprocess.DEVNULL)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n' * 3000)
    process.stdin.close()
    assert select.select([process.stdout], [], [], 10.0)[0]
    answers = 0
    for line in process.stdout:  # the pipe is full most of the time: the broker waits for this reader
        answers += b'"result"' in line
    process.stdout.close()
    assert (answers, process.wait(10.0)) == (3000, 0)


def test_an_unread_stderr_holds_nobody_up(home: Home) -> None:
    """More log lines than a pipe holds, and nobody who reads them."""
    process = raw_stdio(home, subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    for number in range(200):
        params = {"prompt": f"fail@1 {number} {'x' * 900}", "duration_sec": 5, "output": "/nowhere/x"}
        request = {"jsonrpc": "2.0", "id": number, "method": "generate", "params": params}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        del params["output"]
        process.stdin.write(json.dumps({**request, "id": f"q{number}"}).encode() + b"\n")
        process.stdin.flush()
        answers = set()
        while answers != {number, f"q{number}"}:
            message = json.loads(process.stdout.readline())
            answers |= {message["id"]} if "id" in message else set()
    process.stdin.close()
    assert process.wait(10.0) == 0
    process.stdout.close()
    process.stderr.close()


def test_a_track_that_a_script_queued_outlives_the_editor(home: Home) -> None:
    with Stdio(home.environ) as broker:
        broker.call("status")
        track_id = home.submit("slow 1.5", "-d", "5", "--no-wait").stdout.strip()
        assert broker.process.stdin is not None
        broker.process.stdin.close()
        with RawClient(home.paths.socket("clients")) as client:
            client.call("initialize", client="test", protocol=1, events=True)
            if client.call("track_get", track_id=track_id)["status"] != "complete":
                assert client.wait("generation_complete")["track_id"] == track_id
            client.call("shutdown")
        assert broker.process.wait(10.0) == 0


def test_a_broker_that_outlived_its_editor_leaves_with_the_last_of_the_others(home: Home) -> None:
    with Stdio(home.environ) as broker:
        broker.call("status")
        with Stdio(home.environ) as second, Stdio(home.environ) as third:
            second.call("status")
            third.call("status")
            assert broker.process.stdin is not None
            broker.process.stdin.close()
            assert second.close() == 0
            assert third.call("status")["broker"]["pid"] == broker.process.pid
            assert third.close() == 0
        assert broker.process.wait(10.0) == 0
