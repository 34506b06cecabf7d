"""Real workers that die, stop, refuse to leave or grow, and a pool of two."""

from __future__ import annotations

import os
import select
import signal

from tests.support.home import Home
from tests.support.hooks import hooked
from tests.support.impostor import await_log
from tests.support.stdio import Stdio


def generate(broker: Stdio, prompt: str) -> str:
    return str(broker.call("generate", prompt=prompt, duration_sec=5)["track_id"])


def pids(broker: Stdio) -> list[int]:
    return [worker["pid"] for worker in broker.call("status")["workers"]]


def test_two_workers_work_at_once_and_one_outlives_the_other(home: Home) -> None:
    home.environ["LOFI_WORKER_COUNT"] = "2"
    with Stdio(home.environ) as broker:
        tracks = [generate(broker, f"slow 1 {number}") for number in range(3)]
        for track_id in tracks[:2]:
            broker.wait("generation_progress", track_id)
        assert broker.notices("generation_complete") == []
        (waiting,) = broker.call("queue_status")["pending"]  # one job at a time for each
        assert waiting["track_id"] == tracks[2]
        first, second = pids(broker)
        os.kill(first, signal.SIGKILL)
        for track_id in tracks:
            broker.wait("generation_complete", track_id)
        assert [each["worker"] for each in broker.notices("worker_restart")] == ["w0"]
        assert pids(broker)[1] == second
        starts = [len(broker.notices("generation_start", track_id)) for track_id in tracks]
        assert sorted(starts[:2]) == [1, 2] and starts[2] == 1


def test_a_stopped_worker_is_told_by_its_job_alone(home: Home) -> None:
    home.environ |= {"LOFI_WORKER_STALL_SEC": "0.8", "LOFI_WORKER_SILENCE_SEC": "60"}
    with Stdio(home.environ) as broker:
        track_id = generate(broker, "slow 0.5")
        broker.wait("generation_progress", track_id)
        (pid,) = pids(broker)
        os.kill(pid, signal.SIGSTOP)
        assert broker.wait("worker_restart")["reason"] == "no progress for 0.8 s"
        broker.wait("generation_complete", track_id)


DIES = """
import os, sys
if "lofi_worker" in sys.orig_argv:
    os.write(2, b"no such library\\n")
    os._exit(7)
import lofi_broker.workers
lofi_broker.workers.BACKOFF_FIRST_SEC = 0.01
"""


def test_a_worker_that_dies_at_each_start_is_given_a_rest_and_status_says_why(home: Home) -> None:
    home.environ |= hooked(home.root / "hook", DIES)
    with Stdio(home.environ) as broker:
        track_id = generate(broker, "x")
        broker.wait("worker_restart", count=5)
        (worker,) = broker.call("status")["workers"]
        assert worker["state"] == "disabled" and worker["restarts"] == 5
        assert worker["reason"] == "died while loading: exit code 7: no such library"
        (waiting,) = broker.call("queue_status")["pending"]  # until the rest is over
        assert waiting["track_id"] == track_id


DEAF = """
import os, signal, sys
if "lofi_worker" in sys.orig_argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.dup2(os.pipe()[0], 0)
"""


def test_a_worker_that_does_not_want_to_leave(home: Home) -> None:
    home.environ |= hooked(home.root / "hook", DEAF) | {"LOFI_WORKER_STOP_GRACE_SEC": "0.3"}
    with Stdio(home.environ) as broker:
        track_id = generate(broker, "hang")
        await_log(home, f"attempt_started track_id={track_id}")
        worker = os.pidfd_open(*pids(broker))
        assert broker.close() == 0
        assert select.select([worker], [], [], 0.0)[0]
        os.close(worker)
    log = (home.paths.logs / "broker.log").read_text()
    assert "event=worker_exited worker=w0 reason='killed by SIGKILL'" in log


FROZEN = """
import os, signal, sys
if "lofi_worker" in sys.orig_argv:
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_worker_that_loads_is_not_waited_for(home: Home) -> None:
    home.environ |= hooked(home.root / "hook", FROZEN) | {"LOFI_WORKER_STOP_GRACE_SEC": "60"}
    with Stdio(home.environ) as broker:
        generate(broker, "anything")
        await_log(home, "event=worker_spawned")
        worker = os.pidfd_open(*pids(broker))
        assert broker.close() == 0
        assert select.select([worker], [], [], 0.0)[0]
        os.close(worker)


WITHOUT_PRCTL = """
import ctypes, sys
if "lofi_worker" in sys.orig_argv:
    load = ctypes.CDLL
    def without_prctl(name, *arguments, **named):
        library = load(name, *arguments, **named)
        if name is None:
            library.prctl = lambda *_: 0
        return library
    ctypes.CDLL = without_prctl
"""


def test_where_the_kernel_does_not_tell_of_a_parent_s_end_stdin_does(home: Home) -> None:
    home.environ |= hooked(home.root / "hook", WITHOUT_PRCTL)
    with Stdio(home.environ) as broker:
        track_id = generate(broker, "hang")
        await_log(home, f"attempt_started track_id={track_id}")
        worker = os.pidfd_open(*pids(broker))
        broker.process.kill()
        gone = bool(select.select([worker], [], [], 1.0)[0])
        if not gone:
            signal.pidfd_send_signal(worker, signal.SIGKILL)
        os.close(worker)
    assert gone, "the worker outlived its broker by a second"


def test_a_worker_that_has_grown_is_replaced_and_its_memory_is_back(home: Home) -> None:
    home.environ["LOFI_WORKER_MAX_RSS_MB"] = "400"
    with Stdio(home.environ) as broker:
        track_id = generate(broker, "grow-shared slow 5 fail@14")
        assert "scripted failure" in broker.wait("generation_error", track_id)["message"]
        grown = pids(broker)
        await_log(home, "grown from")
        broker.wait("generation_complete", generate(broker, "fine"))
        (worker,) = broker.call("status")["workers"]
        assert [worker["pid"]] != grown and worker["rss"] < 200_000_000
        assert worker["restarts"] == 0 and broker.notices("worker_restart") == []
