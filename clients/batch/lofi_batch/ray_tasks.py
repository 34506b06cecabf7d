"""What is asked of actors: a task for each different track of the rows. No Ray in here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from lofi_batch.engine import Failed
from lofi_batch.manifest import RowError
from lofi_batch.plan import Row
from lofi_batch.ray_messages import Source
from lofi_common.errors import LofiError
from lofi_common.jobs import JobSpec, track_id
from lofi_common.manifest import Model
from lofi_common.specs import spec_of

SourceOf = Callable[[str | None], tuple[Model, Source]]
"""The model that a row asks for. Raises LofiError when there is none."""


@dataclass(slots=True, eq=False)
class Task:
    """One track, and the rows that want it."""

    track_id: str
    spec: JobSpec
    source: Source
    rows: list[Row]
    attempts: int = 0
    there: bool = False
    """It may lie in the made folder."""
    deaths: list[str] = field(default_factory=list)
    """Why each actor died that had it."""


class Tasks:
    """Read as there is room for them; model by model, since an actor holds one at a time."""

    def __init__(self, rows: Sequence[Row], source_of: SourceOf, most_sec: int) -> None:
        self._rows, self._source_of, self._most_sec = rows, source_of, most_sec

    def __iter__(self) -> Iterator[Task | Failed]:
        """In the order of the rows; a row that can't be made is told as that."""
        twice = _asked_twice(self._rows)
        for name in dict.fromkeys(row.model for row in self._rows):
            rows = [row for row in self._rows if row.model == name]
            try:
                model, source = self._source_of(name)
            except LofiError as error:
                yield from (Failed(row, _row_error(error), 1) for row in rows)
                continue
            yield from self._of_model(rows, model, source, twice)

    def _of_model(
        self, rows: list[Row], model: Model, source: Source, twice: set[int]
    ) -> Iterator[Task | Failed]:
        shared: dict[str, Task] = {}
        for row in rows:
            if _key(row) in twice:
                task = self._task(row, model, source)
                if isinstance(task, Task):
                    shared.setdefault(task.track_id, Task(task.track_id, task.spec, source, [])).rows.append(
                        row
                    )
        for row in rows:
            task = self._task(row, model, source)
            if isinstance(task, Failed) or task.track_id not in shared:
                yield task
            elif (whole := shared[task.track_id]).rows[0] is row:
                yield whole

    def _task(self, row: Row, model: Model, source: Source) -> Task | Failed:
        try:
            spec = spec_of(row.params(None), model, None, self._most_sec)
        except LofiError as error:
            return Failed(row, _row_error(error), 1)
        return Task(track_id(spec), spec, source, [row])


def _row_error(error: LofiError) -> RowError:
    return RowError(code=error.name, message=str(error))


def _key(row: Row) -> int:
    """Equal for rows that want the same track; seldom for others."""
    return hash(
        (
            row.prompt,
            row.duration_sec,
            row.seed,
            row.temperature,
            row.top_k,
            row.top_p,
            row.guidance_scale,
            row.format,
        )
    )


def _asked_twice(rows: Sequence[Row]) -> set[int]:
    """The keys that several rows have. Rows may be many: no objects are kept for them."""
    seen: set[int] = set()
    twice: set[int] = set()
    for row in rows:
        key = _key(row)
        (twice if key in seen else seen).add(key)
    return twice
