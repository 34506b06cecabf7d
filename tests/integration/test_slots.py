"""`worker_slots` of a running broker."""

from __future__ import annotations

from tests.support.home import Home
from tests.support.stdio import Stdio


def test_jobs_run_side_by_side_once_slots_are_asked_for(broker: Stdio, home: Home) -> None:
    assert broker.call("worker_slots", slots=3) == {"slots": 3, "before": 1}
    names = [
        broker.call("generate", prompt="slow 60", duration_sec=5, seed=seed)["track_id"] for seed in (1, 2, 3)
    ]
    for name in names:
        broker.wait("generation_start", name)
    (worker,) = broker.call("status")["workers"]
    assert worker["slots"] == 3
    assert "3 tracks side by side" in home.lofi("status").stdout
    assert broker.call("worker_slots") == {"slots": 1, "before": 3}
    for name in names[:2]:
        broker.call("queue_cancel", track_id=name)
    last = broker.call("generate", prompt="x", duration_sec=5)["track_id"]
    assert broker.call("queue_status")["pending"][0]["track_id"] == last  # two slots are free, but going
    broker.call("queue_cancel", track_id=names[2])
    broker.wait("generation_complete", last)
    (worker,) = broker.call("status")["workers"]
    assert (worker["slots"], worker["restarts"]) == (1, 0)


def test_more_slots_than_the_worker_has_memory_for_are_refused_in_words(home: Home) -> None:
    home.environ |= {"LOFI_WORKER_ENGINE": "onnx", "LOFI_WORKER_MAX_RSS_MB": "100"}
    del home.environ["LOFI_MODEL_FOLDER"]
    with Stdio(home.environ) as broker:
        error = broker.error("worker_slots", slots=64)
        assert error["data"]["error_code"] == "INVALID_PARAMS"
        assert "lofi-tiny has memory for" in error["message"], error
        for wrong in (0, 65, -1, "2"):
            assert "slots" in broker.error("worker_slots", slots=wrong)["message"]
        assert (
            broker.error("worker_slots", slots=1, model="nobody")["data"]["error_code"] == "MODEL_NOT_FOUND"
        )
        assert broker.call("worker_slots", slots=2) == {"slots": 2, "before": 1}
