"""The measure of the promise that front ends answer."""

from __future__ import annotations

import time

from tests.support.pings import Pings


def test_a_stall_fills_as_many_samples_as_it_lasted() -> None:
    pauses = iter([0.0] * 10 + [0.2])
    with Pings("a stall of 200 ms", lambda: time.sleep(next(pauses, 0.0))) as pings:
        time.sleep(0.5)
    assert sum(seconds > 0.1 for seconds in pings.seconds) >= 15
    assert pings.p99_ms > 150
