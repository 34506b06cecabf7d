"""Beginnings of track ids, resolved against a queue and a library of three pages."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lofi_cli.ids import resolve, resolve_all
from lofi_client import Lofi
from lofi_common import api
from lofi_common.errors import InvalidTrackId
from lofi_common.jobs import AudioFormat, JobState

RUNNING, WAITING = "aaaa000000000001", "aaab000000000002"
LIBRARY = [f"{number:04x}{'0' * 12}" for number in range(2500)] + [f"feed00000000000{i}" for i in range(8)]


def track(track_id: str) -> api.Track:
    sampling: dict[str, Any] = {"temperature": 1.0, "top_k": 0, "top_p": 0.0, "guidance_scale": 3.0}
    return api.Track(
        track_id=track_id,
        status=JobState.COMPLETE,
        prompt="x",
        duration_sec=5,
        seed=1,
        model_version="m",
        format=AudioFormat.WAV,
        **sampling,
    )


class Library:
    """Answers as the client does, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def queue(self) -> api.QueueStatusResult:
        self.asked += 1
        return api.QueueStatusResult(
            current=api.CurrentJob(track_id=RUNNING, prompt="x", percent=3),
            pending=[api.PendingJob(track_id=WAITING, prompt="x", position=0)],
        )

    def tracks(self, *, limit: int, offset: int) -> api.CacheListResult:
        self.asked += 1
        page = LIBRARY[offset : offset + limit]
        return api.CacheListResult(tracks=[track(track_id) for track_id in page], total=len(LIBRARY))


@pytest.fixture
def library() -> Library:
    return Library()


def resolved(library: Library, *texts: str) -> list[str]:
    return resolve_all(cast(Lofi, library), texts)


def test_a_beginning_names_the_one_track_of_queue_or_library(library: Library) -> None:
    assert resolve(cast(Lofi, library), "aaaa") == RUNNING
    assert resolved(library, "aaab", "09c3", " 0000 ", "FEED000000000003") == [
        WAITING,
        LIBRARY[0x9C3],
        LIBRARY[0],
        "feed000000000003",
    ]


def test_each_is_named_once(library: Library) -> None:
    assert resolved(library, "aaaa", RUNNING, "aaaa0") == [RUNNING]


def test_a_list_that_is_played_may_have_a_track_twice(library: Library) -> None:
    assert resolve_all(cast(Lofi, library), ["aaaa", RUNNING], repeated=True) == [RUNNING, RUNNING]


def test_a_whole_id_is_taken_as_it_is_and_nobody_is_asked(library: Library) -> None:
    assert resolved(library, "0123456789abcdef") == ["0123456789abcdef"]
    assert library.asked == 0


def test_several_beginnings_cost_one_reading(library: Library) -> None:
    resolved(library, "aaaa", "aaab", "0000")
    assert library.asked == 1 + 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("beef", "no track's id begins with beef"),
        ("aaa", "too short"),
        ("", "too short"),
        ("rainy night", "no track's id begins with rainy night"),
    ],
)
def test_what_names_no_track(library: Library, text: str, words: str) -> None:
    with pytest.raises(InvalidTrackId, match=words):
        resolved(library, text)


def test_what_names_several_lists_five_at_most(library: Library) -> None:
    with pytest.raises(InvalidTrackId) as refused:
        resolved(library, "feed")
    listed = ", ".join(f"feed00000000000{i}" for i in range(5))
    assert str(refused.value) == f"8 ids begin with feed: {listed} and 3 more"
    assert "more characters" in refused.value.recovery
