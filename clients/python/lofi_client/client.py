"""`Lofi`: one typed function per RPC method, and the events of a track as an iterator."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from lofi_client import calls, library_calls, radio_calls
from lofi_client.calls import Call, Order, R
from lofi_client.connection import Connection
from lofi_client.following import (
    InstallEvent,
    InstallFollowing,
    TrackEvent,
    TrackFollowing,
    asking_tap,
    is_end_of,
    is_of_install,
    is_of_worker,
    notification,
)
from lofi_client.generation import Followed, Generation, Listened
from lofi_client.launch import start_broker
from lofi_client.methods import presented, renamed
from lofi_client.remote import BROKER_VARIABLE as BROKER_VARIABLE
from lofi_client.remote import find_address, local_address
from lofi_client.sockets import BrokerSilent
from lofi_common import api, api_models
from lofi_common.errors import BrokerUnavailable
from lofi_common.paths import Paths, find_paths

P = ParamSpec("P")
T = TypeVar("T")


def _asking(call: Callable[P, Call[R]]) -> Callable[Concatenate[Lofi, P], R]:
    """The function of `Lofi` that makes this call and waits for its answer."""

    def ask(self: Lofi, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._connection.call(call(*args, **kwargs))

    return presented(ask, call, call)


def _ordering(
    order: Callable[P, Order], answered: Callable[[Lofi, Order], T]
) -> Callable[Concatenate[Lofi, P], T]:
    """The function of `Lofi` that orders a track."""
    named = renamed(order, answered)

    def ask(self: Lofi, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return answered(self, named(*args, **kwargs))

    return presented(ask, order, answered)


class Lofi:
    """A connection to the broker. Every function raises the LofiError that the broker answered,
    BrokerUnavailable when it does not answer or leaves, and InvalidParams for what can't be sent.

    Not for use from several threads. Once the broker has left, a new connection is needed.
    """

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
        address = find_address(where, None if paths else os.environ.get(BROKER_VARIABLE))
        if address is None:
            if not start:
                raise BrokerUnavailable("no broker is running")
            address = local_address(start_broker(where))
        client = cls(Connection(address))
        try:
            client.durable = client._connection.call(calls.initialize(name)).durable
        except BrokerSilent as error:
            client.close()
            raise address.unanswered(error) from error
        except BaseException:
            client.close()
            raise
        return client

    def _generate(self, order: Order) -> Generation:
        """Ask for a track, and iterate over what happens to it, from the GenerateResult to the
        GenerationComplete. Raises the LofiError of a track that fails.

        duration_sec: 5 to 120, or as many as `queue.max_duration_sec` says. seed: 0 to 2^64-1; one is chosen,
        and told, if none is given. output: a file or folder to copy the track to, over an existing file only
        with `force`; the format follows its name unless `format` is given. temperature, top_k, top_p,
        guidance_scale: the model's own unless given. continue_from: the id of a track that comes first;
        duration_sec counts what is added, and what is not given is as in that track. loop: a whole number of
        bars that repeats without a seam.
        timeout_sec: TimeoutError after so long; the track goes on, as it does when nobody listens any more.
        """
        return Generation(self._connection, self.submit(order.params), order)

    def _make(self, order: Order) -> api.GenerationComplete:
        """Ask for a track as `generate` does, and wait for it. Raises the LofiError of one that fails."""
        return self._generate(order).result()

    generate = _ordering(calls.order, _generate)
    make = _ordering(calls.order, _make)

    def submit(self, params: api.GenerateParams) -> api.GenerateResult:
        """Queue a track. It goes on whether or not anybody waits for it (`follow`)."""
        # What was told of workers before is about other tracks, and an end that came before the answer is
        # that of an earlier try.
        self._connection.post.forget(is_of_worker)
        accepted = self._connection.call(calls.submit(params))
        self._connection.post.forget(lambda event: is_end_of(event, accepted.track_id))
        return accepted

    def follow(self, accepted: api.GenerateResult, timeout_sec: float | None = None) -> Iterator[TrackEvent]:
        """What happens to a track, until its GenerationComplete or GenerationError, which comes last.

        ModelStatus and WorkerRestart come in between. Raises TimeoutError after `timeout_sec`, and
        BrokerUnavailable, which names the track, when the broker leaves.
        """
        following = TrackFollowing(accepted.track_id, time.monotonic(), timeout_sec)
        return Followed(self._connection, following)

    def next_event(self, timeout_sec: float) -> api.Result | None:
        """The next notification that no iterator of this client is about; None when none comes in time.

        Raises BrokerUnavailable when the broker leaves.
        """
        event = self._connection.event(timeout_sec)
        return None if event is None else notification(event)

    def listen(self) -> Iterator[api.Result]:
        """All notifications of the broker from now on, of any track; of those that nobody has taken yet the
        newest 10,000 are kept. Raises BrokerUnavailable at its end."""
        return Listened(self._connection)

    status = _asking(calls.status)
    queue = _asking(calls.queue)
    cancel = _asking(calls.cancel)
    clear_queue = _asking(calls.clear_queue)

    track = _asking(calls.track)
    tracks = _asking(library_calls.tracks)
    favourite_track = _asking(library_calls.favourite_track)
    tag_track = _asking(library_calls.tag_track)
    delete_track = _asking(library_calls.delete_track)
    clear_tracks = _asking(library_calls.clear_tracks)
    stats = _asking(library_calls.stats)
    import_track = _asking(library_calls.import_track)
    verify_tracks = _asking(library_calls.verify_tracks)
    prompt_history = _asking(library_calls.prompt_history)
    clear_prompt_history = _asking(library_calls.clear_prompt_history)

    models = _asking(calls.models)
    cancel_model = _asking(calls.cancel_model)
    select_model = _asking(calls.select_model)
    remove_model = _asking(calls.remove_model)
    verify_model = _asking(calls.verify_model)

    play = _asking(calls.play)
    pause = _asking(calls.pause)
    resume = _asking(calls.resume)
    stop = _asking(calls.stop)
    skip = _asking(calls.skip)
    previous = _asking(calls.previous)
    toggle = _asking(calls.toggle)
    seek = _asking(calls.seek)
    volume = _asking(calls.volume)
    set_volume = _asking(calls.set_volume)
    playback = _asking(calls.playback)
    playlist = _asking(calls.playlist)
    add_to_playlist = _asking(calls.add_to_playlist)
    remove_from_playlist = _asking(calls.remove_from_playlist)
    clear_playlist = _asking(calls.clear_playlist)
    set_crossfade = _asking(calls.set_crossfade)
    set_loop = _asking(calls.set_loop)
    audio_devices = _asking(calls.audio_devices)
    set_audio_device = _asking(calls.set_audio_device)

    radio = _asking(radio_calls.radio)
    set_radio_prompt = _asking(radio_calls.set_radio_prompt)
    stop_radio = _asking(radio_calls.stop_radio)
    radio_status = _asking(radio_calls.radio_status)

    worker_slots = _asking(calls.worker_slots)
    shutdown = _asking(calls.shutdown)

    def download_model(
        self,
        params: api_models.ModelDownloadParams,
        asking: Callable[[api_models.ModelStatus], None] | None = None,
    ) -> api_models.ModelDownloadResult:
        """Start an installation; it goes on whether or not anybody waits for it (`follow_install`).

        `asking` gets a status before each try to ask the Hub, which may take a minute to answer.
        Raises ConsentRequired, with a DownloadOffer as JSON in its details, until `consent` is given.
        """
        tap = asking_tap(params, asking)
        self._connection.post.add(tap)
        accepted = self._connection.call(calls.download_model(params))
        # What came before the answer is about an earlier installation of that name.
        self._connection.post.forget(lambda event: is_of_install(event, accepted.model))
        return accepted

    def follow_install(self, model: str) -> Iterator[InstallEvent]:
        """What happens to an installation: DownloadProgress and ModelStatus, until the state that ends it."""
        return Followed(self._connection, InstallFollowing(model, time.monotonic()))

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
        """Leave. Tracks that were asked for go on."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
