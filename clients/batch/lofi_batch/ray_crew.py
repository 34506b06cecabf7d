"""Who gets which task, and whose fault a death was. Events in, orders out; no Ray, clock or files in here.

gone    ──Load──▶ loading ──Ready──▶ ready ──Give──▶ … ──Done, Ended──▶ ready
                     ▲                 └──lost──▶ fallen: its tasks wait for the verdict
                     └──────────────────────────────┘ Ready of another process, on a node that lives:
                                                      guilty, each goes again alone; twice: given up
                                                      a node that is gone: nobody is
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lofi_batch.engine import Failed
from lofi_batch.manifest import RowError
from lofi_batch.ray_messages import Loaded, Missing, Ready, Source, Unable
from lofi_batch.ray_tasks import Task
from lofi_common.errors import LofiError, ModelInferenceFailed, from_info

WAITING = 2
"""Tasks that an actor has beyond its slots, so that no slot waits for the driver."""
MOST_DEATHS = 2
PATIENCE_SEC = 120.0
"""For an actor that died on a node that lives, and does not come back."""
_MOST_FAILED = 1000
"""Rows that are given up before the driver takes them."""
_UNSAID = "its process was killed, or crashed without a word"


@dataclass(eq=False)
class Member:
    """An actor, as far as the driver knows."""

    source: Source | None = None
    """What it was told to load last."""
    ready: Ready | None = None
    loading: bool = False
    missing: bool = False
    """Its node waits for the model."""
    node: str = ""
    life: str = ""
    """Of its last answer."""
    tasks: set[Task] = field(default_factory=set)
    fallen: list[Task] = field(default_factory=list)
    """Lost with it; the verdict is still to come."""
    fallen_at: float = 0.0
    words: str = ""
    """Of Ray, about that."""
    alone: bool = False
    """What it has is a suspect."""
    drains: bool = False
    """It gets nothing more until it is free for a suspect."""
    unable: dict[str, LofiError] = field(default_factory=dict)
    """Why it can't load a version."""
    faulty: bool = False
    """It could not write what it made: it gets nothing while there are others."""

    def has(self, version: str) -> bool:
        return self.ready is not None and self.source is not None and self.source.version == version

    @property
    def is_idle(self) -> bool:
        return not (self.tasks or self.fallen or self.loading or self.missing)

    @property
    def room(self) -> int:
        if self.ready is None or self.alone or self.drains:
            return 0
        return self.ready.slots + WAITING - len(self.tasks)


class Load(NamedTuple):
    """The member is to load this model."""

    member: Member
    source: Source


class Give(NamedTuple):
    member: Member
    task: Task


