"""What the scheduler is told (events) and what it wants done (actions)."""

from __future__ import annotations

from dataclasses import dataclass

from lofi_common import api
from lofi_common.errors import ErrorInfo
from lofi_common.jobs import Job
from lofi_common.messages import Done

# events


@dataclass(frozen=True)
class Submitted:
    """A checked request. `job` is queued; it joins an active job of the same track."""

    job: Job


@dataclass(frozen=True)
class NotSaved:
    """A submission could not be put on disk: it was never accepted. `before` was active before it."""

    track_id: str
    before: Job | None


@dataclass(frozen=True)
class CancelAsked:
    track_id: str


@dataclass(frozen=True)
class ClearAsked:
    """Drop what is queued, keep what runs."""


@dataclass(frozen=True)
class SlotsAsked:
    """From now on jobs run in workers with so many slots."""

    slots: int


@dataclass(frozen=True)
class WorkerSeen:
    """Any message of this worker arrived. `rss`: bytes that its process takes, if it told."""

    worker: str
    rss: int | None = None


@dataclass(frozen=True)
class WorkerSpawned:
    """`rss_limit`: bytes that the process may take."""

    worker: str
    pid: int
    rss_limit: int | None = None


@dataclass(frozen=True)
class WorkerReady:
    worker: str
    slots: int
    device: str
    model_version: str
    load_sec: float


@dataclass(frozen=True)
class WorkerLoadFailed:
    """The worker said why it can't load the model; its exit follows."""

    worker: str
    error: ErrorInfo


@dataclass(frozen=True)
class WorkerExited:
    """The process is gone, for whatever reason. The authority on a worker's end."""

    worker: str
    reason: str


@dataclass(frozen=True)
class JobStarted:
    worker: str
    track_id: str
    attempt: int


@dataclass(frozen=True)
class JobProgressed:
    worker: str
    track_id: str
    attempt: int
    done: int
    total: int
    audio_sec: float = 0.0


@dataclass(frozen=True)
class JobDone:
    worker: str
    done: Done


@dataclass(frozen=True)
class JobFailed:
    """`leaves`: its process can't go on and ends now."""

    worker: str
    track_id: str
    attempt: int
    error: ErrorInfo
    leaves: bool = False


@dataclass(frozen=True)
class TrackAdopted:
    """The finished file is in the library (`track`), or could not be put there (`error`)."""

    track_id: str
    attempt: int
    track: api.Track | None = None
    error: ErrorInfo | None = None
    output_errors: dict[str, str] | None = None


@dataclass(frozen=True)
class Tick:
    """Time passed: deadlines are looked at."""


Event = (
    Submitted
    | NotSaved
    | CancelAsked
    | ClearAsked
    | SlotsAsked
    | WorkerSeen
    | WorkerSpawned
    | WorkerReady
    | WorkerLoadFailed
    | WorkerExited
    | JobStarted
    | JobProgressed
    | JobDone
    | JobFailed
    | TrackAdopted
    | Tick
)

# actions


@dataclass(frozen=True)
class Save:
    """Write the job's new state; with `track`, the track's row in the same transaction."""

    job: Job
    track: api.Track | None = None


@dataclass(frozen=True)
class SendRun:
    worker: str
    job: Job


@dataclass(frozen=True)
class SendCancel:
    worker: str
    track_id: str
    attempt: int


@dataclass(frozen=True)
class Spawn:
    """Start a worker with this version of a model and so many slots."""

    worker: str
    generation: int
    model_version: str
    slots: int


@dataclass(frozen=True)
class Kill:
    """End the process; its WorkerExited follows. misbehaves: false where it did nothing wrong."""

    worker: str
    reason: str
    misbehaves: bool = True


@dataclass(frozen=True)
class Adopt:
    """Move a finished file from the spool into the library and report TrackAdopted."""

    job: Job
    done: Done


@dataclass(frozen=True)
class Discard:
    """Delete the spool files of an attempt that no job waits for any more."""

    track_id: str
    attempt: int


@dataclass(frozen=True)
class Publish:
    method: str
    params: api.Result


@dataclass(frozen=True)
class Forget:
    """Drop the rows of ended jobs, and their events, but for the newest `keep`."""

    keep: int


Action = Save | SendRun | SendCancel | Spawn | Kill | Adopt | Discard | Publish | Forget
