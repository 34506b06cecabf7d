"""The worker processes that live now, by worker name."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal

from lofi_broker.memory import machine_memory, memory_limit, most_slots
from lofi_broker.process import ChildProcess, python_module
from lofi_common.config import Config
from lofi_common.cores import inference_threads, usable_cores
from lofi_common.errors import InvalidParams
from lofi_common.logs import fields
from lofi_common.manifest import Model
from lofi_common.paths import Paths

log = logging.getLogger(__name__)

_GENERATION_BITS = 48


class Pool:
    """Spawns and ends workers on the scheduler's word; never decides."""

    def __init__(self, config: Config, paths: Paths, endpoint: str) -> None:
        self._config = config
        self._paths = paths
        self._endpoint = endpoint
        self._processes: dict[str, ChildProcess] = {}
        self._generations: dict[str, int] = {}
        # Workers of a killed broker may speak to this one until they die: none has a number of ours.
        self._first_generation = secrets.randbits(_GENERATION_BITS)

    def generation(self, worker: str) -> int | None:
        """The generation that lives, as on the wire; messages of any other are from the dead."""
        return self._generations.get(worker) if worker in self._processes else None

    @property
    def threads(self) -> int:
        """Inference threads of each worker."""
        return self._config.worker.threads or inference_threads(usable_cores())

    def rss_limit(self, model: Model, slots: int) -> int:
        """Bytes that a worker with this model and so many slots may take."""
        settings = self._config.worker
        return memory_limit(model.manifest, slots, settings.max_rss_mb, machine_memory(), settings.count)

    def check_slots(self, model: Model, slots: int) -> None:
        """Raises InvalidParams when so many slots would take more memory than a worker may have."""
        most = most_slots(model.manifest, self.rss_limit(model, slots))
        if slots > most:
            raise InvalidParams(
                f"slots: a worker with {model.manifest.name} has memory for {most} here, not for {slots}",
                recovery="Ask for fewer, use a smaller model, or raise worker.max_rss_mb.",
            )

    async def spawn(self, worker: str, generation: int, model: Model, slots: int) -> ChildProcess:
        """Start a worker process. Raises OSError when it can't be started."""
        settings = self._config.worker
        number = self._first_generation + generation
        arguments = [
            f"--connect={self._endpoint}",
            f"--worker={worker}",
            f"--generation={number}",
            f"--engine={settings.engine}",
            f"--model={model.folder}",
            f"--slots={slots}",
            f"--device={settings.device}",
            f"--threads={self.threads}",
            f"--max-rss={self.rss_limit(model, slots)}",
            f"--nice={settings.nice}",
            *(["--spin"] if settings.spin else []),
            f"--spool={self._paths.spool}",
            f"--log-level={self._config.broker.log_level}",
        ]
        self._generations[worker] = number
        process = await ChildProcess.start(worker, python_module("lofi_worker", *arguments))
        self._processes[worker] = process
        log.info(fields("worker_spawned", worker=worker, generation=generation, pid=process.pid))
        return process

    async def watch(self, process: ChildProcess) -> str:
        """Wait for the end of a process that `spawn` gave; returns the reason."""
        reason = await process.watch()
        del self._processes[process.name]
        log.info(fields("worker_exited", worker=process.name, reason=reason))
        return reason

    def kill(self, worker: str) -> None:
        process = self._processes.get(worker)
        if process is not None:
            process.signal(signal.SIGKILL)

    async def stop(self) -> None:
        """End all workers in order; returns when the last is gone."""
        grace = self._config.worker.stop_grace_sec
        await asyncio.gather(*(process.stop(grace) for process in list(self._processes.values())))
