"""Where one broker of a chaos run lives: its home on a disk of its own, and what the harness keeps."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path

from lofi_client.client import Lofi
from lofi_common.api import GenerateResult
from tests.chaos.disk import Disk, own_disk
from tests.chaos.processes import BrokerProcess, all_of
from tests.chaos.steps import Steps
from tests.support.home import Home

_READY_SEC = 20.0
_TRACK_SEC = 60.0

# Short, so that stopped and hanging workers are found out within a run. The checker needs all events. The
# idle exit is for a harness that was killed itself.
_SETTINGS = {
    "LOFI_WORKER_SILENCE_SEC": "3",
    "LOFI_WORKER_STALL_SEC": "3",
    "LOFI_QUEUE_KEEP_ENDED": "1000000",
    "LOFI_BROKER_IDLE_EXIT_SEC": "60",
}


class Stage:
    """A folder with a home, the clients' journals, their copies and the orders to die."""

    def __init__(self, engine: str, *, own: bool = True) -> None:
        """own: with a disk of its own, which can be made full."""
        self.engine = engine
        self.root = Path(tempfile.mkdtemp(prefix="lofi-"))
        folder = self.root / "home"
        folder.mkdir(mode=0o700)
        self.disk: Disk | None = own_disk(folder) if own else None
        self.home = Home(folder, engine=engine)
        self.outputs = self.root / "outputs"
        self.outputs.mkdir()
        self.steps = Steps(self.root / "steps")
        self._environ = {**self.home.environ, **_SETTINGS}

    def start(self, *, armed: bool = False) -> BrokerProcess:
        """A broker that is about to serve; `armed`: orders to die reach it and its workers."""
        environ = {**self._environ, **(self.steps.environ if armed else {})}
        return BrokerProcess(environ, self.root / "broker.stderr")

    def serve(self) -> BrokerProcess:
        """A broker that serves."""
        broker = self.start()
        if not broker.ready(_READY_SEC):
            raise RuntimeError(f"the broker does not start: {broker.last_words()}")
        return broker

    def connect(self) -> Lofi:
        return Lofi.connect(start=False, name="harness", paths=self.home.paths)

    def journals(self) -> list[Path]:
        return sorted(self.root.glob("journal.*"))

    @property
    def client_environ(self) -> dict[str, str]:
        return self._environ

    def close(self, *, keep: bool) -> Path | None:
        """End whoever is left, and take the folder away; if it is worth a look, it is copied before.

        Returns the copy, which takes no disk of its own.
        """
        for process in all_of(self.root):
            with process:
                process.send(signal.SIGKILL)
                process.gone(5.0)
        kept = self.root.with_name(f"{self.root.name}.kept") if keep else None
        if self.disk is not None:
            self.disk.free([])
        if kept is not None:
            shutil.copytree(self.root, kept, symlinks=True, ignore=shutil.ignore_patterns("*.ipc", "*.sock"))
        if self.disk is not None:
            self.disk.close()
        shutil.rmtree(self.root)
        return kept


def finish(lofi: Lofi) -> None:
    """Wait until nothing is queued or running."""
    while True:
        queue = lofi.queue()
        waiting = [queue.current.track_id] if queue.current else [job.track_id for job in queue.pending]
        if not waiting:
            return
        for _ in lofi.follow(accepted(lofi, waiting[0]), _TRACK_SEC):
            pass


def accepted(lofi: Lofi, track_id: str) -> GenerateResult:
    """What `generate` answered for a job, for `follow`."""
    track = lofi.track(track_id)
    return GenerateResult(
        track_id=track_id, status=track.status, seed=track.seed, model_version=track.model_version
    )
