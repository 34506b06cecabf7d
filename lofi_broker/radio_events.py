"""What the radio hears of, and what it wants done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Pace(NamedTuple):
    """The model that the next piece is made with, and how it cuts a stream into pieces."""

    version: str
    first_sec: int
    """The first segment of a chain, in seconds at least."""
    next_sec: int
    """Every later one."""


@dataclass(frozen=True)
class Scene:
    """How things stand at the moment of an event."""

    now: float
    """By a clock that never goes back."""
    pace: Pace
    ahead_sec: float = 0.0
    """What lies ready to be heard, from the position on."""
    position_sec: float = 0.0
    """In what is heard."""
    duration_sec: float = 0.0
    """Of what is heard."""
    others_wait: bool = False
    """Whether tracks are queued that are not the radio's."""
    polite: str | None = None
    """Why pieces should be made later than usual."""


@dataclass(frozen=True)
class Piece:
    """A track or segment that the radio asks for."""

    number: int
    prompt: str
    seed: int
    duration_sec: int
    version: str
    """Of the model."""
    era: int
    """Rises with each prompt that somebody asks for: pieces of an older one need not be heard."""
    segment: bool = False
    continue_from: str | None = None


# events


@dataclass(frozen=True)
class Accepted:
    """The piece that was asked for has a job, or is in the library already."""

    number: int
    track_id: str
    made: bool = False


@dataclass(frozen=True)
class Refused:
    """The piece can't be queued. full: as long as so many others wait."""

    number: int
    message: str
    full: bool = False


@dataclass(frozen=True)
class Begun:
    """A worker has it."""

    track_id: str


@dataclass(frozen=True)
class Grew:
    """So much of it can be heard, and the rest comes in so many seconds, as far as one can tell."""

    track_id: str
    audio_sec: float
    eta_sec: float


@dataclass(frozen=True)
class Made:
    track_id: str


@dataclass(frozen=True)
class Failed:
    """The job of a piece has ended without a track."""

    track_id: str
    message: str


@dataclass(frozen=True)
class Room:
    """A job of anybody's has ended: where the queue was full, it is not any more."""


@dataclass(frozen=True)
class Heard:
    """The playback has begun with a track."""

    track_id: str


@dataclass(frozen=True)
class Lost:
    """A track that was to be heard can't be."""

    track_id: str


@dataclass(frozen=True)
class Silence:
    """The playback has stopped, though nobody asked for it: nothing came next, or, with a message, the sound
    itself has failed."""

    message: str | None = None


@dataclass(frozen=True)
class Wish:
    """Somebody asks for another prompt."""

    prompt: str


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


Event = Accepted | Refused | Begun | Grew | Made | Failed | Room | Heard | Lost | Silence | Wish | Tick


# actions


@dataclass(frozen=True)
class Ask:
    """Queue a job for it; answered by Accepted or Refused."""

    piece: Piece


@dataclass(frozen=True)
class Withdraw:
    """Cancel its job."""

    track_id: str


@dataclass(frozen=True)
class Play:
    """Let it be heard now, in the place of everything else."""

    track_id: str


@dataclass(frozen=True)
class Add:
    """Let it be heard after what is in the list. continues: the one that it goes on with to the sample."""

    track_id: str
    continues: str | None


@dataclass(frozen=True)
class Drop:
    """Take it out of the list; it is not the one that is heard."""

    track_id: str


@dataclass(frozen=True)
class Delete:
    """A segment that nobody needs any more."""

    track_id: str


@dataclass(frozen=True)
class GiveUp:
    """The radio ends here."""

    message: str


Action = Ask | Withdraw | Play | Add | Drop | Delete | GiveUp
