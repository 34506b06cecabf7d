"""A worker and a running job as the scheduler sees them, and when a worker may start again. Pure."""

from __future__ import annotations

import enum
import random
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from lofi_common.config import WorkerConfig

BACKOFF_FIRST_SEC = 0.25
BACKOFF_LAST_SEC = 30.0
BREAKER_FAILURES = 5
BREAKER_WINDOW_SEC = 60.0


Attempt = tuple[str, int]
"""(track_id, attempt): a job handed to a worker."""

_MB = 1_000_000


class Deadline(NamedTuple):
    """When a live worker has to go, and why. misbehaves: false where it did nothing wrong."""

    time: float
    reason: str
    misbehaves: bool = True


class Verdict(enum.Enum):
    """What a job that went with its process has to answer for."""

    INNOCENT = "innocent"  # the process had worked for others and had not begun this one
    SUSPECT = "suspect"  # neighbours died with it: each is tried alone
    GUILTY = "guilty"  # one death; a last one ends it
    FATAL = "fatal"  # it took too much memory, and nobody else had used the process


class WorkerState(enum.StrEnum):
    DOWN = "down"  # no process; spawned when a job needs it
    LOADING = "loading"  # spawned, the model is not ready
    READY = "ready"  # takes jobs while it has credit
    BACKOFF = "backoff"  # died while loading; may start again at `retry_at`
    DISABLED = "disabled"  # died too often while loading; one new try at `retry_at`


@dataclass
class RestartPolicy:
    """Backoff with jitter after each death while loading; five in a minute open the breaker."""

    rng: random.Random
    failures: deque[float] = field(default_factory=deque)

    def failed(self, now: float) -> tuple[WorkerState, float]:
        """Count a failure; the state to rest in and the time of the next try."""
        self.failures.append(now)
        while self.failures and self.failures[0] <= now - BREAKER_WINDOW_SEC:
            self.failures.popleft()
        if len(self.failures) >= BREAKER_FAILURES:
            return WorkerState.DISABLED, now + BREAKER_WINDOW_SEC
        delay = min(BACKOFF_LAST_SEC, BACKOFF_FIRST_SEC * 4 ** (len(self.failures) - 1))
        return WorkerState.BACKOFF, now + delay * self.rng.uniform(0.75, 1.25)

    def succeeded(self) -> None:
        self.failures.clear()


