"""The invariants: nothing is lost, visible twice, partial, wrong or left over."""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from lofi_common.jobs import ALLOWED, JobState
from tests.chaos.evidence import WHOLE, Evidence, JobEvent
from tests.chaos.journal import Entry
from tests.chaos.requests import dies

INVARIANTS = (
    "lost",
    "unfounded end",
    "twice",
    "partial",
    "disagree",
    "wrong bytes",
    "left over",
    "orphan",
    "broker left",
)

_DEAD = "MODEL_INFERENCE_FAILED"
_NO_ROOM = "CACHE_WRITE_ERROR"


class Violation(NamedTuple):
    """`invariant`: one of INVARIANTS."""

    invariant: str
    what: str


def check(evidence: Evidence) -> list[Violation]:
    """Everything that is wrong in what a run left."""
    return [
        *_database(evidence),
        *_answers(evidence),
        *_ends(evidence),
        *_histories(evidence),
        *_index(evidence),
        *_bytes(evidence),
        *_copies(evidence),
        *_glimpses(evidence),
        *(Violation("left over", f"{name} in the spool") for name in evidence.spool),
        *(Violation("orphan", f"process {pid} lives") for pid in evidence.processes),
    ]


def _database(evidence: Evidence) -> Iterator[Violation]:
    if evidence.sound != "ok":
        yield Violation("lost", f"the database is damaged: {evidence.sound}")


def _answers(evidence: Evidence) -> Iterator[Violation]:
    """Each answered `generate` had its job, or its track, on disk when the answer was given."""
    for entry in evidence.entries:
        if entry.kind != "answered" or entry.method != "generate":
            continue
        assert entry.track_id is not None and entry.asked_at is not None
        job = evidence.jobs.get(entry.track_id)
        if job is None:
            yield Violation("lost", f"{entry.track_id} was accepted and has no row")
        elif not job.state.ended:
            yield Violation("lost", f"{entry.track_id} was accepted and is still {job.state}")
        events = evidence.events.get(entry.track_id, [])
        wanted = entry.state == JobState.COMPLETE
        if not any(
            (event.state is JobState.COMPLETE if wanted else not event.state.ended)
            for event in _during(events, entry.asked_at, entry.at)
        ):
            yield Violation("lost", f"{entry.track_id}: answered {entry.state}, which no event tells of")


def _during(events: list[JobEvent], first: float, last: float) -> Iterator[JobEvent]:
    """The states that held at some moment between two times."""
    for event, following in itertools.zip_longest(events, events[1:]):
        if event.at <= last and (following is None or following.at >= first):
            yield event


def _ends(evidence: Evidence) -> Iterator[Violation]:
    """An end has its reason: cancelled by somebody, failed of what can fail."""
    asked = _Asked(evidence.entries)
    for track_id, events in evidence.events.items():
        cancelled = [event.at for event in events if event.state is JobState.CANCELLED]
        for count, at in enumerate(cancelled, start=1):
            if asked.before("cancel", track_id, at) + asked.before("clear", None, at) < count:
                yield Violation("unfounded end", f"{track_id} is cancelled, which nobody asked for")
    for track_id, job in evidence.jobs.items():
        if job.state is not JobState.FAILED or track_id not in evidence.events:
            continue
        last = evidence.events[track_id][-1]
        founded = (
            (dies(job.prompt) and job.error == _DEAD)
            or (last.deaths >= 1 and job.error == _DEAD)
            or (job.error == _NO_ROOM and _had_no_room(evidence, track_id))
        )
        if not founded:
            yield Violation("unfounded end", f"{track_id} failed of {job.error} after {last.deaths} deaths")


def _had_no_room(evidence: Evidence, track_id: str) -> bool:
    """Whether the disk was full at some time of the job's last attempt."""
    events = evidence.events.get(track_id, [])
    began = [event.at for event in events if event.state is JobState.GENERATING]
    return bool(began) and evidence.was_full(began[-1], events[-1].at)


class _Asked:
    """How often clients had asked for something, answered or not."""

    def __init__(self, entries: list[Entry]) -> None:
        self._times: defaultdict[tuple[str, str | None], list[float]] = defaultdict(list)
        for entry in entries:
            if entry.kind == "asked":
                self._times[entry.method, entry.track_id].append(entry.at)

    def before(self, method: str, track_id: str | None, at: float) -> int:
        return bisect.bisect_right(self._times[method, track_id], at)


