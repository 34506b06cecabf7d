"""What a worker may take, and that it comes back."""

from __future__ import annotations

import psutil
import pytest

from tests.support.home import Home
from tests.support.stdio import Stdio

SETTINGS = {"LOFI_WORKER_MAX_RSS_MB": "400"}


@pytest.mark.parametrize("prompt", ["grow", "grow-shared slow 20"])
def test_a_track_that_eats_memory_ends_with_that_reason(home: Home, prompt: str) -> None:
    home.environ |= SETTINGS
    with Stdio(home.environ) as broker:
        hungry = broker.call("generate", prompt=prompt, duration_sec=5)["track_id"]
        next_one = broker.call("generate", prompt="modest", duration_sec=5)["track_id"]
        error = broker.wait("generation_error", hungry)
        assert error["code"] == "MODEL_INFERENCE_FAILED" and "out of memory" in error["message"]
        broker.wait("generation_complete", next_one)


def test_linux_ends_a_worker_before_the_broker(home: Home) -> None:
    with Stdio(home.environ) as broker:
        broker.wait("generation_complete", broker.call("generate", prompt="x", duration_sec=5)["track_id"])
        (worker,) = broker.call("status")["workers"]
        with open(f"/proc/{worker['pid']}/oom_score_adj") as file:
            assert int(file.read()) == 500


def test_an_idle_worker_leaves_and_the_next_job_gets_another(home: Home) -> None:
    home.environ["LOFI_WORKER_IDLE_UNLOAD_SEC"] = "0.5"
    with Stdio(home.environ) as broker:
        first = broker.call("generate", prompt="x", duration_sec=5)["track_id"]
        broker.wait("generation_complete", first)
        (worker,) = broker.call("status")["workers"]
        psutil.wait_procs([psutil.Process(worker["pid"])], timeout=20)
        assert not psutil.pid_exists(worker["pid"])
        broker.wait("generation_complete", broker.call("generate", prompt="y", duration_sec=5)["track_id"])
