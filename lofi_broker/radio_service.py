"""The radio's methods: at most one radio, and what happens in the broker told to it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from lofi_broker import radio_events as ev
from lofi_broker.player_process import Start
from lofi_broker.radio import Plan, Radio
from lofi_broker.radio_hands import Hands
from lofi_broker.whereabouts import Publish
from lofi_common import api
from lofi_common import api_playback as playing
from lofi_common import api_radio as kinds
from lofi_common.errors import AudioDeviceError, InvalidParams, LofiError, ModelInferenceFailed
from lofi_common.jobs import CHOSEN_SEED_BITS, Job
from lofi_common.logs import fields

if TYPE_CHECKING:
    from lofi_broker.app import Broker

log = logging.getLogger(__name__)


class _Left(NamedTuple):
    """The playback has left a track; perhaps it has stopped. message: why that failed."""

    message: str | None = None


class RadioService:
    """Its events are handled one after the other."""

    def __init__(self, broker: Broker, publish: Publish, start: Start) -> None:
        """start: runs a coroutine as a task."""
        self._broker = broker
        self._publish = publish
        self._start = start
        self._runs = False
        self._settings = broker.config.radio
        self._hands = Hands(broker, self._tell)
        self._radio: Radio | None = None
        self._number = 0
        """Of the radio; how many have been started."""
        self._turn = asyncio.Lock()
        self._events: asyncio.Queue[ev.Event | ev.Delete | _Left | None] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._told: kinds.RadioStatus | None = None
        self._ended: str | None = None
        """Why the last one has ended, unless `radio_stop` did it."""
        self._former: str | None = None
        """What was heard when the radio began, as long as nothing else is."""
        broker.listen(self._heard_of)

    async def _run(self) -> None:
        while (event := await self._events.get()) is not None:
            async with self._turn:
                if isinstance(event, ev.Delete):
                    await self._hands.do_all([event])
                elif not isinstance(event, _Left):
                    await self._handle(event)
                elif await self._broker.playback.is_over():
                    await self._handle(ev.Silence(event.message))

    # methods of the protocol

    async def radio_start(self, params: kinds.RadioStartParams) -> kinds.RadioStatus:
        """Raises InvalidPrompt, InvalidParams, what is wrong with the model, AudioDeviceError."""
        prompt = None if params.prompt is None else _checked(params.prompt)
        await self._broker.playback.prepare()
        async with self._turn:
            plan = self._plan(params, prompt)
            self._hands.choose(params.model, stream=plan.mode == "stream")
            self._former = self._broker.playback.status().track_id
            if self._radio is not None:  # its music goes on until there is some of the new one
                await self._hands.do_all(self._radio.end())
            self._radio, self._number = Radio(plan), self._number + 1
            self._asked_for(prompt)
            if not self._runs:
                self._runs = True
                self._start(self._run(), "radio")
            log.info(fields("radio_started", mode=plan.mode, seed=plan.seed))
            await self._handle(ev.Tick())
            return self._status()

    async def radio_prompt(self, params: kinds.RadioPromptParams) -> kinds.RadioStatus:
        """Raises InvalidPrompt, InvalidParams when there is no radio."""
        prompt = _checked(params.prompt)
        async with self._turn:
            if self._radio is None or self._radio.state == "failed":
                raise InvalidParams(
                    "there is no radio whose prompt could be another one",
                    recovery="`lofi radio PROMPT` starts one.",
                )
            self._asked_for(prompt)
            await self._handle(ev.Wish(prompt))
            return self._status()

    async def radio_stop(self, params: api.NoParams) -> kinds.RadioStatus:
        async with self._turn:
            if self._radio is not None:
                await self._broker.playback.stop(params)
                await self._end(None)
            return self._status()

    async def radio_status(self, params: api.NoParams) -> kinds.RadioStatus:
        return self._status()

    async def ordered(self, method: str, params: object) -> None:
        """Somebody has had this done: music that was chosen, and silence, end the radio.

        Raises, for a `resume` where it has failed, what it has failed of.
        """
        failed = self._radio is not None and self._radio.state == "failed"
        if method == "resume" and failed and self._broker.playback.status().state == "stopped":
            raise self._failure()
        if (
            isinstance(params, playing.PlayParams | playing.PlaylistAddParams)
            and params.track_ids is not None
        ):
            await self._broker.library.wanted(params.track_ids)
        chosen = isinstance(params, playing.PlayParams) and params.track_ids is not None
        if self._radio is not None and (method == "stop" or chosen):
            async with self._turn:
                await self._end("the music was stopped" if method == "stop" else "another track is played")

    def _failure(self) -> LofiError:
        trouble = self._hands.trouble or LofiError("")
        return type(trouble)(f"the radio has failed: {self._status().message}", recovery=trouble.recovery)

    # its beginning and its end

    def _asked_for(self, prompt: str | None) -> None:
        if prompt is not None:
            self._broker.store.history.asked(prompt, time.time())

    def _plan(self, params: kinds.RadioStartParams, prompt: str | None) -> Plan:
        strategy = params.strategy or self._settings.strategy
        own_way = strategy == "auto"
        if strategy == "auto":
            strategy = "preset_cycle" if prompt is None else "same_prompt"
        return Plan(
            mode=params.mode or self._settings.mode,
            strategy=strategy,
            prompt=prompt,
            seed=params.seed if params.seed is not None else secrets.randbits(CHOSEN_SEED_BITS),
            track_sec=self._settings.track_sec,
            ahead_sec=self._settings.ahead_sec,
            own_way=own_way,
        )

    async def _end(self, why: str | None) -> None:
        radio, self._radio = self._radio, None
        if radio is not None:
            self._ended = why
            log.info(fields("radio_ended", why=why or "it was stopped"))
            await self._hands.do_all(radio.end())
        self._hands.let_go()
        self._tell()
        self._start(self._broker.eviction.run(), "eviction")

    def take_over(self, left: list[Job]) -> None:
        """Cancel the segments of an earlier broker: nobody hears their stream any more."""
        for job in left:
            if job.spec.segment:
                self._hands.withdraw(job.track_id)

    def close(self) -> None:
        """Take back what is being made: the next broker has no use for it."""
        self._events.put_nowait(None)
        if self._timer is not None:
            self._timer.cancel()
        if self._hands.making is not None:
            self._hands.withdraw(self._hands.making)

    async def _handle(self, event: ev.Event) -> None:
        events = [event]
        while events and self._radio is not None:
            actions = self._radio.handle(events.pop(0), self._hands.scene())
            events += await self._hands.do_all(actions)
        self._tell()
        self._set_timer()

    def _set_timer(self) -> None:
        """Where nothing plays, nothing tells the radio that it is time to try again. It may be so already."""
        if self._timer is not None:
            self._timer.cancel()
        retry_at = self._radio.retry_at if self._radio is not None else None
        if retry_at is not None:
            loop, rest = asyncio.get_running_loop(), retry_at - time.monotonic()
            self._timer = loop.call_later(max(0.0, rest), self._events.put_nowait, ev.Tick())

    # what is told

    def _status(self) -> kinds.RadioStatus:
        radio, scene = self._radio, self._hands.scene()
        if radio is None:
            return kinds.RadioStatus(
                state="off",
                mode=self._settings.mode,
                strategy="same_prompt" if self._settings.strategy == "auto" else self._settings.strategy,
                prompt="",
                ahead_sec=0.0,
                number=self._number or None,
                message=self._ended,
            )
        trouble = self._hands.trouble
        paused = radio.state == "playing" and self._hands.is_paused()
        return kinds.RadioStatus(
            state="paused" if paused else radio.state,
            mode=radio.plan.mode,
            strategy=radio.prompts.strategy,
            prompt=radio.prompt,
            next_prompt=radio.next_prompt,
            track_id=radio.heard,
            making=self._hands.making,
            ahead_sec=round(scene.ahead_sec, 1),
            polite=scene.polite,
            message=radio.message,
            number=self._number,
            recovery=(trouble.recovery or None) if trouble is not None and radio.state == "failed" else None,
        )

    def _tell(self) -> None:
        """Publish what is new, if anything is."""
        status = self._status()
        told = msgspec.structs.replace(status, ahead_sec=0.0)
        if told != self._told:
            self._told = told
            changed = kinds.RadioChanged(**msgspec.structs.asdict(status))
            self._publish("radio_changed", changed)

    # what happens

    def _heard_of(self, method: str, params: dict[str, object]) -> None:
        """One of the broker's notifications."""
        if method in ("generation_complete", "generation_error"):
            name, hands = str(params["track_id"]), self._hands
            if method == "generation_error" and name == hands.making and name != hands.withdrawing:
                hands.trouble = ModelInferenceFailed(str(params["message"]), recovery=str(params["recovery"]))
            for action in hands.ended(name):
                self._events.put_nowait(action)
        if self._radio is not None:
            for event in self._events_of(method, params):
                self._events.put_nowait(event)

    def _events_of(self, method: str, params: dict[str, object]) -> list[ev.Event | _Left]:
        name = str(params.get("track_id"))
        match method:
            case "generation_start":
                return [ev.Begun(name)]
            case "generation_progress":
                audio_sec, eta_sec = params["audio_sec"], params["eta_sec"]
                assert isinstance(audio_sec, int | float) and isinstance(eta_sec, int | float)
                return [ev.Grew(name, audio_sec, eta_sec)]
            case "generation_complete":
                return [ev.Made(name), ev.Room()]
            case "generation_error":
                own = self._hands.withdrawing == name
                return [ev.Room()] if own else [ev.Failed(name, str(params["message"])), ev.Room()]
            case "playback_started":
                self._former = None
                return [ev.Heard(name)]
            case "playback_ended" if params["reason"] == "failed" and name == self._former:
                return [_Left()]
            case "playback_ended" if params["reason"] == "failed":
                why = str(params.get("message") or "no reason is known")
                self._hands.trouble = AudioDeviceError(why)
                return [ev.Lost(name), _Left(why)]
            case "playback_ended" if params["reason"] in ("finished", "skipped", "replaced"):
                return [_Left()]
            case "playback_position" | "playback_paused" | "playback_resumed" | "playback_waiting":
                return [ev.Tick()]
        return []


def _checked(prompt: str) -> str:
    """Raises InvalidPrompt."""
    checked: str = api.parse_params("generate", {"prompt": prompt}).prompt
    return checked
