"""What runs on the nodes: the worker's engine in this process, tracks from it into the place of the batch."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

import psutil

import lofi_common
from lofi_batch.errors import FolderFailed
from lofi_batch.place import Place
from lofi_batch.places import open_place
from lofi_batch.ray_folder import ActorFolder, actors_root
from lofi_batch.ray_loop import DecodeLoop
from lofi_batch.ray_messages import (
    Answer,
    Done,
    Ended,
    Make,
    Missing,
    Ready,
    Source,
    Unable,
    Unloaded,
    make_of,
    pack,
    setup_of,
    source_of,
)
from lofi_batch.ray_models import Arriving, NodeModels
from lofi_common.errors import InternalError, LofiError, ModelLoadFailed
from lofi_common.manifest import Model, for_engine
from lofi_common.messages import Failed
from lofi_common.paths import find_cache, find_paths
from lofi_worker.engine import Engine

_MOST_FATAL_LOADS = 2
"""In a row, by which the actor died."""


class TrackActor:
    """One engine; loads a model, makes its tracks. The driver gives it at most a few more than it has slots.

    Its methods are coroutines of one event loop; what takes long is done in threads beside it.
    """

    def __init__(self, setup: bytes, node: str, actor: str) -> None:
        """node, actor: their ids. Raises LofiError when the node can't take part at all."""
        self._setup = setup_of(setup)
        if self._setup.version != lofi_common.__version__:
            raise InternalError(
                f"this node has lofi {lofi_common.__version__}, the driver {self._setup.version}",
                recovery="Install the same version on all nodes.",
            )
        self._node = node
        self._folder = ActorFolder(actors_root(), actor)
        self._place: Place = open_place(self._setup.place, self._setup.made)
        self._models = NodeModels(find_paths(os.environ), find_cache(os.environ) / "models")
        self._loading = asyncio.Lock()
        self._loop: DecodeLoop | None = None
        self._ready: Ready | None = None
        self._loaded_version = ""
        self._arriving: tuple[contextlib.ExitStack, Arriving] | None = None

    async def load(self, source: bytes) -> bytes:
        """`Loaded`: the model of a `Source`. What is under way with another one is dropped, with the same one
        it goes on."""
        wanted = source_of(source)
        async with self._loading:
            try:
                return pack(await self._load(wanted))
            except (LofiError, MemoryError, OSError) as error:
                told = _told(error, f"{wanted.version} can't be loaded").info()
                last_words = self._folder.last_words
                return pack(
                    Unable(node=self._node, life=self._folder.life, error=told, last_words=last_words)
                )

    async def make(self, order: bytes) -> bytes:
        """`Answer` to a `Make`."""
        wanted = make_of(order)
        try:
            return pack(await self._make(wanted))
        except LofiError as error:
            return pack(Ended(error=error.info()))

    async def leave(self) -> None:
        """The batch has ended: nothing of it stays on the node. The process is ended by the driver."""
        if self._loop is not None:
            await self._loop.close("the batch has ended")
            self._loop = None
        self._folder.leave()

    # a model in parts

    async def begin(self, source: bytes) -> bool:
        """Whether this process takes the parts of a model, and the node has not got it."""
        self._give_up_arriving()
        stack = contextlib.ExitStack()
        arriving = stack.enter_context(self._models.arriving(source_of(source)))
        if arriving is None:
            stack.close()
            return False
        self._arriving = stack, arriving
        return True

    async def receive(self, name: str, part: bytes) -> None:
        """The next bytes of a file. Raises OSError: then they all come anew, to whom it may be."""
        assert self._arriving is not None
        try:
            await asyncio.to_thread(self._arriving[1].add, name, part)
        except OSError:
            self._give_up_arriving()
            raise

    async def finish(self) -> None:
        """All has come. Raises LofiError when a file is not whole."""
        assert self._arriving is not None
        stack, arriving = self._arriving
        self._arriving = None
        with stack:
            for name in arriving.files:
                await asyncio.to_thread(arriving.check, name)
            await asyncio.to_thread(arriving.finish)

    def _give_up_arriving(self) -> None:
        """Let others of the node take it."""
        if self._arriving is not None:
            stack, _ = self._arriving
            self._arriving = None
            stack.close()

    # what they do

    async def _load(self, source: Source) -> Ready | Missing:
        """Raises LofiError, MemoryError, OSError."""
        if self._ready is not None and self._loaded_version == source.version:
            return self._ready
        self._ready = None
        if self._loop is not None:
            await self._loop.close("another model")
            self._loop = None
        if self._folder.dead_loading >= _MOST_FATAL_LOADS:
            words = self._folder.last_words or "killed, or out of memory"
            raise ModelLoadFailed(
                f"the process died again and again while {source.version} was loaded: {words}"
            )
        began = time.monotonic()
        with self._folder.loading():
            found = await asyncio.to_thread(self._engine, source)
        if found is None:
            return Missing(node=self._node, life=self._folder.life, last_words=self._folder.last_words)
        engine, fetched = found
        self._loop = DecodeLoop(engine, self._folder.spool, self._broken)
        self._loaded_version = source.version
        self._ready = Ready(
            node=self._node,
            life=self._folder.life,
            pid=os.getpid(),
            model_version=engine.model_version,
            device=engine.device,
            slots=engine.slots,
            rss=psutil.Process().memory_info().rss,
            load_sec=round(time.monotonic() - began, 3),
            fetched=fetched,
            last_words=self._folder.last_words,
        )
        return self._ready

    def _engine(self, source: Source) -> tuple[Engine, bool] | None:
        """With whether its model had to be fetched; None when the driver has to send it. A copy that is
        damaged is passed over. Raises LofiError, MemoryError, OSError."""
        while True:
            model, fetched = self._models.find(source), False
            if model is None and source.url is not None:
                model, fetched = self._models.fetch(source)
            if model is None:
                return None
            try:
                return self._loaded(for_engine(model, self._setup.engine)), fetched
            except LofiError:
                if not self._models.refuse(model):
                    raise

    def _loaded(self, model: Model) -> Engine:
        """Raises LofiError, MemoryError."""
        if self._setup.engine == "fake":
            from lofi_worker.fake import FakeEngine

            return FakeEngine(model, self._setup.slots)
        from lofi_worker.musicgen.device import device_called
        from lofi_worker.musicgen.load import load_engine
        from lofi_worker.musicgen.settings import RunSettings

        settings = RunSettings(threads=self._setup.threads, device=device_called(self._setup.device))
        return load_engine(model, slots=self._setup.slots, settings=settings)

    async def _make(self, order: Make) -> Answer:
        """Raises LofiError."""
        name = self._place.made(order.track_id, order.spec.format)
        if order.there:
            found = await asyncio.to_thread(self._place.read, name)
            if found is not None:
                return Done(sha256=found.sha256, bytes=found.bytes, seconds=None)
        if self._loop is None:  # Ray may bring what was on its way to the process before this one
            return Unloaded()
        done = await self._loop.make(order.track_id, order.spec)
        if isinstance(done, Failed):
            return Ended(error=done.error)
        await asyncio.to_thread(self._bring, Path(done.path), name)
        return Done(sha256=done.sha256, bytes=done.bytes, seconds=done.generation_sec)

    def _bring(self, file: Path, name: str) -> None:
        """Raises LofiError."""
        try:
            self._place.put(file, name)
        except OSError as error:
            raise FolderFailed(f"{self._place.shown} can't be written: {error}") from error
        finally:
            file.unlink(missing_ok=True)
            file.with_suffix(".tokens").unlink(missing_ok=True)

    def _broken(self, error: BaseException) -> None:
        """The engine can't go on: what is under way ends with this process, and the next one says why."""
        words = str(error) or type(error).__name__
        self._folder.say(words)
        print(f"the engine broke: {words}", file=sys.stderr, flush=True)
        os._exit(1)


def _told(error: Exception, what: str) -> LofiError:
    if isinstance(error, LofiError):
        return error
    return ModelLoadFailed(f"{what}: {error or 'out of memory'}")


class NodeActor(TrackActor):
    """`TrackActor` as Ray starts it."""

    def __init__(self, setup: bytes) -> None:
        import ray

        context = ray.get_runtime_context()
        super().__init__(setup, context.get_node_id(), context.get_actor_id())
