"""Makes the tracks of a batch with the actors of a Ray cluster. See `Engine`."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import lofi_common
from lofi_batch.engine import Failed, Made, Outcome, Tell
from lofi_batch.errors import ClusterUnavailable, FolderFailed
from lofi_batch.interrupts import Interrupts
from lofi_batch.manifest import RowError
from lofi_batch.place import Place
from lofi_batch.plan import Row
from lofi_batch.ray_actor import NodeActor
from lofi_batch.ray_cluster import Cluster, Head, connected, words_of
from lofi_batch.ray_crew import Crew, Load, Member
from lofi_batch.ray_messages import Done, Ended, Make, Setup, Unloaded, answer_of, loaded_of, pack
from lofi_batch.ray_options import RayOptions
from lofi_batch.ray_sending import Sending
from lofi_batch.ray_sources import Sources
from lofi_batch.ray_tasks import Task, Tasks
from lofi_cli.show import counted
from lofi_common.config import Config
from lofi_common.errors import (
    CacheWriteError,
    ErrorInfo,
    InternalError,
    InvalidParams,
    ModelInferenceFailed,
    from_info,
)
from lofi_common.paths import Paths

_LOOK_SEC = 1.0
"""From one look at what is silent to the next."""
_START_SEC = 60.0
"""An actor that has not begun after so long finds its cores taken by others."""
_GROW_SEC = 5.0
"""From one look for room to the next."""
_GATHER_SEC = 0.03
"""After an answer, for others to come: each wait and each write of the journal costs as much for many as for
one, and what waits in the actors keeps their slots busy meanwhile."""
_STORES = (CacheWriteError.name, FolderFailed.name)
"""What a node says when its disk, or the place, can't be written."""


