"""Makes the tracks of a batch with this user's broker, beside whoever else uses it."""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from lofi_batch.engine import Failed, Made, Outcome, Tell
from lofi_batch.interrupts import Interrupts
from lofi_batch.manifest import RowError
from lofi_batch.plan import Row
from lofi_batch.slots import NO_MODEL, Slots
from lofi_client import Lofi
from lofi_common import api
from lofi_common.errors import (
    BrokerUnavailable,
    CacheWriteError,
    ErrorInfo,
    InvalidTrackId,
    LofiError,
    ModelInferenceFailed,
    QueueFull,
    from_info,
)
from lofi_common.jobs import JobState

WAITING = 2
"""Tracks that wait in the broker's queue, so that no slot does."""
_LOOK_SEC = 5.0
"""Events are hints: after so long the tracks themselves are asked for."""
_LOSSES = 6
"""How often in a row the broker may go without any row having ended."""
_PAUSE_SEC = 0.1
_QUEUE_MOVES = (api.GenerationStart, api.GenerationComplete, api.GenerationError)


@dataclass(frozen=True)
class Options:
    slots: int | None
    """What the broker is asked for; None: it keeps what it has."""
    model: str | None
    """For which the memory of the slots is looked at."""
    retries: int
    keep: bool
    """Tracks stay in the user's library."""


@dataclass
class _Try:
    row: Row
    attempts: int = 0
    track_id: str = ""
    """Once it was asked for."""