class Crew:
    """All members, and the tasks that go again."""

    def __init__(self, fresh: Iterator[Task | Failed]) -> None:
        """fresh: read as there is room."""
        self._fresh = fresh
        self._exhausted = False
        self._again: deque[Task] = deque()
        self._suspects: deque[Task] = deque()
        self.members: list[Member] = []
        self.failed: list[Failed] = []
        """What is given up, for the driver to take."""

    @property
    def has_more(self) -> bool:
        """Whether something is still to be given, or to be judged."""
        waits = self._again or self._suspects or any(member.fallen for member in self.members)
        return bool(waits) or not self._exhausted

    @property
    def at_work(self) -> bool:
        """Whether a member makes a track."""
        return any(member.tasks for member in self.members)

    def orders(self) -> Iterator[Load | Give]:
        """What can be done now. Raises LofiError when no member can load a model that is needed."""
        yield from self._test_suspects()
        while (task := self._next()) is not None:
            order = self._place(task)
            if order is None:
                self._again.appendleft(task)
                return
            yield order
            if isinstance(order, Load):
                self._again.appendleft(task)

    def put_back(self, task: Task) -> None:
        """It goes again: nobody died."""
        self._again.append(task)

    # events

    def ended(self, member: Member, task: Task) -> None:
        """The member has answered, with a track or without."""
        member.tasks.discard(task)
        member.alone = False

    def refused(self, member: Member) -> bool:
        """What it made could not be written; whether that may be its own fault, since others still can."""
        member.faulty = True
        source = member.source  # those with other models can't take its place
        return any(
            each.ready is not None and not each.faulty and each.source == source for each in self.members
        )

    def lost(self, member: Member, task: Task, words: str, now: float, *, innocent: bool) -> bool:
        """The task's call failed with its actor; whether the member has to be asked how it is.

        now: seconds. innocent: Ray itself says that nobody is to blame.
        """
        self.ended(member, task)
        if innocent:
            self._again.appendleft(task)
        else:
            member.fallen.append(task)
            member.fallen_at = now
        member.words = words
        member.ready = None
        member.drains = False
        return not member.loading

    def loaded(self, member: Member, answer: Loaded, nodes: set[str]) -> str:
        """A member has answered to Load. nodes: that live. Returns why it had died, if it had."""
        died = bool(member.life) and answer.life != member.life
        reason = answer.last_words or _UNSAID
        guilty = died and member.node in nodes
        if guilty:
            self._condemn(member, reason)
        else:
            self._spare(member)
        member.loading = False
        member.node, member.life = answer.node, answer.life
        member.missing = isinstance(answer, Missing)
        member.ready = answer if isinstance(answer, Ready) else None
        if isinstance(answer, Unable) and member.source is not None:
            member.unable[member.source.version] = from_info(answer.error)
        return reason if guilty else ""

    def gone(self, member: Member) -> None:
        """The member will not come back: somebody has ended it."""
        self.members.remove(member)
        self._condemn(member, member.words or _UNSAID)
        self._again.extendleft(member.tasks)

    def judge(self, nodes: set[str], now: float) -> None:
        """Spare the tasks of those whose node lives no more, blame those of members that stay away.

        nodes: that live.
        """
        for member in self.members:
            if member.fallen and member.node not in nodes:
                self._spare(member)
            elif member.fallen and now - member.fallen_at > PATIENCE_SEC:
                self._condemn(member, member.words or _UNSAID)

    # decisions

    def _spare(self, member: Member) -> None:
        """It was not the fault of what was lost with it."""
        self._again.extendleft(reversed(member.fallen))
        member.fallen.clear()

    def _condemn(self, member: Member, reason: str) -> None:
        for task in member.fallen:
            task.deaths.append(reason)
            if len(task.deaths) < MOST_DEATHS:
                self._suspects.append(task)
                continue
            told = f"the actor died {len(task.deaths)} times on this track: {reason}"
            error = RowError(code=ModelInferenceFailed.name, message=told)
            tries = task.attempts + len(task.deaths)
            self.failed += [Failed(row, error, tries) for row in task.rows]
        member.fallen.clear()

    def _test_suspects(self) -> Iterator[Load | Give]:
        """Each alone, so that the next death tells who it is; meanwhile the others go on."""
        for _ in range(len(self._suspects)):
            task = self._suspects.popleft()
            member = self._idle_with(task.source.version)
            if member is not None:
                yield self._give(member, task, alone=True)
                continue
            self._suspects.append(task)
            order = self._switch(task.source)
            if order is not None:
                yield order
        ready = [member for member in self.members if member.ready is not None]
        if not self._suspects:
            for member in ready:
                member.drains = False
        elif ready and not any(member.alone or member.drains for member in ready):
            min(ready, key=lambda member: len(member.tasks)).drains = True

    def _next(self) -> Task | None:
        if self._again:
            return self._again.popleft()
        while len(self.failed) < _MOST_FAILED:
            each = next(self._fresh, None)
            if each is None:
                self._exhausted = True
                return None
            if isinstance(each, Task):
                return each
            self.failed.append(each)
        return None

    def _place(self, task: Task) -> Load | Give | None:
        version = task.source.version
        having = [member for member in self.members if member.has(version)]
        healthy = [member for member in having if not member.faulty]
        able = [member for member in healthy or having if member.room > 0]
        if able:
            return self._give(min(able, key=lambda member: len(member.tasks)), task, alone=False)
        return self._switch(task.source)

    def _give(self, member: Member, task: Task, *, alone: bool) -> Give:
        member.tasks.add(task)
        member.alone = alone
        member.drains = False
        return Give(member, task)

    def _idle_with(self, version: str) -> Member | None:
        return next((each for each in self.members if each.is_idle and each.has(version)), None)

    def _switch(self, source: Source) -> Load | None:
        """An idle member that loads a model which too few have. Raises LofiError when none can."""
        unable = [member.unable.get(source.version) for member in self.members]
        if unable and unable[0] is not None and all(unable):
            raise unable[0]
        for member in self.members:
            if member.is_idle and not member.has(source.version) and source.version not in member.unable:
                member.source, member.ready, member.loading = source, None, True
                return Load(member, source)
        return None
