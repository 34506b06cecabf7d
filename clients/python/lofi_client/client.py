"""`Lofi`: one typed function per RPC method, and the events of a track as an iterator."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from lofi_client.connection import BrokerSilent, Connection
from lofi_client.launch import find_broker, start_broker
from lofi_common import PROTOCOL, api, api_models
from lofi_common.errors import BrokerUnavailable, ModelDownloadFailed
from lofi_common.installs import default_name, parse_source
from lofi_common.jobs import JobState
from lofi_common.messages import Event
from lofi_common.paths import Paths, find_paths

BROKER_VARIABLE = "LOFI_BROKER"

R = TypeVar("R", bound=msgspec.Struct)

_GREET_SEC = 5.0
_CALL_SEC = 30.0
_LOOK_AGAIN_SEC = 5.0
_HUB_SEC = 90.0
_VERIFY_SEC = 600.0

_INSTALL_EVENTS = ("download_progress", "model_status")
_INSTALL_ENDS = ("installed", "install_failed", "cancelled")


class Lofi:
    """A connection to the broker. Every function raises the LofiError that the broker answered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.durable = True
        """Whether what this broker has accepted outlives it."""

    @classmethod
    def connect(cls, *, start: bool = True, name: str = "lofi_client", paths: Paths | None = None) -> Self:
        """Connect to this user's broker, starting one if none runs and `start` is true.

        With LOFI_BROKER set to `tcp://host:port/<its public key>`, connect to that one instead.
        Raises BrokerUnavailable, or InvalidRequest when the broker speaks another protocol.
        """
        where = paths or find_paths(os.environ)
        elsewhere = os.environ.get(BROKER_VARIABLE) if paths is None else None
        if elsewhere:
            from lofi_client.remote import connect_to

            try:
                return cls._greeted(connect_to(elsewhere, where.keys), name)
            except BrokerSilent as error:
                raise BrokerUnavailable(
                    f"the broker at {elsewhere} did not answer within {_GREET_SEC:g} s",
                    recovery="Look whether one runs there, and whether LOFI_BROKER has its address and port.",
                ) from error
        found = find_broker(where)
        if found is None:
            if not start:
                raise BrokerUnavailable("no broker is running")
            found = start_broker(where)
        try:
            return cls._greeted(Connection(found.endpoint), name)
        except BrokerSilent as error:
            raise BrokerUnavailable(
                f"broker, pid {found.pid}, runs but does not answer",
                details=str(error),
                recovery=f"`kill -9 {found.pid}` ends it; accepted tracks are kept, and the next command"
                " starts another.",
            ) from error

    @classmethod
    def _greeted(cls, connection: Connection, name: str) -> Self:
        client = cls(connection)
        try:
            client.durable = client._initialize(name).durable
        except BaseException:
            client.close()
            raise
        return client

    def _initialize(self, name: str) -> api.InitializeResult:
        params = api.InitializeParams(client=name, protocol=PROTOCOL, events=True)
        return self._call("initialize", params, api.InitializeResult, _GREET_SEC)

    def _call(self, method: str, params: api.Params, kind: type[R], timeout_sec: float = _CALL_SEC) -> R:
        result = self._connection.call(method, msgspec.to_builtins(params), timeout_sec)
        return msgspec.convert(result, kind)

    def generate(self, params: api.GenerateParams) -> api.GenerateResult:
        """Queue a track. It goes on whether or not anybody waits for it (`follow`)."""
        return self._call("generate", params, api.GenerateResult)

    def follow(self, accepted: api.GenerateResult, timeout_sec: float | None = None) -> Iterator[api.Result]:
        """What happens to a track, until its GenerationComplete or GenerationError, which comes last.

        ModelStatus and WorkerRestart come in between. Raises TimeoutError after `timeout_sec`, and
        BrokerUnavailable, which names the track, when the broker leaves.
        """
        track_id = accepted.track_id
        try:
            yield from self._until_ended(track_id, timeout_sec)
        except BrokerUnavailable as error:
            raise BrokerUnavailable(
                f"{error} before track {track_id} had ended",
                recovery="Connect again; `track` tells what became of it.",
            ) from error

    def _until_ended(self, track_id: str, timeout_sec: float | None) -> Iterator[api.Result]:
        deadline = None if timeout_sec is None else time.monotonic() + timeout_sec
        look_again = 0.0  # it may have ended before
        while True:
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                raise TimeoutError(f"track {track_id} was not finished after {timeout_sec:g} s")
            if now >= look_again:
                ended = self._ended(track_id)
                if ended is not None:
                    yield ended
                    return
                look_again = now + _LOOK_AGAIN_SEC
            until = look_again if deadline is None else min(look_again, deadline)
            event = self._connection.event(until - now)
            kind = api.NOTIFICATIONS.get(event.method) if event is not None else None
            if event is None or kind is None or event.params.get("track_id", track_id) != track_id:
                continue
            told = msgspec.convert(event.params, kind)
            if "track_id" in event.params:
                look_again = time.monotonic() + _LOOK_AGAIN_SEC
            yield told
            if isinstance(told, api.GenerationComplete | api.GenerationError):
                return

    def _ended(self, track_id: str) -> api.GenerationComplete | api.GenerationError | None:
        """Events are hints: after a silence the track itself is asked."""
        track = self.track(track_id)
        if track.error is not None and track.status.ended:
            error = track.error
            return api.GenerationError(
                track_id=track_id, code=error.name, message=error.message, recovery=error.recovery
            )
        if track.status is not JobState.COMPLETE:
            return None
        return complete(track)

    def status(self) -> api.StatusResult:
        return self._call("status", api.NoParams(), api.StatusResult)

    def queue(self) -> api.QueueStatusResult:
        return self._call("queue_status", api.NoParams(), api.QueueStatusResult)

    def cancel(self, track_id: str, timeout_sec: float = _CALL_SEC) -> api.CancelResult:
        """Cancel a queued or running track. When the answer takes longer, the cancel may still come."""
        return self._call("queue_cancel", api.TrackParams(track_id=track_id), api.CancelResult, timeout_sec)

    def clear_queue(self) -> api.ClearResult:
        return self._call("queue_clear", api.NoParams(), api.ClearResult)

    def track(self, track_id: str) -> api.Track:
        return self._call("track_get", api.TrackParams(track_id=track_id), api.Track)

    def tracks(self, *, limit: int = 100, offset: int = 0, query: str = "") -> api.CacheListResult:
        params = api.CacheListParams(limit=limit, offset=offset, query=query)
        return self._call("cache_list", params, api.CacheListResult)

    def delete_track(self, track_id: str) -> api.CacheDeleteResult:
        return self._call("cache_delete", api.TrackParams(track_id=track_id), api.CacheDeleteResult)

    def clear_tracks(self) -> api.CacheClearResult:
        return self._call("cache_clear", api.NoParams(), api.CacheClearResult)

    def stats(self) -> api.CacheStatsResult:
        return self._call("cache_stats", api.NoParams(), api.CacheStatsResult)

    def models(self) -> api_models.ModelsListResult:
        return self._call("models_list", api.NoParams(), api_models.ModelsListResult)

    def download_model(
        self,
        params: api_models.ModelDownloadParams,
        asking: Callable[[api_models.ModelStatus], None] | None = None,
    ) -> api_models.ModelDownloadResult:
        """Start an installation; it goes on whether or not anybody waits for it (`follow_install`).

        `asking` gets a status before each try to ask the Hub, which may take a minute to answer.
        Raises ConsentRequired, with a DownloadOffer as JSON in its details, until `consent` is given.
        """
        name = params.name or default_name(parse_source(params.model))

        def meanwhile(event: Event) -> None:
            if asking is not None and _is_about(event, name) and event.params.get("state") == "asking":
                asking(msgspec.convert(event.params, api_models.ModelStatus))

        result = self._connection.call("model_download", msgspec.to_builtins(params), _HUB_SEC, meanwhile)
        accepted = msgspec.convert(result, api_models.ModelDownloadResult)
        # What came before the answer is about an earlier installation of that name.
        self._connection.forget(lambda event: _is_about(event, accepted.model))
        return accepted

    def follow_install(self, model: str) -> Iterator[api.Result]:
        """What happens to an installation: DownloadProgress and ModelStatus, until the state that ends it."""
        while True:
            event = self._connection.event(_LOOK_AGAIN_SEC)
            if event is None:  # events are hints: after a silence the broker is asked
                found = self.models()
                if any(each.name == model and _under_way(each) for each in found.models):
                    continue
                ends = (end for end in reversed(found.ended) if end.model == model)
                yield next(ends, None) or _end_unknown(model)
                return
            if not _is_about(event, model):
                continue
            told: api.Result = msgspec.convert(event.params, api.NOTIFICATIONS[event.method])
            yield told
            if isinstance(told, api_models.ModelStatus) and told.state in _INSTALL_ENDS:
                return

    def cancel_model(self, model: str) -> api_models.ModelCancelResult:
        return self._call("model_cancel", api_models.ModelParams(model=model), api_models.ModelCancelResult)

    def select_model(self, model: str) -> api_models.ModelSelectResult:
        return self._call("model_select", api_models.ModelParams(model=model), api_models.ModelSelectResult)

    def remove_model(self, model: str) -> api_models.ModelRemoveResult:
        return self._call("model_remove", api_models.ModelParams(model=model), api_models.ModelRemoveResult)

    def verify_model(self, model: str | None = None, *, full: bool = False) -> api_models.ModelVerifyResult:
        """Check an installed model's files, the selected one's by default; with `full`, load and run it."""
        params = api_models.ModelVerifyParams(model=model, full=full)
        return self._call("model_verify", params, api_models.ModelVerifyResult, _VERIFY_SEC)

    def shutdown(self) -> api.ShutdownResult:
        return self._call("shutdown", api.NoParams(), api.ShutdownResult)

    def wait_left(self, timeout_sec: float) -> bool:
        """Wait until the broker has closed the connection; False when it is still there after that time."""
        deadline = time.monotonic() + timeout_sec
        try:
            while (left := deadline - time.monotonic()) > 0:
                self._connection.event(left)
        except BrokerUnavailable:
            return True
        return False

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def complete(track: api.Track) -> api.GenerationComplete:
    """The notification that a finished track of the library stands for."""
    return msgspec.convert(track, api.GenerationComplete, from_attributes=True)


def _is_about(event: Event, model: str) -> bool:
    """Whether an event may tell of this model's installation."""
    return event.params.get("model") == model and event.method in _INSTALL_EVENTS


def _under_way(model: api_models.ModelInfo) -> bool:
    return model.state == "installing" or model.being_replaced


def _end_unknown(model: str) -> api_models.ModelStatus:
    """For an installation of which the broker knows nothing more."""
    error = ModelDownloadFailed(f"the installation of {model} has ended; the broker's log says why").info()
    return api_models.ModelStatus(model=model, state="install_failed", error=error)
