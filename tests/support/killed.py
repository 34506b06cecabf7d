"""Drivers of a batch that are killed before their n-th step, as a process: it reads n, n, …, forks a driver
for each, and answers with how it ended: the exit code, or "killed before STEP".

    python -m tests.support.killed ROOT WHERE      # WHERE: "library", or the place of the tracks
"""

from __future__ import annotations

import functools
import hashlib
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lofi_batch import command, url_place
from lofi_batch.copying import Copying
from lofi_batch.engine import Made, Means, Outcome
from lofi_batch.folder import Folder
from lofi_batch.manifest import RowError
from lofi_batch.place import Place
from lofi_batch.places import open_place
from lofi_batch.plan import WHOLE, Defaults, Row, make_plan
from lofi_batch.prompts import Asked, Entry
from lofi_batch.takeover import TakeOver

_SAME = Asked(prompt="rain", seed=1)
_ASKED = (
    _SAME,
    Asked(prompt="snow", file="deep/snow.wav"),
    _SAME,
    Asked(prompt="wind"),
)
ROWS, _ = make_plan([Entry(line, asked) for line, asked in enumerate(_ASKED, 1)], Defaults())
_STEPS = ("fsync", "ftruncate", "link", "mkdir", "pwrite", "rename", "replace", "rmdir", "unlink", "write")
"""Of the module os: whatever a driver does to a disk goes through these, but for the bytes of tracks."""


def sound(row: Row) -> bytes:
    """Its track."""
    return f"{row.prompt} {row.seed}".encode() * 100


class Drivers:
    """The process, as the tests see it."""

    def __init__(self, root: Path, where: str) -> None:
        module = [sys.executable, "-m", "tests.support.killed"]
        self._process = subprocess.Popen(
            [*module, str(root), where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, until: int) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{until}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


class _Maker:
    """Makes tracks two by two, unless they are there, and says in a log what it made. As it were on another
    machine: nothing of that is a step of the driver."""

    elsewhere = False
    """While it makes one."""

    def __init__(self, place: Place, root: Path, *, in_library: bool) -> None:
        self._place, self._root, self._in_library = place, root, in_library

    def make(self, rows: Iterable[Row]) -> Iterator[list[Outcome]]:
        waiting = list(rows)
        there = self._place.made_there()
        for first in range(0, len(waiting), 2):
            yield [self._made(row, waiting, there) for row in waiting[first : first + 2]]

    def _made(self, row: Row, waiting: list[Row], there: set[str]) -> Made:
        data = sound(row)
        sha256 = hashlib.sha256(data).hexdigest()
        file = self._place.made(sha256[:16], row.format)
        if file not in there:
            _Maker.elsewhere = True
            source = self._root / "source"
            source.write_bytes(data)
            self._place.put(source, file)
            there.add(file)
            with (self._root / "log").open("a") as log:
                log.write(f"{row.prompt}\n")
            _Maker.elsewhere = False
        if self._in_library:
            file = str(self._root / "library" / file)
        last = data not in map(sound, waiting[waiting.index(row) + 1 :])
        return Made(row, sha256[:16], "m-1", file, sha256, 1.0, 1, bytes=len(data), last=last)

    def again(self, made: Made, error: RowError) -> None:
        raise AssertionError(error)

    def taken(self, made: Made) -> None: ...

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def _means(root: Path, where: str) -> Means:
    if where == "library":
        library, place = Folder(root / "library"), Folder(root / "out")
        return Means(
            name="test",
            place=place,
            taking=Copying(place),
            start=lambda *_: _Maker(library, root, in_library=True),
        )
    there = open_place(where)
    return Means(
        name="test",
        place=there,
        taking=TakeOver(there),
        start=lambda *_: _Maker(there, root, in_library=False),
        elsewhere=where != str(root / "out"),
    )


def _drive(root: Path, where: str, until: int, answer: int) -> int:
    """A whole run, or one that is killed before that step."""
    left = until

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def step(*arguments: Any, **more: Any) -> Any:
            nonlocal left
            left -= not _Maker.elsewhere
            if left == 0 and not _Maker.elsewhere:
                write(answer, f"killed before {name}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **more)

        return step

    write = os.write
    for name in _STEPS:
        setattr(os, name, counted(name, getattr(os, name)))
    for name in ("_move", "_copy", "_delete"):
        setattr(url_place, name, counted(name, getattr(url_place, name)))
    means = _means(root, where)
    return command.make(root / "out", WHOLE, ROWS, means, force=False, as_json=False, quiet=True)


def main() -> None:
    root, where = Path(sys.argv[1]), sys.argv[2]
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                code = _drive(root, where, int(line), answer)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status):
            os.write(answer, f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main()
