"""A short soak; `python -m benchmarks.soak` is the long one."""

from __future__ import annotations

from benchmarks.soak import soak


def test_a_broker_under_many_jobs_does_not_grow() -> None:
    figures = soak(150, warm=50)
    assert (figures.complete, figures.failed, figures.cancelled) == (120, 15, 15)
    assert figures.growth() < 1_000_000, figures.rss
    assert max(figures.descriptors) - figures.descriptors[0] <= 1, figures.descriptors
    assert figures.p99_ms() < 500  # the figure itself comes from the long run
