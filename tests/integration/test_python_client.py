"""`Lofi`: what a script sees of its tracks, and of a broker that hangs or dies."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lofi_client import (
    BrokerUnavailable,
    CacheWriteError,
    GenerateParams,
    GenerateResult,
    GenerationCancelled,
    GenerationComplete,
    GenerationError,
    GenerationProgress,
    GenerationStart,
    InvalidDuration,
    InvalidParams,
    InvalidPrompt,
    JobState,
    Lofi,
    LofiError,
    ModelInferenceFailed,
)
from lofi_client.launch import find_broker
from tests.support.home import Home
from tests.support.standing import Standing

LONG = "slow 60"


@pytest.fixture
def lofi(home: Home) -> Iterator[Lofi]:
    """Connected to a broker with the scripted engine."""
    assert home.lofi("broker", "start").returncode == 0
    with Lofi.connect(start=False, paths=home.paths) as lofi:
        yield lofi


def send(home: Home, number: signal.Signals) -> None:
    found = find_broker(home.paths)
    assert found is not None
    os.kill(found.pid, number)


# a track


def test_the_iteration_begins_with_the_answer_and_ends_with_the_track(lofi: Lofi) -> None:
    generation = lofi.generate("slow 0.2", duration_sec=5, seed=7)
    first, *middle, last = generation
    assert first is generation.accepted and isinstance(first, GenerateResult) and first.seed == 7
    assert isinstance(last, GenerationComplete) and last == generation.result()
    assert Path(last.path).is_file() and last.track_id == generation.track_id
    kinds = [type(event) for event in middle]
    assert kinds.index(GenerationStart) < kinds.index(GenerationProgress)
    assert {event.track_id for event in middle if isinstance(event, GenerationProgress)} == {last.track_id}
    assert list(generation) == []


def test_a_track_of_the_library_is_there_at_once(lofi: Lofi) -> None:
    made = lofi.make("x", duration_sec=5, seed=1)
    again = list(lofi.generate("x", duration_sec=5, seed=1))
    assert [type(event) for event in again] == [GenerateResult, GenerationComplete]
    assert again[-1] == made


@pytest.mark.parametrize("prompt", ["fail@3", "oom"])
def test_a_failure_raises_and_names_the_track(lofi: Lofi, prompt: str) -> None:
    generation = lofi.generate(prompt, duration_sec=5)
    with pytest.raises(ModelInferenceFailed) as raised:
        list(generation)
    notes = raised.value.__notes__
    assert f"track_id: {generation.track_id}" in notes and raised.value.recovery in notes
    with pytest.raises(ModelInferenceFailed):
        generation.result()
    with pytest.raises(ModelInferenceFailed):
        lofi.make(prompt, duration_sec=5)


def test_follow_tells_a_failure_as_an_event(lofi: Lofi) -> None:
    *_, ended = lofi.follow(lofi.submit(GenerateParams(prompt="fail@3", duration_sec=5)))
    assert isinstance(ended, GenerationError) and ended.code == "MODEL_INFERENCE_FAILED"


def test_what_failed_before_is_no_failure_of_the_next_try(lofi: Lofi, home: Home) -> None:
    """The end of the first try is there, unread, when the second one is asked for."""
    request = GenerateParams(prompt=LONG, duration_sec=5, seed=1)
    first = lofi.submit(request)
    with Lofi.connect(start=False, paths=home.paths) as other:
        other.cancel(first.track_id)
    lofi.status()
    second = lofi.generate(LONG, duration_sec=5, seed=1)
    assert second.track_id == first.track_id
    while not isinstance(next(second), GenerationStart):
        pass
    second.cancel()


def test_a_cancel_raises_where_somebody_waits(lofi: Lofi, home: Home) -> None:
    generation = lofi.generate(LONG, duration_sec=5)
    assert generation.cancel().status is JobState.CANCELLED
    with pytest.raises(GenerationCancelled):
        generation.result()
    generation = lofi.generate(LONG, duration_sec=5)
    with Lofi.connect(start=False, paths=home.paths) as other:
        other.cancel(generation.track_id)
    with pytest.raises(GenerationCancelled):
        list(generation)


def test_who_stops_listening_or_waiting_cancels_nothing(lofi: Lofi) -> None:
    for _ in lofi.generate("slow 0.3", duration_sec=5, seed=1):
        break
    with pytest.raises(TimeoutError, match=r"was not finished after 0\.1 s"):
        lofi.make("slow 0.3", duration_sec=5, seed=1, timeout_sec=0.1)
    assert lofi.make("slow 0.3", duration_sec=5, seed=1).seed == 1


def test_of_two_iterations_in_turns_each_has_its_own_events(lofi: Lofi) -> None:
    both = [lofi.generate("slow 0.2", duration_sec=5, seed=seed) for seed in (1, 2)]
    told: list[list[object]] = [[], []]
    for pair in itertools.zip_longest(*both):
        for events, event in zip(told, pair, strict=True):
            events.append(event)
    for events, generation in zip(told, both, strict=True):
        own = [event for event in events if isinstance(event, GenerationStart | GenerationComplete)]
        assert [type(event) for event in own] == [GenerationStart, GenerationComplete]
        assert {event.track_id for event in own} == {generation.track_id}


def test_listening_takes_nothing_from_the_others(lofi: Lofi, home: Home) -> None:
    events = lofi.listen()
    made = lofi.make("x", duration_sec=5)
    with Lofi.connect(start=False, paths=home.paths) as other:
        theirs = other.make("y", duration_sec=5)
    ends = []
    while len(ends) < 2:
        event = next(events)
        ends += [event] if isinstance(event, GenerationComplete) else []
    assert ends == [made, theirs]


# copies


def test_the_copy_lies_where_the_script_runs_in_the_format_of_its_name(
    lofi: Lofi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lofi.make("x", duration_sec=5, output="x.flac")
    assert (tmp_path / "x.flac").read_bytes()[:4] == b"fLaC"
    lofi.make("x", duration_sec=5, output=Path("x.ogg"))
    assert (tmp_path / "x.ogg").read_bytes()[:4] == b"OggS"
    (tmp_path / "all").mkdir()
    made = lofi.make("x", duration_sec=5, format="mp3", output="all/")
    assert [path.name for path in (tmp_path / "all").iterdir()] == [f"{made.track_id}.mp3"]
    with pytest.raises(InvalidParams, match="m4a is not made"):
        lofi.make("x", output="x.m4a")


def test_a_copy_that_could_not_be_written_raises_after_the_track_was_told(lofi: Lofi, tmp_path: Path) -> None:
    target = tmp_path / "x.wav"
    generation = lofi.generate("slow 0.3", duration_sec=5, output=target)
    events = [next(generation)]
    target.write_bytes(b"mine")
    with pytest.raises(CacheWriteError) as raised:
        for event in generation:
            events.append(event)
    complete = events[-1]
    assert isinstance(complete, GenerationComplete) and complete.path in raised.value.recovery
    assert target.read_bytes() == b"mine"
    with pytest.raises(CacheWriteError):
        generation.result()


# what can't be


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ({"prompt": " "}, InvalidPrompt),
        ({"prompt": "x", "duration_sec": 4}, InvalidDuration),
        ({"prompt": "x", "duration_sec": 5.5}, InvalidDuration),
        ({"prompt": "x", "seed": -1}, InvalidParams),
        ({"prompt": "x", "seed": 1 << 64}, InvalidParams),
        ({"prompt": "x", "format": "m4a"}, InvalidParams),
        ({"prompt": "x", "priority": "now"}, InvalidParams),
        ({"prompt": "x", "model": "../secret"}, LofiError),
    ],
)
def test_wrong_requests_get_their_own_error(
    standing: Standing, wanted: dict[str, object], kind: type[LofiError]
) -> None:
    standing.broker()
    with Lofi.connect(start=False, paths=standing.home.paths) as lofi:
        with pytest.raises(kind):
            lofi.generate(**wanted)  # type: ignore[arg-type]
        assert lofi.queue().pending == []


def test_no_broker_is_named(home: Home) -> None:
    with pytest.raises(BrokerUnavailable, match="no broker is running") as raised:
        Lofi.connect(start=False, paths=home.paths)
    assert "lofi broker start" in "".join(raised.value.__notes__)


@pytest.mark.timeout(20)
def test_who_asks_a_closed_client_is_told(lofi: Lofi) -> None:
    lofi.close()
    lofi.close()
    for ask in (lofi.status, lambda: lofi.next_event(1.0), lambda: next(lofi.listen())):
        with pytest.raises(BrokerUnavailable, match="this client was closed"):
            ask()


def test_a_killed_broker_is_told_with_the_track_and_stays_told(lofi: Lofi, home: Home) -> None:
    generation = lofi.generate(LONG, duration_sec=5)
    while not isinstance(next(generation), GenerationStart):
        pass
    send(home, signal.SIGKILL)
    with pytest.raises(BrokerUnavailable, match=f"the broker left before track {generation.track_id}"):
        list(generation)
    with pytest.raises(BrokerUnavailable, match="the broker left"):
        lofi.status()
    assert lofi.wait_left(1.0)


def test_what_is_asked_after_a_loss_reaches_no_later_broker(lofi: Lofi, home: Home) -> None:
    send(home, signal.SIGKILL)
    assert lofi.wait_left(10.0)
    assert home.lofi("broker", "start").returncode == 0
    with pytest.raises(BrokerUnavailable):
        lofi.make("too late", duration_sec=5)
    with Lofi.connect(start=False, paths=home.paths) as later:
        later.make("slow 0.5", duration_sec=5)
        assert [track.prompt for track in later.tracks().tracks] == ["slow 0.5"]


@pytest.mark.timeout(20)
def test_a_broker_that_hangs_does_not_hang_the_script(lofi: Lofi, home: Home) -> None:
    accepted = lofi.submit(GenerateParams(prompt="x", duration_sec=5))
    send(home, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            list(lofi.follow(accepted, timeout_sec=0.2))
        with pytest.raises(BrokerUnavailable, match=r"did not answer queue_cancel within 0\.2 s"):
            lofi.cancel("0123456789abcdef", timeout_sec=0.2)
    finally:
        send(home, signal.SIGCONT)
    assert lofi.track(accepted.track_id).prompt == "x"
