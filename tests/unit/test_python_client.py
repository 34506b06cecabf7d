"""The Python client without a broker: who gets which event, and what its functions look like."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import lofi_client
from lofi_client import AsyncLofi, BrokerUnavailable, GenerationComplete, GenerationError, Lofi
from lofi_client.following import TrackFollowing
from lofi_client.post import Inbox, Post
from lofi_common import api
from lofi_common.errors import ALL_ERRORS, MethodNotFound, ParseError
from lofi_common.jobs import AudioFormat, JobState
from lofi_common.messages import Event

TRACK = "0123456789abcdef"


def event(method: str, seq: int = 1, **params: object) -> Event:
    return Event(seq=seq, method=method, params=params)


def progress(percent: int, track_id: str = TRACK) -> Event:
    return event(
        "generation_progress",
        track_id=track_id,
        percent=percent,
        tokens_generated=percent,
        tokens_estimated=100,
        eta_sec=1.0,
        audio_sec=0.0,
    )


def track(status: JobState, **more: object) -> api.Track:
    values: dict[str, object] = {
        "track_id": TRACK,
        "status": status,
        "prompt": "x",
        "duration_sec": 5,
        "seed": 1,
        "model_version": "m",
        "temperature": 1.0,
        "top_k": 1,
        "top_p": 0.0,
        "guidance_scale": 1.0,
        "format": AudioFormat.WAV,
        **more,
    }
    return api.Track(**values)  # type: ignore[arg-type]


FINISHED = track(
    JobState.COMPLETE, path="/x.wav", sha256="0" * 64, sample_rate=32_000, generation_time_sec=1.0
)
CANCELLED = track(JobState.CANCELLED, error=lofi_client.GenerationCancelled("cancelled").info())


# who gets which event


def taken(place: Inbox | Post) -> list[int]:
    found = []
    while (each := place.take()) is not None:
        found.append(each.seq)
    return found


def test_an_event_goes_to_all_who_want_it_and_is_kept_for_others_only_if_nobody_does() -> None:
    post = Post()
    post.deliver(event("a", 1))
    first, second = post.claim(lambda each: each.method == "a"), post.claim(lambda each: each.seq > 1)
    copies = post.copies()
    for seq, method in ((2, "a"), (3, "b"), (4, "b")):
        post.deliver(event(method, seq))
    assert (taken(first), taken(second), taken(copies)) == ([1, 2], [2, 3, 4], [2, 3, 4])
    assert taken(post) == []
    del second
    post.deliver(event("b", 5))
    assert taken(post.claim(lambda each: True)) == [5] and taken(copies) == [5]


def test_a_reader_that_never_reads_keeps_the_newest_events_only() -> None:
    post = Post()
    inbox = post.claim(lambda each: each.method == "a")
    for seq in range(10_100):
        post.deliver(event("a", seq))
        post.deliver(event("b", seq))
    assert taken(inbox) == taken(post) == list(range(100, 10_100))


# following a track


def test_a_follower_asks_at_once_and_after_each_silence() -> None:
    following = TrackFollowing(TRACK, now=100.0)
    assert following.wait_sec(100.0) == 0.0 and following.asks(100.0)
    following.answered(track(JobState.GENERATING), 100.0)
    assert following.wait_sec(101.0) == 4.0 and not following.asks(104.9)
    assert isinstance(following.heard(progress(5), 104.0), api.GenerationProgress)
    assert following.wait_sec(105.0) == 4.0
    following.heard(event("worker_restart", worker="w0", reason="x", attempt=1), 108.0)
    assert following.asks(109.0), "news of workers are no news of the track"
    following.answered(FINISHED, 109.0)
    assert not following.over and following.wait_sec(109.0) == 0.0, "what has come before is told first"
    assert isinstance(following.heard(progress(95), 109.0), api.GenerationProgress)
    assert isinstance(following.known(), GenerationComplete) and following.over


def test_an_answer_about_a_track_that_ended_badly() -> None:
    following = TrackFollowing(TRACK, now=0.0)
    following.answered(CANCELLED, 0.0)
    end = following.known()
    assert isinstance(end, GenerationError) and end.code == "GENERATION_CANCELLED"


def test_a_follower_wants_its_track_and_news_of_workers() -> None:
    following = TrackFollowing(TRACK, now=0.0)
    assert following.wants(progress(5)) and not following.wants(progress(5, "f" * 16))
    assert following.wants(event("worker_restart", worker="w0", reason="x", attempt=1))
    assert following.wants(event("model_status", model="m", state="loading"))
    assert not following.wants(event("model_status", model="m", state="installing"))
    assert not following.wants(event("download_progress", model="m"))
    assert not following.wants(event("something_new", track_id=TRACK))


def test_the_deadline_counts_whatever_happens() -> None:
    following = TrackFollowing(TRACK, now=0.0, timeout_sec=7.0)
    following.answered(track(JobState.QUEUED), 0.0)
    following.heard(progress(5), 4.0)
    assert following.wait_sec(5.0) == following.question(5.0).timeout_sec == 2.0
    with pytest.raises(TimeoutError, match=f"track {TRACK} was not finished after 7 s"):
        following.wait_sec(7.0)


def test_a_lost_broker_is_told_with_the_track() -> None:
    lost = TrackFollowing(TRACK, now=0.0).lost(BrokerUnavailable("the broker left"), 1.0)
    assert str(lost) == f"the broker left before track {TRACK} had ended" and "`track` tells" in lost.recovery


# what it looks like


def functions(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(value)
        for name, value in vars(kind).items()
        if not name.startswith("_") and inspect.isfunction(value)
    }


def test_both_clients_have_the_same_functions() -> None:
    alone = {"wait_left", "next_event"}  # for commands that do nothing else meanwhile
    sync, both = functions(Lofi), functions(AsyncLofi)
    assert set(sync) - alone == set(both)
    for name, signature in both.items():
        assert list(signature.parameters.values()) == list(sync[name].parameters.values()), name


def test_each_function_says_what_it_does_and_shows_its_parameters() -> None:
    for kind in (Lofi, AsyncLofi):
        for name, signature in functions(kind).items():
            assert inspect.getdoc(getattr(kind, name)), name
            assert not {"args", "kwargs"} & set(signature.parameters), name
    assert str(functions(Lofi)["track"]) == "(self, track_id: 'str') -> 'api.Track'"
    assert Lofi.make.__name__ == "make" and "seed" in functions(AsyncLofi)["make"].parameters


def test_a_wrong_name_is_told_of_the_function_that_was_called() -> None:
    for kind in (Lofi, AsyncLofi):
        for name in ("make", "generate"):
            with pytest.raises(TypeError, match=rf"^{name}\(\) got an unexpected .*'durationn'"):
                getattr(kind, name)(None, "rain", durationn=5)


def test_all_names_are_there() -> None:
    assert set(lofi_client.__all__) <= set(dir(lofi_client))
    not_for_scripts = {ParseError, MethodNotFound}
    wanted = {*api.NOTIFICATIONS.values(), *ALL_ERRORS} - not_for_scripts
    assert {kind.__name__ for kind in wanted} - set(lofi_client.__all__) == set()
    assert all(hasattr(lofi_client, name) for name in lofi_client.__all__)
    with pytest.raises(AttributeError):
        _ = lofi_client.Nothing  # type: ignore[attr-defined]


def test_every_method_of_the_protocol_has_a_function() -> None:
    modules = ("lofi_client.calls", "lofi_client.library_calls", "lofi_client.radio_calls")
    calls = "".join(inspect.getsource(sys.modules[name]) for name in modules)
    assert [name for name in api.METHODS if f'Call("{name}",' not in calls] == []


def test_who_does_not_use_asyncio_does_not_wait_for_it() -> None:
    script = "import sys, lofi_client; print([m for m in ('asyncio', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout == "[]\n", done.stderr
