"""Jobs: their states, the arrows between the states, and the id that names a track before it exists."""

from __future__ import annotations

import enum
import hashlib

import msgspec

from lofi_common.errors import ErrorInfo

MIN_DURATION_SEC = 5
MAX_DURATION_SEC = 3600
"""Of a track, whatever the settings and the model say."""
MAX_LOOP_SEC = 120
"""Of a loop, whose audio is kept in memory until it is whole."""
CHOSEN_SEED_BITS = 53
"""Of seeds that nobody gave: they survive clients whose numbers are doubles (Lua, JavaScript)."""


class JobState(enum.StrEnum):
    QUEUED = "queued"  # on disk, waiting for a worker's credit
    GENERATING = "generating"  # given to a worker; `attempt` says which time
    COMPLETE = "complete"  # its track is in the library
    FAILED = "failed"  # ended; `error` says why
    CANCELLED = "cancelled"  # ended because a client asked for it

    @property
    def ended(self) -> bool:
        return self in (JobState.COMPLETE, JobState.FAILED, JobState.CANCELLED)


ALLOWED: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.GENERATING, JobState.FAILED, JobState.CANCELLED}),
    JobState.GENERATING: frozenset({JobState.QUEUED, JobState.COMPLETE, JobState.FAILED, JobState.CANCELLED}),
    # An ended job runs again when the same request comes and its track is not in the library.
    JobState.COMPLETE: frozenset({JobState.QUEUED}),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}


class IllegalTransition(Exception):
    """A job was asked to go where its state can't go: a defect, never a user's mistake."""


class Priority(enum.StrEnum):
    NORMAL = "normal"
    HIGH = "high"


class AudioFormat(enum.StrEnum):
    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides a track's audio, every default filled in."""

    prompt: str
    duration_sec: int
    seed: int
    model_version: str
    temperature: float
    top_k: int
    top_p: float
    guidance_scale: float
    format: AudioFormat = AudioFormat.WAV
    continue_from: str | None = None
    """The track whose tokens come first. `duration_sec` counts them too, but for a segment."""
    loop: bool = False
    """A whole number of bars that repeats without a seam, as near to `duration_sec` as there is."""
    segment: bool = False
    """A piece of a stream: its own new audio alone, about `duration_sec` of it, with no fade at its end."""


_LATER_FIELDS = ("continue_from", "loop", "segment")
"""Left out of a track's name where they say nothing: what could be asked for before them keeps its name."""


def track_id(spec: JobSpec) -> str:
    """First 16 hex digits of SHA-256 over the spec's canonical JSON: equal requests are one track."""
    said = msgspec.to_builtins(spec)
    for name in _LATER_FIELDS:
        if not said[name]:
            del said[name]
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:16]


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """Where a copy of the finished track is wanted. force: over an existing file too."""

    path: str
    force: bool = False


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One request on its way to a track. A job is changed only by `moved`, never in place."""

    track_id: str
    spec: JobSpec
    state: JobState = JobState.QUEUED
    priority: Priority = Priority.NORMAL
    order: int = 0
    """Rises with each submission: older first within a priority."""
    attempt: int = 0
    """Rises with every hand-over to a worker, for ever: late answers of an older attempt are told by it."""
    deaths: int = 0
    """Workers that died on this job since it was submitted."""
    outputs: tuple[Output, ...] = ()
    """One for each path."""
    submitted_at: float = 0.0
    radio: bool = False
    """The radio asked for it, and nobody else has."""
    error: ErrorInfo | None = None

    def moved(self, state: JobState, **changes: object) -> Job:
        """The same job in another state. Raises IllegalTransition when no arrow leads there."""
        if state not in ALLOWED[self.state]:
            history = f"track_id={self.track_id} attempt={self.attempt} deaths={self.deaths}"
            raise IllegalTransition(f"{history}: {self.state} → {state}")
        return msgspec.structs.replace(self, state=state, **changes)

    def joined(self, other: Job) -> Job:
        """An equal request while the track is under way: its outputs are added, high priority wins."""
        outputs = {output.path: output for output in self.outputs}
        for output in other.outputs:
            if output.force or output.path not in outputs:
                outputs[output.path] = output
        priority = Priority.HIGH if Priority.HIGH in (self.priority, other.priority) else Priority.NORMAL
        radio = self.radio and other.radio
        return msgspec.structs.replace(self, outputs=tuple(outputs.values()), priority=priority, radio=radio)