class RayEngine:
    """Keeps all actors busy; what is under way is bounded by their number, not by that of the rows."""

    def __init__(
        self,
        options: RayOptions,
        place: Place,
        where: tuple[str, str],
        settings: tuple[Paths, Config],
        versions: Mapping[str | None, str],
        interrupts: Interrupts,
        tell: Tell,
    ) -> None:
        """where: the place and its made folder, as `open_place` wants them on a node."""
        self._options, self._place, self._interrupts, self._tell = options, place, interrupts, tell
        paths, self._config = settings
        self._sources = Sources(
            paths, self._config, versions, options.model_url, one_machine=options.address is None
        )
        self._setup = Setup(
            version=lofi_common.__version__,
            engine=self._config.worker.engine,
            slots=options.slots or self._config.worker.slots,
            threads=options.cores,
            device="cuda" if options.gpus else "cpu",
            place=where[0],
            made=where[1],
        )
        self._ending = contextlib.ExitStack()
        self._cluster: Cluster | None = None
        self._crew: Crew | None = None
        self._actors: dict[Member, Any] = {}
        self._calls: dict[Any, tuple[Member, Task | None]] = {}
        """By Ray's reference to its answer; without a task it is a load's."""
        self._taking: dict[int, Task] = {}
        self._outcomes: list[Outcome] = []
        self._there: set[str] = set()
        """Tracks that an earlier run has made and not taken."""
        self._looked = self._grown = 0.0
        self._unstarted = 0
        """Actors that can't start."""
        self._waits_told = False
        self._began = time.monotonic()

    # Engine

    def make(self, rows: Iterable[Row]) -> Iterator[list[Outcome]]:
        """See `Engine.make`. Raises ClusterUnavailable, RayMissing, ModelNotFound and its like when --model
        can't be used, FolderFailed when nodes can't write to the place, and KeyboardInterrupt."""
        rows = list(rows)
        if any(row.model == self._options.model for row in rows):
            self._sources.of(self._options.model)
        self._there = self._place.made_there()
        cluster = self._cluster = self._connected()
        self._head = Head(cluster, self._tell)
        self._interrupts.arm()
        tasks = Tasks(rows, self._sources.of, self._config.queue.max_duration_sec)
        crew = self._crew = Crew(iter(tasks))
        actors = cluster.actor(NodeActor, self._options.cores, self._options.gpus)
        sending = self._ending.enter_context(
            contextlib.closing(Sending(cluster.ray, self._actors.__getitem__, self._sources.folders))
        )
        while True:
            self._interrupts.check()
            try:
                self._grow(cluster, crew, actors, most=len(rows))
                self._order(crew)
                for member in sending.look(crew.members):
                    self._load(member)
                ended = crew.failed or self._outcomes  # by `again`, since the last group
                if not (ended or crew.has_more or crew.at_work):
                    return
                if not ended:
                    self._listen(cluster, crew)
            except ConnectionError as error:  # of ray://, whose server is gone
                raise ClusterUnavailable(f"{cluster.shown} is lost: {words_of(error)}") from error
            outcomes, self._outcomes = [*self._outcomes, *crew.failed], []
            crew.failed.clear()
            if outcomes:
                yield outcomes

    def again(self, made: Made, error: RowError) -> None:
        """See `Engine.again`."""
        task = self._taking.pop(made.row.row)
        assert self._crew is not None
        # Where its name was the trouble the track is there still.
        alone = Task(task.track_id, task.spec, task.source, [made.row], task.attempts, there=True)
        self._retry(self._crew, alone, error)

    def taken(self, made: Made) -> None:
        """See `Engine.taken`."""
        del self._taking[made.row.row]

    def cancel(self) -> None:
        """See `Engine.cancel`: it ends with its actors, in `close`."""

    def close(self) -> None:
        """Leave the cluster, without actors."""
        if self._cluster is not None and self._head.lost:
            self._ending.pop_all()  # there is nobody to take leave of
            self._cluster.forget()
        elif self._cluster is not None:
            self._cluster.dismiss(list(self._actors.values()))
        self._actors.clear()
        self._ending.close()

    def _connected(self) -> Cluster:
        """Raises ClusterUnavailable, RayMissing, KeyboardInterrupt."""
        try:
            return self._ending.enter_context(connected(self._options.address))
        except SystemExit as error:  # Ray's own answer to SIGTERM, until it has begun
            self._interrupts.arm()
            self._interrupts.received = signal.SIGTERM
            raise KeyboardInterrupt from error

    # actors

    def _grow(self, cluster: Cluster, crew: Crew, actors: Any, most: int) -> None:
        """As many actors as there is room for; looked at again, since nodes come and go."""
        now = time.monotonic()
        if now - self._grown < _GROW_SEC and crew.members:
            return
        self._grown = now
        if not self._head.look():  # nothing else that is asked of the cluster would be answered
            return
        room = cluster.room(self._options.cores, self._options.gpus)
        if room == 0 and cluster.is_local:
            raise InvalidParams(
                f"this machine has no room for an actor of {self._size()}",
                recovery="Give it less, or another cluster (--address).",
            )
        silent = now - self._began > _START_SEC and not any(member.life for member in crew.members)
        if (silent or (room == 0 and not crew.members)) and not self._waits_told:
            self._waits_told = True
            what = "others may have its cores" if room else "no node has room for it"
            self._tell(f"{cluster.shown} has no actor of {self._size()} yet ({what}); waiting", "")
        for _ in range(min(self._options.actors or room, most) - self._unstarted - len(crew.members)):
            member = Member()
            self._actors[member] = actors.remote(pack(self._setup))
            crew.members.append(member)

    def _size(self) -> str:
        cores = counted(self._options.cores, "core")
        return cores if not self._options.gpus else f"{cores} and {self._options.gpus:g} GPU"

    def _order(self, crew: Crew) -> None:
        for order in crew.orders():
            if isinstance(order, Load):
                self._load(order.member)
                continue
            task = order.task
            there = task.there or self._name(task) in self._there
            wanted = pack(Make(track_id=task.track_id, spec=task.spec, there=there))
            # Not again by Ray itself: whose fault a death was is for the crew to say.
            call = self._actors[order.member].make.options(max_task_retries=0).remote(wanted)
            self._calls[call] = order.member, task

    def _load(self, member: Member) -> None:
        """Ask an actor to load its model; by that it also tells that it lives, or lives again."""
        assert member.source is not None
        member.loading, member.missing = True, False
        self._calls[self._actors[member].load.remote(pack(member.source))] = member, None

    # what comes back

    def _listen(self, cluster: Cluster, crew: Crew) -> None:
        """Wait for the next answer, for a moment, and take all that are there."""
        ray, calls = cluster.ray, list(self._calls)
        with self._interrupts.allowed():
            if not calls:
                time.sleep(_LOOK_SEC)
                return
            done, _ = ray.wait(calls, num_returns=1, timeout=_LOOK_SEC)
        if not done:
            self._head.look()
        else:
            done, _ = ray.wait(calls, num_returns=len(calls), timeout=_GATHER_SEC)
        # Loads last: what an actor lost by dying is known before it says that it is back.
        for call in sorted(done, key=lambda call: self._calls[call][1] is None):
            member, task = self._calls.pop(call)
            if task is not None:
                self._heard(ray, crew, member, task, call)
            else:
                self._back(cluster, crew, member, call)
        if time.monotonic() - self._looked >= _LOOK_SEC:
            self._looked = time.monotonic()
            if any(member.fallen for member in crew.members):
                crew.judge(cluster.node_ids(), self._looked)

    def _heard(self, ray: Any, crew: Crew, member: Member, task: Task, call: Any) -> None:
        """The end of a task, or of its actor."""
        try:
            answer = answer_of(ray.get(call))
        except ray.exceptions.RayTaskError as error:
            answer = Ended(error=InternalError(f"the actor failed: {error.cause!r}").info())
        except ray.exceptions.RayError as error:
            self._lost(crew, member, task, words_of(error), innocent=getattr(error, "preempted", False))
            return
        if isinstance(answer, Unloaded):
            self._lost(crew, member, task, "", innocent=True)
            return
        crew.ended(member, task)
        if isinstance(answer, Done):
            member.faulty = False
            task.attempts += 1
            self._made(task, answer)
        elif answer.error.name in _STORES and crew.refused(member):
            crew.put_back(task)
        else:
            task.attempts += 1
            self._failed(crew, task, answer.error)

    def _lost(self, crew: Crew, member: Member, task: Task, words: str, *, innocent: bool) -> None:
        """Its actor had no answer; it may have made the track all the same."""
        task.there = True
        if crew.lost(member, task, words, time.monotonic(), innocent=innocent):
            self._load(member)

    def _back(self, cluster: Cluster, crew: Crew, member: Member, call: Any) -> None:
        """An actor's answer to Load."""
        ray = cluster.ray
        try:
            answer = loaded_of(ray.get(call))
        except ray.exceptions.RayError as error:
            cluster.kill(self._actors.pop(member))
            self._calls = {call: each for call, each in self._calls.items() if each[0] is not member}
            for task in member.tasks:
                task.there = True
            crew.gone(member)
            if cluster.is_start(error):
                self._given_up(crew, error)
            return
        reason = crew.loaded(member, answer, cluster.node_ids())
        if reason:
            self._tell(f"an actor died: {reason}", "")

    def _given_up(self, crew: Crew, error: Exception) -> None:
        """One actor can't start: its node, or all of them, are not as they should be.

        Raises ClusterUnavailable when nobody is left.
        """
        told = f"an actor can't start: {words_of(error)}"
        recovery = "All nodes need lofi with its extra `ray`, of the version that is here."
        if not crew.members:
            raise ClusterUnavailable(told, recovery=recovery) from error
        self._unstarted += 1
        self._tell(f"{told}; the others go on", recovery)

    def _made(self, task: Task, done: Done) -> None:
        name = self._name(task)
        before = done.seconds is None and name in self._there
        kept = [
            Made(
                row=row,
                track_id=task.track_id,
                model_version=task.spec.model_version,
                file=name,
                sha256=done.sha256,
                seconds=done.seconds,
                attempts=task.attempts + len(task.deaths),
                bytes=done.bytes,
                new=not before and row is task.rows[0],
                last=row is task.rows[-1],
            )
            for row in task.rows
        ]
        self._taking |= {row.row: task for row in task.rows}
        self._outcomes += kept

    def _name(self, task: Task) -> str:
        """In the place."""
        return self._place.made(task.track_id, task.spec.format)

    def _failed(self, crew: Crew, task: Task, error: ErrorInfo) -> None:
        """Raises CacheWriteError or FolderFailed when no node can write."""
        told = RowError(code=error.name, message=error.message)
        if error.name in _STORES and task.attempts > self._options.retries:
            raise FolderFailed(error.message) if error.name == FolderFailed.name else from_info(error)
        if error.name == ModelInferenceFailed.name or error.name in _STORES:
            self._retry(crew, task, told)
        else:
            self._give_up(task, told)

    def _retry(self, crew: Crew, task: Task, error: RowError) -> None:
        if task.attempts <= self._options.retries:
            crew.put_back(task)
        else:
            self._give_up(task, error)

    def _give_up(self, task: Task, error: RowError) -> None:
        tries = task.attempts + len(task.deaths)
        self._outcomes += [Failed(row, error, tries) for row in task.rows]