def _histories(evidence: Evidence) -> Iterator[Violation]:
    """Each job went along the arrows, attempt after attempt, and was complete once between deletions."""
    asked = _Asked(evidence.entries)
    for track_id in evidence.jobs.keys() - evidence.events.keys():
        yield Violation("lost", f"{track_id} has a row and no history")
    for track_id, events in evidence.events.items():
        again = 0
        for before, after in itertools.pairwise(events):
            again += before.state is JobState.COMPLETE
            if before.state is JobState.COMPLETE and asked.before("delete", track_id, after.at) < again:
                yield Violation("twice", f"{track_id} ran again though its track was there")
            if after.state is not before.state and after.state not in ALLOWED[before.state]:
                yield Violation("twice", f"{track_id} went from {before.state} to {after.state}")
            if before.state.ended and after.state.ended:
                yield Violation("twice", f"{track_id} ended twice: {before.state}, {after.state}")
            handed = after.state is JobState.GENERATING and before.state is JobState.QUEUED
            if after.attempt != before.attempt + handed:
                yield Violation("twice", f"{track_id} went from attempt {before.attempt} to {after.attempt}")
        job, last = evidence.jobs.get(track_id), events[-1]
        if job is None or (job.state, job.attempt) != (last.state, last.attempt):
            yield Violation("lost", f"{track_id} is {job and job.state}, its last event is {last.state}")


def _index(evidence: Evidence) -> Iterator[Violation]:
    """The index, the files and the jobs tell the same."""
    asked = _Asked(evidence.entries)
    wanted = {f"{track_id}.{track.format}" for track_id, track in evidence.tracks.items()}
    wanted |= {f"{track_id}.json" for track_id in evidence.tracks}
    wanted |= {f"{name}.tokens" for name, track in evidence.tracks.items() if track.tokens_sha256}
    for name in sorted(wanted - evidence.library.keys()):
        yield Violation("disagree", f"{name} is in the index and not in the folder")
    for name in sorted(evidence.library.keys() - wanted):
        yield Violation("disagree", f"{name} is in the folder and not in the index")
    for track_id, job in evidence.jobs.items():
        complete = job.state is JobState.COMPLETE
        if track_id in evidence.tracks and not complete:
            yield Violation("disagree", f"{track_id} is in the library and {job.state}")
        deleted = asked.before("delete", track_id, float("inf"))
        if complete and track_id not in evidence.tracks and not deleted:
            yield Violation(
                "lost", f"{track_id} is complete and nobody deleted it, but it is not in the library"
            )
    for track_id in sorted(evidence.tracks.keys() - evidence.jobs.keys()):
        yield Violation("disagree", f"{track_id} is in the library and was never asked for")


def _bytes(evidence: Evidence) -> Iterator[Violation]:
    """Each file is, to the byte, that of an undisturbed run; so is what clients were told."""
    for track_id, track in evidence.tracks.items():
        name = f"{track_id}.{track.format}"
        file = evidence.library.get(name)
        if file is not None and file.bytes != track.bytes:
            yield Violation("partial", f"{name} has {file.bytes} of {track.bytes} bytes")
        elif file is not None and file.sha256 != evidence.expected.get(track_id):
            yield Violation("wrong bytes", f"{name} differs from an undisturbed run's")
        if track.sha256 != evidence.expected.get(track_id):
            yield Violation("wrong bytes", f"the index holds another sha256 of {name}")
    for entry in evidence.entries:
        if entry.kind == "told" and entry.sha256 != evidence.expected.get(entry.track_id or ""):
            yield Violation("wrong bytes", f"a client was told another sha256 of {entry.track_id}")


def _copies(evidence: Evidence) -> Iterator[Violation]:
    """The copies that were asked for are whole, and there once their track is complete."""
    whole = set(evidence.expected.values())
    for path, file in evidence.outputs.items():
        if file.sha256 not in whole:
            yield Violation("partial", f"{path} is no whole track")
    for track_id, job in evidence.jobs.items():
        if job.state is not JobState.COMPLETE or _had_no_room(evidence, track_id):
            continue
        for output in job.outputs:
            if output.path not in evidence.outputs:
                yield Violation("lost", f"{output.path}, a copy of {track_id}, was never written")


def _glimpses(evidence: Evidence) -> Iterator[Violation]:
    """Whenever a broker had died, before the next one cleaned up, no final name had anything partial."""
    whole = set(evidence.expected.values())
    for path, content in sorted(evidence.glimpses):
        track_id, _, kind = path.name.partition(".")
        wanted = {WHOLE} if kind == "json" else {evidence.expected.get(track_id, "")}
        if kind == "tokens":  # the same each time; of a track that was never finished nobody knows which
            track = evidence.tracks.get(track_id)
            wanted = {content if track is None else str(track.tokens_sha256)}
        if content not in (whole if str(path) in evidence.outputs else wanted):
            yield Violation("partial", f"{path.name} was there when a broker died, but not whole: {content}")
