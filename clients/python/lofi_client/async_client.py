"""`AsyncLofi`: the same functions as `Lofi`, for asyncio."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from lofi_client import calls, library_calls, radio_calls
from lofi_client.async_connection import AsyncConnection
from lofi_client.async_generation import AsyncFollowed, AsyncGeneration, AsyncListened
from lofi_client.calls import Call, Order, R
from lofi_client.following import (
    InstallEvent,
    InstallFollowing,
    TrackEvent,
    TrackFollowing,
    asking_tap,
    is_end_of,
    is_of_install,
    is_of_worker,
)
from lofi_client.launch import READY_SEC, Starting
from lofi_client.methods import presented, renamed
from lofi_client.remote import BROKER_VARIABLE, Address, find_address, local_address
from lofi_client.sockets import BrokerSilent
from lofi_common import api, api_models
from lofi_common.broker_file import BrokerFile
from lofi_common.errors import BrokerUnavailable
from lofi_common.paths import Paths, find_paths

P = ParamSpec("P")
T = TypeVar("T")


def _asking(
    call: Callable[P, Call[R]],
) -> Callable[Concatenate[AsyncLofi, P], Coroutine[Any, Any, R]]:
    """The function of `AsyncLofi` that makes this call and waits for its answer."""

    async def ask(self: AsyncLofi, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._connection.call(call(*args, **kwargs))

    return presented(ask, call, call)


def _ordering(
    order: Callable[P, Order], answered: Callable[[AsyncLofi, Order], T]
) -> Callable[Concatenate[AsyncLofi, P], T]:
    """The function of `AsyncLofi` that orders a track."""
    named = renamed(order, answered)

    def ask(self: AsyncLofi, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return answered(self, named(*args, **kwargs))

    return presented(ask, order, answered)


class AsyncLofi:
    """A connection to the broker, for any number of tasks of one event loop. Every function raises the
    LofiError that the broker answered, BrokerUnavailable when it does not answer or leaves, and InvalidParams
    for what can't be sent.

    A task that is cancelled stops waiting; what it has asked for goes on. Once the broker has left, a new
    connection is needed.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.durable = True
        """Whether what this broker has accepted outlives it."""

    @classmethod
    def connect(
        cls, *, start: bool = True, name: str = "lofi_client", paths: Paths | None = None
    ) -> Connecting:
        """Connect to this user's broker, starting one if none runs and `start` is true: with `async with`, or
        with `await` and a `close` at the end.

        With LOFI_BROKER set to `tcp://host:port/<its public key>`, connect to that one instead.
        Raises BrokerUnavailable, or InvalidRequest when the broker speaks another protocol.
        """
        return Connecting(start=start, name=name, paths=paths)

    def _generate(self, order: Order) -> AsyncGeneration:
        """Ask for a track, and iterate over what happens to it, as with `Lofi.generate`."""
        return AsyncGeneration(self._connection, order, self.submit)

    async def _make(self, order: Order) -> api.GenerationComplete:
        """Ask for a track as `generate` does, and wait for it. Raises the LofiError of one that fails."""
        return await self._generate(order).result()

    generate = _ordering(calls.order, _generate)
    make = _ordering(calls.order, _make)

    async def submit(self, params: api.GenerateParams) -> api.GenerateResult:
        """Queue a track. It goes on whether or not anybody waits for it (`follow`)."""
        # As in `Lofi.submit`.
        self._connection.post.forget(is_of_worker)
        accepted = await self._connection.call(calls.submit(params))
        self._connection.post.forget(lambda event: is_end_of(event, accepted.track_id))
        return accepted

    def follow(
        self, accepted: api.GenerateResult, timeout_sec: float | None = None
    ) -> AsyncIterator[TrackEvent]:
        """What happens to a track, until its GenerationComplete or GenerationError, which comes last.

        ModelStatus and WorkerRestart come in between. Raises TimeoutError after `timeout_sec`, and
        BrokerUnavailable, which names the track, when the broker leaves.
        """
        following = TrackFollowing(accepted.track_id, time.monotonic(), timeout_sec)
        return AsyncFollowed(self._connection, following)

    def listen(self) -> AsyncIterator[api.Result]:
        """All notifications of the broker from now on, of any track; of those that nobody has taken yet the
        newest 10,000 are kept. Raises BrokerUnavailable at its end."""
        return AsyncListened(self._connection)

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

    async def download_model(
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
        accepted = await self._connection.call(calls.download_model(params))
        self._connection.post.forget(lambda event: is_of_install(event, accepted.model))
        return accepted

    def follow_install(self, model: str) -> AsyncIterator[InstallEvent]:
        """What happens to an installation: DownloadProgress and ModelStatus, until the state that ends it."""
        return AsyncFollowed(self._connection, InstallFollowing(model, time.monotonic()))

    async def close(self) -> None:
        """Leave. Tracks that were asked for go on; tasks that wait in here get BrokerUnavailable."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Connecting(Awaitable[AsyncLofi], AbstractAsyncContextManager[AsyncLofi]):
    """A connection that is being made."""

    def __init__(self, *, start: bool, name: str, paths: Paths | None) -> None:
        self._start = start
        self._name = name
        self._paths = paths
        self._client: AsyncLofi | None = None

    def __await__(self) -> Generator[Any, None, AsyncLofi]:
        return self._connected().__await__()

    async def _connected(self) -> AsyncLofi:
        address = await self._address()
        client = AsyncLofi(AsyncConnection(address))
        try:
            client.durable = (await client._connection.call(calls.initialize(self._name))).durable
        except BrokerSilent as error:
            await client.close()
            raise address.unanswered(error) from error
        except BaseException:
            await client.close()
            raise
        return client

    async def _address(self) -> Address:
        where = self._paths or find_paths(os.environ)
        address = find_address(where, None if self._paths else os.environ.get(BROKER_VARIABLE))
        if address is not None:
            return address
        if not self._start:
            raise BrokerUnavailable("no broker is running")
        return local_address(await _start_broker(where))

    async def __aenter__(self) -> AsyncLofi:
        self._client = await self
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()


async def _start_broker(paths: Paths) -> BrokerFile:
    """As `launch.start_broker`; other tasks go on meanwhile."""
    loop = asyncio.get_running_loop()
    with Starting(paths) as starting:
        told = asyncio.Event()
        loop.add_reader(starting, told.set)
        try:
            async with asyncio.timeout(READY_SEC):
                await told.wait()
        except TimeoutError as error:
            raise starting.late() from error
        finally:
            loop.remove_reader(starting)
        return starting.found()
