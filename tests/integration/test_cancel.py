"""Cancel against real workers: inside a step, by force, and in a race with the end of the track."""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from contextlib import closing

from tests.support.home import Home
from tests.support.impostor import await_log
from tests.support.stdio import Stdio


def generate(broker: Stdio, prompt: str, **more: object) -> str:
    return str(broker.call("generate", prompt=prompt, duration_sec=5, **more)["track_id"])


def begun(broker: Stdio, home: Home, prompt: str) -> tuple[str, int]:
    """A job that its worker computes by now, and the process."""
    track_id = generate(broker, prompt)
    await_log(home, f"attempt_started track_id={track_id}")
    return track_id, int(broker.call("status")["workers"][0]["pid"])


def test_a_step_that_lasts_a_minute_ends_at_once(broker: Stdio, home: Home) -> None:
    cancelled, pid = begun(broker, home, "slow 6000")
    fine = generate(broker, "fine")
    began = time.monotonic()
    broker.call("queue_cancel", track_id=cancelled)
    broker.wait("generation_start", fine)
    assert time.monotonic() - began < 2.0 - 0.5  # before the grace is over, by which it would end as well
    broker.wait("generation_complete", fine)
    assert broker.notices("worker_restart") == []
    assert broker.call("status")["workers"][0]["pid"] == pid


def test_what_does_not_stop_is_ended_by_force(home: Home) -> None:
    home.environ["LOFI_WORKER_STOP_GRACE_SEC"] = "0.3"
    with Stdio(home.environ) as broker:
        cancelled, pid = begun(broker, home, "hang")
        fine = generate(broker, "fine")
        broker.call("queue_cancel", track_id=cancelled)
        assert broker.wait("generation_error", cancelled)["code"] == "GENERATION_CANCELLED"
        broker.wait("generation_complete", fine)
        assert broker.wait("worker_restart")["reason"] == "did not stop a cancelled job"
        assert broker.call("status")["workers"][0]["pid"] != pid
        assert len(broker.notices("generation_start", fine)) == 1


def test_of_cancel_and_complete_exactly_one_wins(broker: Stdio, home: Home) -> None:
    rng = random.Random(1)
    times = []
    for seed in range(5):
        began = time.monotonic()
        broker.wait("generation_complete", generate(broker, "undisturbed", seed=seed))
        times.append(time.monotonic() - began)
    usual = statistics.median(times[1:])
    won = {"complete": 0, "cancelled": 0}
    for seed in range(100):
        track_id = generate(broker, "race", seed=seed)
        time.sleep(rng.uniform(0.0, 1.5 * usual))
        answer = broker.request("queue_cancel", {"track_id": track_id})
        state = answer["result"]["status"] if "result" in answer else "complete"
        if state == "cancelled":
            assert broker.wait("generation_error", track_id)["code"] == "GENERATION_CANCELLED"
        else:
            broker.wait("generation_complete", track_id)
            state = "complete"
        assert broker.call("track_get", track_id=track_id)["status"] == state
        assert (home.paths.tracks / f"{track_id}.wav").exists() == (state == "complete")
        won[state] += 1
    broker.wait("generation_complete", generate(broker, "the last"))
    print(f"of 100 races: {won}")
    assert min(won.values()) > 0
    ends = broker.notices("generation_complete") + broker.notices("generation_error")
    assert len(ends) == len({end["track_id"] for end in ends}) == 106
    assert broker.close() == 0
    with closing(sqlite3.connect(home.paths.database)) as db:
        states = "SELECT count(*) FROM job_events WHERE state IN ('complete', 'cancelled', 'failed')"
        assert db.execute(f"{states} GROUP BY track_id").fetchall() == [(1,)] * 106
    assert list(home.paths.spool.iterdir()) == []
