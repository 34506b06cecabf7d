"""What happens to a track, or to an installation, as its events and now and then a question tell.

Events are hints: after a silence the broker is asked. No sockets and no clock in here: `now` is in seconds of
any clock that only rises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from lofi_client import calls
from lofi_client.calls import Call, R
from lofi_client.post import Tap
from lofi_common import api, api_models
from lofi_common.errors import (
    BrokerUnavailable,
    CacheWriteError,
    ErrorInfo,
    LofiError,
    ModelDownloadFailed,
    from_info,
)
from lofi_common.installs import default_name, parse_source
from lofi_common.jobs import JobState
from lofi_common.messages import Event

_LOOK_AGAIN_SEC = 5.0

End = api.GenerationComplete | api.GenerationError
TrackEvent = api.GenerationStart | api.GenerationProgress | api_models.ModelStatus | api.WorkerRestart | End
GenerationEvent = (
    api.GenerateResult
    | api.GenerationStart
    | api.GenerationProgress
    | api_models.ModelStatus
    | api.WorkerRestart
    | api.GenerationComplete
)
InstallEvent = api_models.DownloadProgress | api_models.ModelStatus

_OF_TRACKS = ("generation_start", "generation_progress", "generation_complete", "generation_error")
_OF_INSTALLS = ("download_progress", "model_status")
_WORKER_STATES = ("loading", "ready", "unloaded", "failed")
_INSTALL_ENDS = ("installed", "install_failed", "cancelled")

T_co = TypeVar("T_co", covariant=True)


class Following(Protocol[T_co, R]):
    """Decides what whoever follows does next: takes events, or asks a question."""

    over: bool
    """Nothing more happens."""

    def wants(self, event: Event) -> bool: ...

    def wait_sec(self, now: float) -> float:
        """For how long to wait for the next event. Raises TimeoutError."""
        ...

    def heard(self, event: Event, now: float) -> T_co: ...

    def asks(self, now: float) -> bool:
        """Whether to ask, when no event has come."""
        ...

    def question(self, now: float) -> Call[R]: ...

    def answered(self, answer: R, now: float) -> None: ...

    def known(self) -> T_co | None:
        """The end, when an answer has told it and no event is left."""
        ...

    def lost(self, error: BrokerUnavailable, now: float) -> BrokerUnavailable:
        """What to raise when the broker has left, or is silent, before the end. Raises TimeoutError."""
        ...


class TrackFollowing:
    """A track, until its GenerationComplete or GenerationError, which comes last."""

    def __init__(self, track_id: str, now: float, timeout_sec: float | None = None) -> None:
        self.over = False
        self._track_id = track_id
        self._timeout_sec = timeout_sec
        self._deadline = None if timeout_sec is None else now + timeout_sec
        self._look_at = now  # it may have ended before
        self._end: End | None = None

    def wants(self, event: Event) -> bool:
        return is_of_worker(event) or (
            event.method in _OF_TRACKS and event.params.get("track_id") == self._track_id
        )

    def wait_sec(self, now: float) -> float:
        if self._deadline is not None and now >= self._deadline:
            raise TimeoutError(f"track {self._track_id} was not finished after {self._timeout_sec:g} s")
        if self._end is not None:
            return 0.0
        until = self._look_at if self._deadline is None else min(self._look_at, self._deadline)
        return max(0.0, until - now)

    def heard(self, event: Event, now: float) -> TrackEvent:
        kind: Any = api.NOTIFICATIONS[event.method]
        told: TrackEvent = msgspec.convert(event.params, kind)
        if not is_of_worker(event):
            self._look_at = now + _LOOK_AGAIN_SEC
        self.over = isinstance(told, End)
        return told

    def asks(self, now: float) -> bool:
        return now >= self._look_at

    def question(self, now: float) -> Call[api.Track]:
        ask = calls.track(self._track_id)
        left = ask.timeout_sec if self._deadline is None else max(0.0, self._deadline - now)
        return ask._replace(timeout_sec=min(ask.timeout_sec, left))

    def answered(self, answer: api.Track, now: float) -> None:
        self._end = _end_of(answer)
        self._look_at = now + _LOOK_AGAIN_SEC

    def known(self) -> End | None:
        self.over = self._end is not None
        return self._end

    def lost(self, error: BrokerUnavailable, now: float) -> BrokerUnavailable:
        self.wait_sec(now)
        return BrokerUnavailable(
            f"{error} before track {self._track_id} had ended",
            recovery="Connect again; `track` tells what became of it.",
        )


class InstallFollowing:
    """An installation, until the state that ends it."""

    def __init__(self, model: str, now: float) -> None:
        self.over = False
        self._model = model
        self._look_at = now + _LOOK_AGAIN_SEC
        self._end: api_models.ModelStatus | None = None

    def wants(self, event: Event) -> bool:
        return is_of_install(event, self._model)

    def wait_sec(self, now: float) -> float:
        return 0.0 if self._end is not None else max(0.0, self._look_at - now)

    def heard(self, event: Event, now: float) -> InstallEvent:
        kind: Any = api.NOTIFICATIONS[event.method]
        told: InstallEvent = msgspec.convert(event.params, kind)
        self._look_at = now + _LOOK_AGAIN_SEC
        self.over = isinstance(told, api_models.ModelStatus) and told.state in _INSTALL_ENDS
        return told

    def asks(self, now: float) -> bool:
        return now >= self._look_at

    def question(self, now: float) -> Call[api_models.ModelsListResult]:
        return calls.models()

    def answered(self, answer: api_models.ModelsListResult, now: float) -> None:
        self._look_at = now + _LOOK_AGAIN_SEC
        if any(each.name == self._model and _under_way(each) for each in answer.models):
            return
        ends = (end for end in reversed(answer.ended) if end.model == self._model)
        self._end = next(ends, None) or _end_unknown(self._model)

    def known(self) -> api_models.ModelStatus | None:
        self.over = self._end is not None
        return self._end

    def lost(self, error: BrokerUnavailable, now: float) -> BrokerUnavailable:
        return error


class Verdict:
    """Turns the failure of a track that was asked for into an exception, so that nobody can miss it."""

    def __init__(self, params: api.GenerateParams) -> None:
        self._output = params.output
        self._complete: api.GenerationComplete | None = None
        self._error: LofiError | None = None
        self._raised = False

    def on(self, event: TrackEvent) -> GenerationEvent:
        """The same event. Raises the LofiError that a GenerationError stands for."""
        match event:
            case api.GenerationError():
                told = ErrorInfo(code=0, name=event.code, message=event.message, recovery=event.recovery)
                self._error = from_info(told)
                self._error.add_note(f"track_id: {event.track_id}")
                self._raised = True
                raise self._error
            case api.GenerationComplete():
                self._complete = event
                reason = (event.output_errors or {}).get(self._output or "")
                if reason is not None:
                    advice = f"The track itself is safe: {event.path}"
                    self._error = CacheWriteError(reason, recovery=advice)
        return event

    def after(self) -> None:
        """Once the finished track was handed out: raise CacheWriteError if its copy could not be written."""
        if self._error is not None and not self._raised:
            self._raised = True
            raise self._error

    def track(self) -> api.GenerationComplete:
        """The finished track, of a story that is over. Raises what ended it."""
        if self._error is not None:
            raise self._error
        assert self._complete is not None, "the story is not over"
        return self._complete


def asking_tap(
    params: api_models.ModelDownloadParams, asking: Callable[[api_models.ModelStatus], None] | None
) -> Tap:
    """Tells `asking` of each try to ask the Hub for this model. Raises InvalidParams for no source."""
    name = params.name or default_name(parse_source(params.model))

    def told(event: Event) -> None:
        if asking is not None and is_of_install(event, name) and event.params.get("state") == "asking":
            asking(msgspec.convert(event.params, api_models.ModelStatus))

    return Tap(told)


def notification(event: Event) -> api.Result | None:
    """What an event tells; None for one that this version does not know, and for those without meaning."""
    kind = api.NOTIFICATIONS.get(event.method)
    return None if kind is None else msgspec.convert(event.params, kind)


def complete(track: api.Track) -> api.GenerationComplete:
    """The notification that a finished track of the library stands for."""
    return msgspec.convert(track, api.GenerationComplete, from_attributes=True)


def is_of_worker(event: Event) -> bool:
    """Whether it tells of a worker: it goes on in another one, or loads a model."""
    return event.method == "worker_restart" or (
        event.method == "model_status" and event.params.get("state") in _WORKER_STATES
    )


def is_of_install(event: Event, model: str) -> bool:
    """Whether an event may tell of this model's installation."""
    return event.method in _OF_INSTALLS and event.params.get("model") == model and not is_of_worker(event)


def is_end_of(event: Event, track_id: str) -> bool:
    return (
        event.method in ("generation_complete", "generation_error")
        and event.params.get("track_id") == track_id
    )


def _end_of(track: api.Track) -> End | None:
    if track.error is not None and track.status.ended:
        error = track.error
        return api.GenerationError(
            track_id=track.track_id, code=error.name, message=error.message, recovery=error.recovery
        )
    return complete(track) if track.status is JobState.COMPLETE else None


def _under_way(model: api_models.ModelInfo) -> bool:
    return model.state == "installing" or model.being_replaced


def _end_unknown(model: str) -> api_models.ModelStatus:
    """For an installation of which the broker knows nothing more."""
    error = ModelDownloadFailed(f"the installation of {model} has ended; the broker's log says why").info()
    return api_models.ModelStatus(model=model, state="install_failed", error=error)
