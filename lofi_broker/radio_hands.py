"""What the radio decides is done here: to the queue, the playback and the library."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from lofi_broker import events as scheduling
from lofi_broker import radio_events as ev
from lofi_broker.radio_events import Pace, Piece, Scene
from lofi_broker.radio_manners import Manners
from lofi_common import api_playback as playing
from lofi_common.errors import InvalidParams, InvalidTrackId, LofiError, QueueFull
from lofi_common.jobs import Job, track_id
from lofi_common.logs import fields
from lofi_common.manifest import Model

if TYPE_CHECKING:
    from lofi_broker.app import Broker

log = logging.getLogger(__name__)

_SELF_PACED_SEC = 24
_LEAST_SEC = 5
"""Of a segment, however short the model's windows are."""


class Hands:
    """Of the one radio that there is."""

    def __init__(self, broker: Broker, tell: Callable[[], None]) -> None:
        """tell: what is being made has changed."""
        self._broker = broker
        self._tell = tell
        self._manners = Manners(polite=broker.config.radio.polite)
        self._model: str | None = None
        """The one that was asked for; None: the selected one, whichever that is."""
        self._pace = Pace("", _SELF_PACED_SEC, _SELF_PACED_SEC)
        self.making: str | None = None
        """The job of the radio's piece."""
        self.trouble: LofiError | None = None
        """What went wrong last, with what can be done about it."""
        self.withdrawing: str | None = None
        """The job that is being cancelled by the radio itself."""
        self._unwanted: set[str] = set()
        """Segments whose cancel came too late: they are on their way into the library."""

    def choose(self, model: str | None, *, stream: bool) -> None:
        """The model of all later pieces. Raises LofiError where it can't be used."""
        self._pace = _pace(self._usable(model, stream=stream))
        self._model = model

    def _usable(self, name: str | None, *, stream: bool) -> Model:
        model = self._broker.models.for_job(name)
        if stream and model.manifest.windows() is None:
            raise InvalidParams(
                f"{model.manifest.name} makes tracks of a limited length: it can't play a stream",
                recovery="Let the radio play a playlist, or choose another model.",
            )
        return model

    # how things stand

    def scene(self) -> Scene:
        now = time.monotonic()
        with contextlib.suppress(LofiError):  # it is told why when a piece is asked for
            self._pace = _pace(self._broker.models.for_job(self._model))
        status = self._broker.playback.status()
        pending = self._broker.scheduler.active.pending()
        return Scene(
            now=now,
            pace=self._pace,
            ahead_sec=self._broker.playback.ahead_sec(),
            position_sec=status.position_sec,
            duration_sec=status.duration_sec,
            others_wait=any(job.track_id != self.making for job in pending),
            polite=self._manners.reason(now),
        )

    def is_paused(self) -> bool:
        return self._broker.playback.status().state == "paused"

    # what is done

    async def do_all(self, actions: Sequence[ev.Action]) -> list[ev.Event]:
        """Carry them out, in order; what the radio has to hear of it. Behind what can't be played nothing is
        added: the radio plays all of it later."""
        events: list[ev.Event] = []
        for action in actions:
            event = await self._do(action)
            events += [event] if event is not None else []
            if isinstance(event, ev.Silence):
                break
        return [*events, ev.Tick()] if actions else []

    async def _do(self, action: ev.Action) -> ev.Event | None:
        match action:
            case ev.Ask(piece):
                return self._ask(piece)
            case ev.Withdraw(name):
                self.withdraw(name)
            case ev.Play(name):
                return await self._play(name)
            case ev.Add(name, continues):
                return await self._add(name, continues)
            case ev.Drop(name):
                await self._drop(name)
            case ev.Delete(name):
                await self._delete(name)
            case ev.GiveUp(message):
                log.warning(fields("radio_gave_up", reason=message))
                self.let_go()
        return None

    def let_go(self) -> None:
        """What plays may end."""
        self._broker.playback.hold = False

    def _ask(self, piece: Piece) -> ev.Event:
        broker = self._broker
        try:
            model = self._usable(self._model, stream=piece.segment)
            seconds = min(piece.duration_sec, model.manifest.longest_sec() or piece.duration_sec)
            spec = model.job(piece.prompt, seconds, piece.seed)
            spec = msgspec.structs.replace(spec, segment=piece.segment, continue_from=piece.continue_from)
            name = track_id(spec)
            if broker.library.find(name) is not None:
                return ev.Accepted(piece.number, name, made=True)
            self.making = name
            self._tell()  # before it is told that it is generated
            order, attempt = broker.store.next_order(), broker.store.last_attempt(name)
            job = Job(
                track_id=name, spec=spec, order=order, attempt=attempt, submitted_at=time.time(), radio=True
            )
            broker.submit(job)
        except (LofiError, OSError, sqlite3.Error) as error:
            self.making = None
            self.trouble = error if isinstance(error, LofiError) else None
            return ev.Refused(piece.number, str(error), full=isinstance(error, QueueFull))
        return ev.Accepted(piece.number, name)

    def withdraw(self, name: str) -> None:
        """Cancel a job of the radio's, if it has not ended."""
        self.withdrawing = name
        with contextlib.suppress(InvalidTrackId):
            self._broker.feed(scheduling.CancelAsked(name))
        self.withdrawing = None
        self.making = None
        late = self._broker.scheduler.active.get(name)
        if late is not None and late.spec.segment:
            self._unwanted.add(name)

    def ended(self, name: str) -> list[ev.Delete]:
        """A job of anybody's has ended; what is to be done about that."""
        if name == self.making:
            self.making = None
        if name not in self._unwanted:
            return []
        self._unwanted.discard(name)
        return [ev.Delete(name)]

    async def _play(self, name: str) -> ev.Event | None:
        self._broker.playback.hold = True
        try:
            await self._broker.playback.play(playing.PlayParams(track_ids=[name]))
        except LofiError as error:
            self.trouble = error
            return ev.Silence(str(error))
        return None

    async def _add(self, name: str, continues: str | None) -> ev.Event | None:
        playback = self._broker.playback
        try:
            if continues is not None:
                await playback.add_joined(name, continues)
            else:
                await playback.playlist_add(playing.PlaylistAddParams(track_ids=[name]))
        except LofiError as error:
            log.warning(fields("radio_piece_lost", track_id=name, reason=error))
            return ev.Lost(name)
        return None

    async def _drop(self, name: str) -> None:
        try:
            await self._broker.playback.drop(name)
        except LofiError as error:  # the playback tells of its end by itself
            log.warning(fields("radio_piece_stays", track_id=name, reason=error))

    async def _delete(self, name: str) -> None:
        try:
            await self._broker.library.delete(name)
        except InvalidTrackId:
            pass  # somebody was faster
        except (LofiError, OSError, sqlite3.Error) as error:  # the next broker sweeps it up
            log.warning(fields("segment_stays", track_id=name, reason=error))


def _pace(model: Model) -> Pace:
    """Segments as long as what a window holds, then as what each later one adds: so a stream costs no more
    than a track of its length. Of models that set their own pace a window holds minutes."""
    rate, windows = model.manifest.codec.frames_per_second, model.manifest.windows()
    if rate is None or windows is None:
        return Pace(model.version, _SELF_PACED_SEC, _SELF_PACED_SEC)
    first = int((windows.frames - model.manifest.codec.header_frames) / rate)
    return Pace(model.version, max(first, _LEAST_SEC), max(int(windows.stride / rate), _LEAST_SEC))
