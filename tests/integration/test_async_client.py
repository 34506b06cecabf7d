"""`AsyncLofi`: many tasks on one connection, of which some are cancelled, and a broker that hangs or dies."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from lofi_client import (
    AsyncLofi,
    BrokerUnavailable,
    CacheWriteError,
    GenerateParams,
    GenerateResult,
    GenerationCancelled,
    GenerationComplete,
    GenerationError,
    GenerationEvent,
    GenerationStart,
    InvalidParams,
    InvalidTrackId,
    ModelInferenceFailed,
)
from lofi_client.launch import find_broker
from tests.support.home import Home
from tests.support.hooks import hooked

LONG = "slow 60"
NOBODY = "0123456789abcdef"

WAITS = """
import sys
if "lofi_broker" in sys.orig_argv:
    open({fifo!r}).close()
"""

Scenario = Callable[[AsyncLofi], Coroutine[Any, Any, None]]
Run = Callable[[Scenario], None]


@pytest.fixture
def run(home: Home) -> Run:
    """Runs a scenario with a connection to a broker with the scripted engine."""
    assert home.lofi("broker", "start").returncode == 0

    async def connected(scenario: Scenario) -> None:
        async with AsyncLofi.connect(start=False, paths=home.paths) as lofi:
            await scenario(lofi)

    return lambda scenario: asyncio.run(connected(scenario), debug=True)


def send(home: Home, number: signal.Signals) -> None:
    found = find_broker(home.paths)
    assert found is not None
    os.kill(found.pid, number)


# tracks


def test_iterations_at_once_each_have_their_own_events(run: Run) -> None:
    threads = threading.active_count()

    async def scenario(lofi: AsyncLofi) -> None:
        async def events(seed: int) -> list[GenerationEvent]:
            return [event async for event in lofi.generate("slow 0.2", duration_sec=5, seed=seed)]

        for seed, (first, *middle, last) in enumerate(await asyncio.gather(*map(events, range(4)))):
            assert isinstance(first, GenerateResult) and first.seed == seed
            assert isinstance(last, GenerationComplete) and Path(last.path).is_file()
            starts = [event for event in middle if isinstance(event, GenerationStart)]
            assert [each.track_id for each in starts] == [first.track_id] == [last.track_id]
        assert threading.active_count() == threads

    run(scenario)


def test_failures_raise_and_do_not_touch_the_others(run: Run, tmp_path: Path) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        target = tmp_path / "x.wav"
        made = await asyncio.gather(
            lofi.make("fail@3", duration_sec=5),
            lofi.make("fine", duration_sec=5),
            lofi.make("x", duration_sec=5, model="unknown"),
            lofi.make("x", duration_sec=5, output=target),
            return_exceptions=True,
        )
        assert isinstance(made[0], ModelInferenceFailed) and isinstance(made[1], GenerationComplete)
        assert isinstance(made[2], Exception) and isinstance(made[3], GenerationComplete) and target.exists()
        accepted = await lofi.submit(GenerateParams(prompt="fail@3", duration_sec=5))
        events = [event async for event in lofi.follow(accepted)]
        assert isinstance(events[-1], GenerationError)
        late = await lofi.generate("slow 0.3", duration_sec=5, output=tmp_path / "late.wav")
        (tmp_path / "late.wav").touch()
        told: list[object] = []
        with pytest.raises(CacheWriteError):
            async for event in late:
                told.append(event)
        assert isinstance(told[-1], GenerationComplete)
        with pytest.raises(CacheWriteError):
            await late.result()

    run(scenario)


def test_awaiting_a_generation_asks_and_gives_it_back(run: Run) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        generation = lofi.generate(LONG, duration_sec=5)
        with pytest.raises(RuntimeError, match="not asked for yet"):
            _ = generation.track_id
        assert (await lofi.queue()).current is None
        assert await generation is generation
        assert (await lofi.track(generation.track_id)).prompt == LONG
        assert await anext(generation) == generation.accepted
        await generation.cancel()
        with pytest.raises(GenerationCancelled):
            await generation.result()
        with pytest.raises(InvalidParams):
            lofi.generate("x", seed=-1)

    run(scenario)


def test_a_generation_that_nobody_awaits_is_warned_of(run: Run) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        with pytest.warns(RuntimeWarning, match=r"never asked for: await or iterate over generate\('x'\)"):
            lofi.generate("x")
        assert (await lofi.queue()).current is None

    run(scenario)


def test_listening_hears_the_tracks_of_others(run: Run, home: Home) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        events = lofi.listen()
        async with await AsyncLofi.connect(start=False, paths=home.paths) as other:
            made = await other.make("x", duration_sec=5)
        async for event in events:
            if isinstance(event, GenerationComplete):
                assert event == made
                return

    run(scenario)


# many calls, cancelled calls


def test_more_calls_than_the_broker_takes_at_a_time_all_get_their_answer(run: Run) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        answers = await asyncio.gather(
            *(lofi.tracks(limit=limit) for limit in range(1, 200)),
            *(lofi.track(NOBODY) for _ in range(100)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers[199:]] == [InvalidTrackId] * 100
        assert not any(isinstance(answer, BaseException) for answer in answers[:199])

    run(scenario)


def test_cancelled_tasks_leave_the_connection_as_it_was(run: Run, home: Home) -> None:
    """More of them than requests may be under way, of a broker that answers them later."""

    async def scenario(lofi: AsyncLofi) -> None:
        send(home, signal.SIGSTOP)
        try:
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await asyncio.gather(*(lofi.tracks(limit=limit) for limit in range(1, 50)))
            after = asyncio.create_task(lofi.tracks(limit=1000))
        finally:
            send(home, signal.SIGCONT)
        assert (await after).total == 0
        assert (await lofi.queue()).pending == []

    run(scenario)


def test_a_cancelled_wait_loses_no_event_and_asks_for_no_second_track(run: Run, home: Home) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        generation, others = lofi.generate("slow 0.5", duration_sec=5), lofi.listen()
        send(home, signal.SIGSTOP)
        try:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await anext(generation)
        finally:
            send(home, signal.SIGCONT)
        events: list[GenerationEvent] = []
        while not events or not isinstance(events[-1], GenerationComplete):
            try:
                async with asyncio.timeout(0.01):
                    events.append(await anext(generation))
            except TimeoutError:
                continue
        told: list[object] = []
        while not told or not isinstance(told[-1], GenerationComplete):
            told.append(await anext(others))
        assert events == [generation.accepted, *told]
        assert (await lofi.tracks()).total == 1

    run(scenario)


def test_a_task_that_ends_early_does_not_cancel_its_track(run: Run) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        with pytest.raises(TimeoutError, match=r"not finished after 0\.1 s"):
            await lofi.make("slow 0.3", duration_sec=5, seed=1, timeout_sec=0.1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await lofi.make("slow 0.3", duration_sec=5, seed=1)
        assert (await lofi.make("slow 0.3", duration_sec=5, seed=1)).seed == 1

    run(scenario)


# a broker that hangs or is gone


@pytest.mark.timeout(20)
def test_when_the_broker_is_killed_everybody_who_waits_is_told(run: Run, home: Home) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        generation = await lofi.generate(LONG, duration_sec=5)
        waiting = asyncio.create_task(generation.result())
        listening = asyncio.create_task(anext(lofi.listen()))
        while (await lofi.track(generation.track_id)).status != "generating":
            pass
        send(home, signal.SIGSTOP)
        calls = [asyncio.create_task(lofi.status()) for _ in range(50)]  # some are sent, some are not
        await asyncio.sleep(0)
        send(home, signal.SIGKILL)
        with pytest.raises(BrokerUnavailable, match=f"left before track {generation.track_id} had ended"):
            await waiting
        for call in calls:
            with pytest.raises(BrokerUnavailable, match="the broker left"):
                await call
        with pytest.raises(BrokerUnavailable):
            await lofi.status()
        await asyncio.wait([listening])
        while listening.exception() is None:  # it had events to tell before
            listening = asyncio.create_task(anext(lofi.listen()))
            await asyncio.wait([listening])

    run(scenario)


@pytest.mark.timeout(20)
def test_a_broker_that_hangs_does_not_hang_the_task(run: Run, home: Home) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        accepted = await lofi.submit(GenerateParams(prompt="x", duration_sec=5))
        send(home, signal.SIGSTOP)
        try:
            with pytest.raises(TimeoutError):
                _ = [event async for event in lofi.follow(accepted, timeout_sec=0.2)]
            with pytest.raises(BrokerUnavailable, match=r"did not answer queue_cancel within 0\.2 s"):
                await lofi.cancel(NOBODY, timeout_sec=0.2)
            asked = [asyncio.create_task(lofi.cancel(NOBODY, timeout_sec=0.5)) for _ in range(32)]
            await asyncio.sleep(0)
            with pytest.raises(BrokerUnavailable, match="answered none of 32 requests"):
                await lofi.cancel(NOBODY, timeout_sec=0.2)
            for each in asked:
                with pytest.raises(BrokerUnavailable):
                    await each
        finally:
            send(home, signal.SIGCONT)
        assert (await lofi.track(accepted.track_id)).prompt == "x"

    run(scenario)


def test_closing_ends_the_waits_of_other_tasks(run: Run) -> None:
    async def scenario(lofi: AsyncLofi) -> None:
        generation = lofi.generate(LONG, duration_sec=5)
        waiting = asyncio.create_task(generation.result())
        while (await lofi.queue()).current is None:
            pass
        await asyncio.gather(lofi.close(), lofi.close())
        with pytest.raises(BrokerUnavailable, match="this client was closed before track"):
            await waiting
        with pytest.raises(BrokerUnavailable, match="this client was closed"):
            await lofi.status()

    run(scenario)


# connecting


def test_other_tasks_go_on_while_a_broker_starts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waits in its start for what another task does."""
    fifo = home.root / "goes on"
    os.mkfifo(fifo)
    home.environ |= hooked(home.root / "hook", WAITS.format(fifo=str(fifo)))
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)

    async def let_go() -> None:
        while True:
            try:
                return os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:  # nobody reads it yet
                await asyncio.sleep(0.01)

    async def scenario() -> None:
        other = asyncio.create_task(let_go())
        async with AsyncLofi.connect() as lofi:
            assert lofi.durable and other.done()
            assert (await lofi.make("x", duration_sec=5)).duration_sec == 5

    asyncio.run(scenario())


def test_a_broker_that_can_t_be_reached_or_started_says_why(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in home.environ.items():
        monkeypatch.setenv(name, value)

    async def connect(*, start: bool) -> None:
        await AsyncLofi.connect(start=start)

    with pytest.raises(BrokerUnavailable, match="no broker is running"):
        asyncio.run(connect(start=False))
    monkeypatch.setenv("LOFI_WORKER_SLOTS", "many")
    with pytest.raises(BrokerUnavailable, match=r"can't start: .*worker\.slots"):
        asyncio.run(connect(start=True))
    monkeypatch.delenv("LOFI_WORKER_SLOTS")
    monkeypatch.setattr("lofi_client.calls.GREET_SEC", 0.3)
    asyncio.run(_hung(home))


async def _hung(home: Home) -> None:
    await (await AsyncLofi.connect()).close()
    send(home, signal.SIGSTOP)
    try:
        with pytest.raises(BrokerUnavailable, match="runs but does not answer") as raised:
            await AsyncLofi.connect()
        assert "kill -9" in raised.value.recovery
    finally:
        send(home, signal.SIGCONT)
