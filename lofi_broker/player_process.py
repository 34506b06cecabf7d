"""The player's process: started when something is to be heard, asked one thing after the other."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
from collections.abc import Callable, Coroutine

import msgspec

from lofi_broker.process import ChildProcess, python_module
from lofi_broker.remembered import Remembered
from lofi_common.config import Config
from lofi_common.errors import AudioDeviceError, from_info
from lofi_common.logs import fields
from lofi_common.player_messages import (
    Answer,
    Order,
    Report,
    SetCrossfade,
    SetDevice,
    decode_report,
    encode_line,
)

log = logging.getLogger(__name__)

_ANSWER_SEC = 15.0
"""For any order: a sound server that is just starting takes seconds to open."""
_GRACE_SEC = 1.0
_AGAIN = "Play again: that starts a new player. The log (`lofi status` names it) may tell more."

Start = Callable[[Coroutine[None, None, None], str], object]


class PlayerProcess:
    """At most one process at a time; when it ends unasked, `lost` is called with the reason."""

    def __init__(
        self,
        config: Config,
        kept: Remembered,
        start: Start,
        heard: Callable[[Report], None],
        lost: Callable[[str], None],
    ) -> None:
        """start: runs a coroutine as a task. heard: gets what the player reports, its answers left out."""
        self._config = config
        self._kept = kept
        self._start = start
        self._heard = heard
        self._lost = lost
        self._process: ChildProcess | None = None
        self._closed = False
        self._orders = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}

    @property
    def runs(self) -> bool:
        return self._process is not None

    async def run(self) -> None:
        """Start it, unless it runs. Raises AudioDeviceError when it can't be started, or was closed."""
        if self._process is not None:
            return
        command = python_module(
            "lofi_player",
            f"--device={self._config.player.device}",
            f"--volume={self._kept.volume}",
            f"--log-level={self._config.broker.log_level}",
        )
        try:
            process = await ChildProcess.start("player", command, self._take)
        except OSError as error:
            raise AudioDeviceError(f"the player can't be started: {error}") from error
        if self._closed:  # while it was being started
            process.signal(signal.SIGKILL)
            await process.watch()
            raise AudioDeviceError("the broker leaves")
        self._process = process
        log.info(fields("player_started", pid=process.pid))
        self._start(self._watch(process), "player")
        self._tell(SetCrossfade, sec=self._kept.crossfade_sec)
        if self._kept.device is not None:
            self._tell(SetDevice, name=self._kept.device)

    async def _watch(self, process: ChildProcess) -> None:
        reason = await process.watch()
        asked = self._process is not process
        log.log(logging.INFO if asked else logging.WARNING, fields("player_ended", reason=reason))
        if asked:
            return
        self._process = None
        self._answer_nobody(reason)
        self._lost(reason)

    def _answer_nobody(self, reason: str) -> None:
        """Whoever waits for the process that is gone now gets the reason."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(AudioDeviceError(f"the player ended: {reason}", recovery=_AGAIN))

    def _take(self, line: bytes) -> None:
        if self._process is None:  # of one that was told to leave
            return
        try:
            report = decode_report(line)
        except (msgspec.DecodeError, ValueError) as error:
            log.error(fields("player_misunderstood", reason=error))
            self._process.signal(signal.SIGKILL)
            return
        if not isinstance(report, Answer):
            self._heard(report)
            return
        answer = self._waiting.get(report.order)
        if answer is not None and not answer.done():
            answer.set_result(report)

    def _tell(self, kind: Callable[..., Order], **params: object) -> None:
        """Give an order whose answer nobody waits for."""
        if self._process is not None:
            self._process.send(encode_line(kind(order=next(self._orders), **params)))

    async def ask(self, kind: Callable[..., Order], **params: object) -> Answer:
        """Give an order to the process that runs and wait until it is done.

        Raises what the player answers, AudioDeviceError when it ends before or does not answer.
        """
        process = self._process
        if process is None:
            raise AudioDeviceError("the player ended", recovery=_AGAIN)
        order = kind(order=next(self._orders), **params)
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[order.order] = waiting
        process.send(encode_line(order))
        try:
            async with asyncio.timeout(_ANSWER_SEC):
                answer = await waiting
        except TimeoutError:
            log.error(fields("player_silent", order=type(order).__name__))
            process.signal(signal.SIGKILL)
            raise AudioDeviceError(
                f"the player did not answer within {_ANSWER_SEC:g} s", recovery=_AGAIN
            ) from None
        finally:
            del self._waiting[order.order]
        if answer.error is not None:
            raise from_info(answer.error)
        return answer

    async def stop(self) -> None:
        """End it in order, if it runs: what is heard is faded out."""
        process, self._process = self._process, None
        if process is not None:
            self._answer_nobody("it was told to")
            await process.stop(_GRACE_SEC)

    async def close(self) -> None:
        """End it for good, also one that is just being started; at once if it owes an answer."""
        self._closed = True
        if self._process is not None and self._waiting:  # its device hangs
            self._process.signal(signal.SIGKILL)
        await self.stop()
