"""When the radio is told the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from lofi_broker import radio_events as ev
from lofi_broker import radio_service
from lofi_broker.radio_events import Pace, Scene
from lofi_broker.radio_service import RadioService
from lofi_common.api_playback import PlaybackStatus
from lofi_common.api_radio import RadioStartParams
from lofi_common.config import Config


class SlowHands:
    """They refuse the first piece, and look so slowly that it is long ago when they are done."""

    making = withdrawing = trouble = None

    def __init__(self, *_: object) -> None:
        self.asked = 0
        self.scenes = 0
        self.again = asyncio.Event()

    def choose(self, model: str | None, *, stream: bool) -> None:
        pass

    def is_paused(self) -> bool:
        return False

    def scene(self) -> Scene:
        self.scenes += 1
        late = 2.0 if self.asked < 2 and self.scenes < 8 else 0.0
        return Scene(now=time.monotonic() - late, pace=Pace("m-1", 30, 18))

    async def do_all(self, actions: Sequence[ev.Action]) -> list[ev.Event]:
        asked = [action for action in actions if isinstance(action, ev.Ask)]
        self.asked += len(asked)
        if self.asked == 2:
            self.again.set()
        answers: list[ev.Event] = [ev.Refused(action.piece.number, "no") for action in asked]
        return [*answers[: 2 - self.asked], ev.Tick()] if actions else []


def test_a_moment_that_passes_while_the_radio_is_busy_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radio_service, "Hands", SlowHands)

    async def prepare() -> None:
        pass

    async def scene() -> None:
        tasks: list[asyncio.Task[None]] = []

        def start(work: Coroutine[None, None, None], name: str) -> None:
            tasks.append(asyncio.create_task(work, name=name))

        stopped = PlaybackStatus(
            state="stopped",
            volume=1.0,
            position_sec=0.0,
            duration_sec=0.0,
            index=0,
            count=0,
            crossfade_sec=0.0,
            loop="off",
        )
        broker: Any = SimpleNamespace(
            config=Config(),
            listen=lambda listener: None,
            playback=SimpleNamespace(prepare=prepare, status=lambda: stopped),
            store=SimpleNamespace(history=SimpleNamespace(asked=lambda prompt, at: None)),
        )
        service = RadioService(broker, lambda method, params: None, start)
        await service.radio_start(RadioStartParams(prompt="rain"))
        hands: Any = service._hands
        assert hands.asked == 1
        async with asyncio.timeout(5):
            await hands.again.wait()
        service.close()
        await asyncio.gather(*tasks)

    asyncio.run(scene())
