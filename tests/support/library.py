"""A library with its store and its spool, without a broker."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import msgspec

from lofi_broker.leftovers import sweep_library
from lofi_broker.library import Library
from lofi_broker.store import Store
from lofi_common.api import Track
from lofi_common.jobs import Job, JobState
from lofi_common.messages import Done
from tests.unit.scheduling import job

NAME = "0123456789abcdef"
AUDIO = b"RIFF audio"


class Place:
    """A library with its store, and a spool that workers write to."""

    def __init__(self, root: Path) -> None:
        self.folder, self.spool = root / "tracks", root / "spool"
        self.folder.mkdir()
        self.spool.mkdir()
        self.store = Store(root / "queue.sqlite")
        self.library = Library(self.folder, self.spool, self.store)
        self.job = msgspec.structs.replace(job(NAME), order=1)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    @property
    def audio(self) -> Path:
        return self.folder / f"{NAME}.wav"

    @property
    def metadata(self) -> Path:
        return self.folder / f"{NAME}.json"

    def save(self, state: JobState, track: Track | None = None) -> Job:
        self.job = msgspec.structs.replace(self.job, state=state)
        self.store.save(self.job, 1.0, track)
        return self.job

    def done(self, data: bytes = AUDIO, **changes: object) -> Done:
        """What a worker tells of a file that it wrote."""
        path = self.spool / f"{NAME}.1.wav"
        path.write_bytes(data)
        told: dict[str, object] = {
            "job_id": NAME,
            "attempt": 1,
            "path": str(path),
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "sample_rate": 32_000,
            "samples": 160_000,
            "generation_sec": 1.0,
            "peak": 0.5,
            **changes,
        }
        return msgspec.convert(told, Done)

    def adopt(self, done: Done) -> Track:
        return asyncio.run(self.library.adopt(self.job, done, 1.0))

    def make(self) -> None:
        """The job from its request to its track."""
        for state in (JobState.QUEUED, JobState.GENERATING):
            self.save(state)
        self.save(JobState.COMPLETE, self.adopt(self.done()))

    def sweep(self) -> None:
        sweep_library(self.folder, self.store)


TOKENS = b"tokens of a track"


def with_tokens(place: Place, **lies: object) -> Done:
    (place.spool / f"{NAME}.1.tokens").write_bytes(TOKENS)
    told = {"tokens_sha256": hashlib.sha256(TOKENS).hexdigest(), "tokens_bytes": len(TOKENS), **lies}
    return place.done(**told)


def make_with_tokens(place: Place) -> None:
    for state in (JobState.QUEUED, JobState.GENERATING):
        place.save(state)
    place.save(JobState.COMPLETE, place.adopt(with_tokens(place)))