@dataclass
class Worker:
    """One worker slot over all its process generations."""

    name: str
    policy: RestartPolicy
    state: WorkerState = WorkerState.DOWN
    generation: int = 0
    pid: int | None = None
    rss: int | None = None
    rss_loaded: int = 0
    """What the model alone takes."""
    rss_limit: int | None = None
    slots: int = 0
    model_version: str | None = None
    """What it has loaded."""
    wanted_version: str | None = None
    """What it was last started for."""
    wanted_slots: int = 0
    """How many slots it was last started with."""
    device: str | None = None
    running: set[Attempt] = field(default_factory=set)
    """What holds one credit each."""
    begun: set[Attempt] = field(default_factory=set)
    """Of those, what the process is known to have begun."""
    handed: int = 0
    """Jobs that the process was given."""
    restarts: int = 0
    """Ends of its processes that were not in peace."""
    cancelled_at: dict[Attempt, float] = field(default_factory=dict)
    """When its cancel was sent; the worker has not answered yet."""
    spawned_at: float = 0.0
    seen_at: float = 0.0
    moved_at: float = 0.0
    """When a job of this worker last started, progressed or ended."""
    retry_at: float = 0.0
    killed_for: str | None = None
    leaving: str | None = None
    """Why it ends by itself, as it has said."""
    retired: bool = False
    """Killed for no fault of its own: another model needs its place, or nobody needs it."""
    out_of_memory: bool = False
    """Killed for what it used."""
    load_error: str | None = None
    reason: str | None = None
    """Why it last went down."""

    @property
    def going(self) -> bool:
        return self.killed_for is not None or self.leaving is not None

    @property
    def credit(self) -> int:
        usable = self.state is WorkerState.READY and not self.going
        return self.slots - len(self.running) if usable else 0

    @property
    def idle(self) -> bool:
        return self.credit > 0 and not self.running

    @property
    def alive(self) -> bool:
        return self.state in (WorkerState.LOADING, WorkerState.READY)

    def spawn(self, now: float, version: str, slots: int) -> None:
        """A new process, to load this version of a model and make so many tracks side by side."""
        self.wanted_version, self.wanted_slots = version, slots
        self.generation += 1
        self.state = WorkerState.LOADING
        self.spawned_at = self.seen_at = now
        self.killed_for = self.leaving = self.load_error = None
        self.retired = self.out_of_memory = False
        self.handed = 0

    def room_for(self, version: str, slots: int) -> str:
        """Why it leaves when one with this version and so many slots is needed."""
        return f"makes room for {version if self.model_version != version else f'{slots} slots'}"

    def take(self, attempt: Attempt, now: float) -> None:
        """Give it an attempt, which holds one credit."""
        self.running.add(attempt)
        self.handed += 1
        self.moved_at = now

    def weigh(self, rss: int) -> str | None:
        """Note the memory that the process takes, in bytes; the reason why it has to go, if it has."""
        self.rss = rss
        if self.rss_limit is None or rss <= self.rss_limit:
            return None
        self.out_of_memory = True
        return f"out of memory: it took {rss // _MB} MB of at most {self.rss_limit // _MB} MB"

    def outgrown(self) -> str | None:
        """Why an idle process that has kept too much memory is better replaced, if it has."""
        if not self.idle or self.rss is None or self.rss_limit is None:
            return None
        if self.rss - self.rss_loaded <= (self.rss_limit - self.rss_loaded) // 2:
            return None
        return f"grown from {self.rss_loaded // _MB} to {self.rss // _MB} MB"

    def release(self, attempt: Attempt, now: float) -> None:
        """Give back the credit that this attempt holds, if it does."""
        self.moved_at = now
        self.running.discard(attempt)
        self.begun.discard(attempt)
        self.cancelled_at.pop(attempt, None)

    def verdict(self, attempt: Attempt) -> Verdict:
        """What the death of this process says of one of its attempts.

        An end must not depend on who used the process before: what could be of their doing is tried again.
        """
        if attempt not in self.begun and self.handed > len(self.running):
            return Verdict.INNOCENT
        if len(self.running) > 1:
            return Verdict.SUSPECT
        return Verdict.FATAL if self.out_of_memory and self.handed == 1 else Verdict.GUILTY

    def bury(self, state: WorkerState, reason: str) -> set[Attempt]:
        """The process is gone; returns the attempts that went with it."""
        lost, self.running, self.begun = self.running, set(), set()
        self.cancelled_at = {}
        self.state, self.reason = state, reason
        self.pid, self.rss, self.slots = None, None, 0
        self.model_version, self.device = None, None
        return lost

    def deadlines(self, limits: WorkerConfig) -> list[Deadline]:
        """When a live worker is taken for broken, or is no longer needed."""
        if self.killed_for is not None or not self.alive:
            return []
        if self.state is WorkerState.LOADING:
            limit = limits.load_timeout_sec
            return [Deadline(self.spawned_at + limit, f"not ready after {limit:g} s")]
        found = [Deadline(self.seen_at + limits.silence_sec, f"silent for {limits.silence_sec:g} s")]
        if self.running:
            found.append(
                Deadline(self.moved_at + limits.stall_sec, f"no progress for {limits.stall_sec:g} s")
            )
        else:
            rest = limits.idle_unload_sec
            found.append(Deadline(self.moved_at + rest, f"idle for {rest:g} s", misbehaves=False))
        grace = limits.stop_grace_sec
        found += [Deadline(at + grace, "did not stop a cancelled job") for at in self.cancelled_at.values()]
        return found


@dataclass
class Running:
    """What is known of a job while it is generating."""

    started_at: float
    done: int = 0
    total: int = 0
    percent: int = 0
    audio_sec: float = 0.0
    """How much of its audio lies in the growing file."""
    adopting: bool = False

    def moved(self, done: int, total: int, audio_sec: float) -> bool:
        """Whether it has come further."""
        further = done > self.done
        self.audio_sec = max(audio_sec, self.audio_sec)
        self.done, self.total = max(done, self.done), total
        if total:  # never back, though a self-paced model's estimate may grow
            self.percent = max(self.percent, min(99, 100 * self.done // total))
        return further