class LocalEngine:
    """Keeps as many rows under way as the broker has slots, and a few more. See `Engine`."""

    def __init__(
        self,
        options: Options,
        versions: Mapping[str | None, str],
        interrupts: Interrupts,
        tell: Tell,
    ) -> None:
        """See `Means.start`."""
        self._options = options
        self._versions = dict(versions)
        self._interrupts = interrupts
        self._tell = tell
        self._lofi: Lofi | None = None
        self._slots = Slots(options.slots, options.model)
        self._met = False
        self._losses = 0
        self._room = 1
        self._full = False
        self._again: deque[_Try] = deque()
        self._under_way: dict[str, list[_Try]] = {}
        self._taking: dict[int, _Try] = {}
        self._own: set[str] = set()
        """Tracks that this batch was the first to ask for."""
        self._to_come: Counter[int] = Counter()
        """By request: rows that were not looked at yet."""
        self._outcomes: list[Outcome] = []
        self._unusable: dict[str | None, ErrorInfo] = {}
        self._looked = 0.0

    # Engine

    def make(self, rows: Iterable[Row]) -> Iterator[list[Outcome]]:
        """See `Engine.make`. Raises BrokerUnavailable when there is none, ModelNotFound and its like when
        --model can't be used, InvalidParams when it has no memory for the slots, CacheWriteError when the
        library can't be written, and KeyboardInterrupt."""
        rows = list(rows)
        self._to_come.update(_request(row) for row in rows)
        fresh = self._fresh(rows)
        while True:
            self._interrupts.check()
            try:
                self._connected()
                more = self._fill(fresh)
                if not self._outcomes and self._under_way:
                    self._listen()
                elif not self._outcomes and not more:
                    return
                elif not self._outcomes:
                    self._await_room()
            except BrokerUnavailable as error:
                self._lost(error)
            while self._outcomes:
                self._losses = 0
                ended, self._outcomes = self._outcomes, []
                yield ended

    def again(self, made: Made, error: RowError) -> None:
        """See `Engine.again`."""
        tried = self._taking.pop(made.row.row)
        self._retry(tried, error)

    def taken(self, made: Made) -> None:
        """See `Engine.taken`."""
        tried = self._taking.pop(made.row.row)
        if self._options.keep or made.track_id not in self._own or self._wanted(tried):
            return
        self._own.discard(made.track_id)
        with suppress(InvalidTrackId, BrokerUnavailable):  # then it stays in the library
            self._connected().delete_track(made.track_id)

    def cancel(self) -> None:
        """See `Engine.cancel`."""
        if self._lofi is None:
            return
        with suppress(BrokerUnavailable):
            for track_id in self._own & self._under_way.keys():
                with suppress(InvalidTrackId):  # it has ended
                    self._lofi.cancel(track_id)

    def close(self) -> None:
        """Give the slots back and leave."""
        if self._lofi is None:
            return
        with suppress(BrokerUnavailable):
            self._slots.give_back(self._lofi)
        self._disconnect()

    # the broker

    def _connected(self) -> Lofi:
        """Raises LofiError."""
        if self._lofi is None:
            with self._interrupts.allowed():
                self._lofi = Lofi.connect(name="lofi-batch")
            self._met = True
            self._slots.ask(self._lofi)
            self._room = WAITING + self._slots.number(self._lofi)
        return self._lofi

    def _disconnect(self) -> None:
        if self._lofi is not None:
            self._lofi.close()
            self._lofi = None

    def _lost(self, error: BrokerUnavailable) -> None:
        """What was under way is asked for again: the broker's disk, or its library, has it."""
        self._disconnect()
        self._losses += 1
        if not self._met or self._losses > _LOSSES:
            raise error
        self._tell(f"{error}; connecting again", "")
        for tries in reversed(self._under_way.values()):
            self._again.extendleft(reversed(tries))
        self._under_way.clear()
        self._full = False
        with self._interrupts.allowed():
            time.sleep(_PAUSE_SEC * 2**self._losses)

    # rows

    def _fresh(self, rows: Iterable[Row]) -> Iterator[_Try]:
        for row in rows:
            self._to_come[_request(row)] -= 1
            yield _Try(row)

    def _fill(self, fresh: Iterator[_Try]) -> bool:
        """Submit while there is room; False when no row waits to be submitted."""
        while not self._full and self._busy() < self._room:
            tried = self._again.popleft() if self._again else next(fresh, None)
            if tried is None:
                return False
            try:
                self._submit(tried)
            except QueueFull:
                self._again.appendleft(tried)
                self._full = True
            except BrokerUnavailable:
                self._again.appendleft(tried)
                raise
            except CacheWriteError:
                raise
            except LofiError as error:
                if isinstance(error, NO_MODEL) and self._is_the_command_s(tried.row.model):
                    raise
                tried.attempts += 1
                self._ended(tried, error.info())
        return True

    def _is_the_command_s(self, model: str | None) -> bool:
        """Whether it is the model that the command names, and nothing was made with it."""
        return model is not None and model == self._options.model and model not in self._versions

    def _busy(self) -> int:
        """Rows under way, and those that have ended and are not taken yet."""
        return len(self._outcomes) + sum(map(len, self._under_way.values()))

    def _submit(self, tried: _Try) -> None:
        row = tried.row
        if (broken := self._unusable.get(row.model)) is not None:
            self._outcomes.append(Failed(row, _row_error(broken), tried.attempts))
            return
        lofi = self._connected()
        asked_at = time.time()
        accepted = lofi.submit(row.params(self._versions.get(row.model, row.model)))
        tried.track_id = accepted.track_id
        self._versions.setdefault(row.model, accepted.model_version)
        if accepted.status is JobState.COMPLETE:
            track = lofi.track(accepted.track_id)
            tried.attempts += 1
            self._made(tried, track, new=False)
            return
        if accepted.track_id not in self._own and _is_new(lofi, accepted.track_id, asked_at):
            self._own.add(accepted.track_id)
        self._under_way.setdefault(accepted.track_id, []).append(tried)

    def _listen(self) -> None:
        """Wait for the next thing that happens; now and then look for what was not heard."""
        if time.monotonic() - self._looked >= _LOOK_SEC:
            self._look()
            return
        lofi = self._connected()
        with self._interrupts.allowed():
            event = lofi.next_event(_LOOK_SEC)
        if isinstance(event, _QUEUE_MOVES):
            self._full = False
        match event:
            case api.GenerationComplete(track_id=track_id):
                for tried in self._under_way.pop(track_id, []):
                    tried.attempts += 1
                    self._made(tried, event)
            case api.GenerationError(track_id=track_id, code=code, message=message):
                for tried in self._under_way.pop(track_id, []):
                    tried.attempts += 1
                    self._ended(tried, ErrorInfo(code=0, name=code, message=message))

    def _await_room(self) -> None:
        """The queue is full of other people's tracks: wait until it moves."""
        lofi = self._connected()
        with self._interrupts.allowed():
            event = lofi.next_event(_LOOK_SEC)
        self._full = event is not None and not isinstance(event, _QUEUE_MOVES)

    def _look(self) -> None:
        lofi = self._connected()
        self._looked = time.monotonic()
        self._full = False
        self._slots.hold(lofi)
        self._room = WAITING + self._slots.number(lofi)
        for track_id, tries in list(self._under_way.items()):
            try:
                track = lofi.track(track_id)
            except InvalidTrackId:  # ended, and deleted or forgotten since
                self._again.extend(self._under_way.pop(track_id))
                continue
            if not track.status.ended:
                continue
            del self._under_way[track_id]
            for tried in tries:
                tried.attempts += 1
                if track.error is not None:
                    self._ended(tried, track.error)
                else:
                    self._made(tried, track)

    def _wanted(self, tried: _Try) -> bool:
        """Whether another row wants the same track."""
        others = itertools.chain(self._taking.values(), *self._under_way.values())
        request = _request(tried.row)
        return (
            self._to_come[request] > 0
            or any(other.track_id == tried.track_id for other in others)
            or any(_request(other.row) == request for other in self._again)
        )

    def _made(self, tried: _Try, track: api.Track | api.GenerationComplete, *, new: bool = True) -> None:
        assert track.path is not None and track.sha256 is not None
        self._taking[tried.row.row] = tried
        made = Made(
            row=tried.row,
            track_id=track.track_id,
            model_version=track.model_version,
            file=track.path,
            sha256=track.sha256,
            seconds=track.generation_time_sec,
            attempts=tried.attempts,
            new=new,
        )
        self._outcomes.append(made)

    def _ended(self, tried: _Try, error: ErrorInfo) -> None:
        """Without a track. Raises CacheWriteError: no other track could be kept either."""
        if error.name == CacheWriteError.name:
            raise from_info(error)
        if error.name in [each.name for each in NO_MODEL]:
            self._unusable[tried.row.model] = error
        if error.name == ModelInferenceFailed.name:
            self._retry(tried, _row_error(error))
        else:
            self._outcomes.append(Failed(tried.row, _row_error(error), tried.attempts))

    def _retry(self, tried: _Try, error: RowError) -> None:
        if tried.attempts <= self._options.retries:
            self._again.append(tried)
        else:
            self._outcomes.append(Failed(tried.row, error, tried.attempts))


def _request(row: Row) -> int:
    """Equal for rows that ask for the same; seldom for others. A number, since rows may be many."""
    return hash(row.params(row.model))


def _is_new(lofi: Lofi, track_id: str, asked_at: float) -> bool:
    """Whether its job was made by a request of that time (Unix seconds): an older one is somebody else's."""
    with suppress(InvalidTrackId):  # ended, and deleted since
        created_at = lofi.track(track_id).created_at
        return created_at is not None and created_at >= asked_at
    return False


def _row_error(error: ErrorInfo) -> RowError:
    return RowError(code=error.name, message=error.message)
