"""One home under fire: each round a broker starts, serves, loses workers and clients, and is killed."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.chaos.checker import Violation, check
from tests.chaos.evidence import Evidence, Glimpses, collect
from tests.chaos.journal import read_journals
from tests.chaos.processes import BrokerProcess, Pid, all_of, children, workers_of
from tests.chaos.stage import Stage, finish
from tests.chaos.steps import BROKER_STEPS, WORKER_STEPS

_START_SEC = 3.0
"""SQLite may try for 10 s to open its database on a full disk: a kill in there is as good as any."""
_STEP_SEC = 0.8
"""How long a named step may let wait for itself until a kill at random takes its place."""
_ORPHAN_SEC = 1.0
_CLIENTS = 2


@dataclass
class Result:
    """What one home saw, and what was found wrong in the end."""

    engine: str
    disk: str
    broker_kills: Counter[str] = field(default_factory=Counter)
    """By `step` and `random`."""
    worker_kills: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    """Stops, killed clients, full disks, brokers that left because theirs was full."""
    steps: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    """Jobs by their last state, and requests that were answered."""
    orphan_sec: list[float] = field(default_factory=list)
    """After which time the workers of a killed broker were seen to be gone."""
    violations: list[Violation] = field(default_factory=list)
    kept: str | None = None
    """The folder, when it is worth a look."""


class Campaign:
    """`run` once."""

    def __init__(self, engine: str, broker_kills: int, worker_kills: int, seed: str) -> None:
        self._rng = random.Random(seed)
        self._stage = Stage(engine)
        assert self._stage.disk is not None
        self._disk = self._stage.disk
        self._full = False
        self._full_since: float | None = None
        self._full_times: list[tuple[float, float]] = []
        self._glimpses = Glimpses(self._stage.home.paths.tracks, self._stage.outputs)
        self._broker_kills = broker_kills
        self._worker_kills = worker_kills
        self._steps = {
            role: itertools.cycle(self._rng.sample(steps, len(steps)))
            for role, steps in (("broker", BROKER_STEPS), ("worker", WORKER_STEPS))
        }
        self._clients: list[subprocess.Popen[bytes]] = []
        self._orphans: list[tuple[float, Pid]] = []
        self.result = Result(engine, self._disk.kind)

    def run(self, expected: Callable[[], Mapping[str, str]]) -> Result:
        """All rounds, then a last broker that nobody disturbs, then the check.

        expected: waits for the sha256 of each track, of a run that nobody disturbed.
        """
        result = self.result
        try:
            self._clients = [self._client(number) for number in range(_CLIENTS)]
            while self._goes_on():
                self._round()
            self._end_clients()
            self._settle()
            evidence = Evidence(
                read_journals(self._stage.journals()),
                expected(),
                full=self._full_times,
                glimpses=self._glimpses.seen,
            )
            paths = self._stage.home.paths
            collect(
                evidence,
                database=paths.database,
                library=paths.tracks,
                spool=paths.spool,
                outputs=self._stage.outputs,
                processes=[process.pid for process in all_of(self._stage.root)],
            )
            result.violations += check(evidence)
            result.steps = self._stage.steps.hits()
            result.ends.update(job.state.value for job in evidence.jobs.values())
            answered = [e for e in evidence.entries if (e.kind, e.method) == ("answered", "generate")]
            result.ends["answered"] = len(answered)
            result.ends["runs"] = sum(e.state.ended for events in evidence.events.values() for e in events)
        finally:
            self._end_clients()
            keep = bool(result.violations) or sys.exc_info()[0] is not None
            kept = self._stage.close(keep=keep)
            result.kept = str(kept) if kept is not None else None
        return result

    def _goes_on(self) -> bool:
        seen = self.result
        return (
            seen.broker_kills.total() < self._broker_kills or seen.worker_kills.total() < self._worker_kills
        )

    # one round

    def _round(self) -> None:
        step = next(self._steps["broker"]) if self._rng.random() < 0.6 else None
        if step is not None:
            self._stage.steps.arm("broker", step, self._rng.randint(1, 3))
        disk_was_full = self._full
        broker = self._stage.start(armed=True)
        self._bury_orphans()
        if broker.ready(_START_SEC):
            for hurt in self._plan():
                hurt(broker)
        disk_was_full |= self._full
        died = self._end(broker, step)
        if not died and not disk_was_full:
            self.result.violations.append(Violation("broker left", broker.last_words()))
        if self._full and self._rng.random() < 0.5:
            self._free_disk([])
            self._full = False

    def _plan(self) -> list[Callable[[BrokerProcess], None]]:
        """What happens in this round beside the broker's end."""
        behind = self._worker_kills - self.result.worker_kills.total()
        rounds = max(1, self._broker_kills - self.result.broker_kills.total())
        acts = [self._hurt_worker] * -(-behind // rounds)
        for act, share in ((self._hurt_client, 0.15), (self._stop_broker, 0.1), (self._fill_disk, 0.08)):
            acts += [act] * (self._rng.random() < share)
        return self._rng.sample(acts, len(acts))

    def _hurt_worker(self, broker: BrokerProcess) -> None:
        """At a named step, or at random where that is not met."""
        if self._rng.random() < 0.6 and self._meets_step(broker):
            self.result.worker_kills["step"] += 1
            return
        worker = broker.worker(_STEP_SEC)
        if worker is None:
            return
        with worker:
            if worker.gone(self._rng.uniform(0, 0.3)):
                return
            if self._rng.random() < 0.2 and worker.send(signal.SIGSTOP):
                self.result.others["worker stopped"] += 1
                worker.gone(self._rng.uniform(0, 0.1))
                if self._rng.random() < 0.5:
                    worker.send(signal.SIGCONT)
                    return
            self.result.worker_kills["random"] += worker.send(signal.SIGKILL)

    def _meets_step(self, broker: BrokerProcess) -> bool:
        self._stage.steps.arm("worker", next(self._steps["worker"]), self._rng.randint(1, 2))
        deadline = time.monotonic() + _STEP_SEC
        while self._stage.steps.armed("worker") and time.monotonic() < deadline:
            if broker.id.gone(0.01):
                break
        return not self._stage.steps.disarm("worker")

    def _hurt_client(self, broker: BrokerProcess) -> None:
        number = self._rng.randrange(_CLIENTS)
        client = self._clients[number]
        if self._rng.random() < 0.3:
            client.send_signal(signal.SIGSTOP)
            self.result.others["client stopped"] += 1
            broker.id.gone(self._rng.uniform(0, 0.2))
            client.send_signal(signal.SIGCONT)
            return
        client.kill()
        self._reap(client)
        self.result.others["client killed"] += 1
        self._clients[number] = self._client(number)

    def _stop_broker(self, broker: BrokerProcess) -> None:
        if broker.id.send(signal.SIGSTOP):
            self.result.others["broker stopped"] += 1
            broker.id.gone(self._rng.uniform(0, 0.2))
            if self._rng.random() < 0.7:
                broker.id.send(signal.SIGCONT)

    def _fill_disk(self, broker: BrokerProcess) -> None:
        self._full_since = self._full_since or time.time()
        self._full = True
        self._disk.fill([broker.pid, *children(broker.pid)])
        self.result.others["disk full"] += 1
        broker.id.gone(self._rng.uniform(0, 0.3))
        if self._rng.random() < 0.5:
            self._free_disk([broker.pid, *children(broker.pid)])

    def _free_disk(self, pids: list[int]) -> None:
        self._disk.free(pids)
        if self._full_since is not None:
            self._full_times.append((self._full_since, time.time()))
            self._full_since = None

    def _end(self, broker: BrokerProcess, step: str | None) -> bool:
        """Wait for the broker to die at its step, or kill it; false when it left by itself."""
        broker.id.gone(_STEP_SEC if step is not None else self._rng.uniform(0, 0.3))
        killed_at = time.monotonic()
        called_off = step is None or self._stage.steps.disarm("broker")
        killed = broker.id.send(signal.SIGKILL)
        code = broker.end()
        self._glimpses.look()
        self._orphans += [(killed_at, worker) for worker in workers_of(self._stage.home.root)]
        if code != -signal.SIGKILL:
            self.result.others["broker left"] += 1
            return False
        self.result.broker_kills["random" if killed and called_off else "step"] += 1
        return True

    def _bury_orphans(self) -> None:
        """The workers of the last broker have to be gone a second after it."""
        for killed_at, worker in self._orphans:
            with worker:
                if not worker.gone(killed_at + _ORPHAN_SEC - time.monotonic()):
                    found = f"worker {worker.pid} outlived its broker by {_ORPHAN_SEC:g} s"
                    self.result.violations.append(Violation("orphan", found))
                self.result.orphan_sec.append(time.monotonic() - killed_at)
        self._orphans = []

    # the clients, and the end

    def _client(self, number: int) -> subprocess.Popen[bytes]:
        arguments = [
            f"--journal={self._stage.root / f'journal.{number}'}",
            f"--engine={self._stage.engine}",
            f"--outputs={self._stage.outputs}",
            f"--seed={self._rng.random()}",
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.client", *arguments],
            env={**os.environ, **self._stage.client_environ},
            stdin=subprocess.PIPE,
        )

    def _end_clients(self) -> None:
        for client in self._clients:
            client.kill()
            self._reap(client)
        self._clients = []

    def _reap(self, client: subprocess.Popen[bytes]) -> None:
        client.wait()
        assert client.stdin is not None
        client.stdin.close()

    def _settle(self) -> None:
        """A last broker, in peace, until its queue is empty; it leaves in order."""
        self._free_disk([])
        broker = self._stage.serve()
        self._bury_orphans()
        with self._stage.connect() as lofi:
            finish(lofi)
            lofi.shutdown()
        broker.end()
