"""The chaos run in small: kills, stops and full disks, and nothing that was accepted is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

KILLS = 60


@pytest.mark.timeout(400)
def test_nothing_accepted_is_lost() -> None:
    command = [sys.executable, "-m", "tests.chaos", f"--broker-kills={KILLS}", f"--worker-kills={KILLS}"]
    # A session of its own, so that a run that takes too long is ended with all that it started.
    with subprocess.Popen(
        [*command, "--seed=1", "--recoveries=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        try:
            out, err = run.communicate(timeout=380)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, 9)
            raise
    print(out)
    assert run.returncode == 0, out + err
    *found, last = out.splitlines()
    figures, more = json.loads("\n".join(found)), json.loads(last)
    assert set(figures["invariants"].values()) == {0}
    assert sum(figures["broker_kills"].values()) >= KILLS and sum(figures["worker_kills"].values()) >= KILLS
    assert figures["jobs"]["answered"] > KILLS and figures["jobs"]["complete"] > 0
    assert figures["others"]["disk full"] and figures["others"]["client killed"]
    # The run is not only as good as its luck at random.
    steps = figures["kills_by_step"]
    assert sum(kills > 0 for kills in steps.values()) >= len(steps) / 3, figures["steps_never_met"]
    for engine in ("fake", "onnx"):
        times = more["recovery_sec"][engine]
        assert all(len(times[what]) == 1 for what in ("worker", "load", "broker", "cancel"))
