"""`lofi-batch` as a process, and what must hold of the folder that it leaves."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.home import Home

WAIT_SEC = 50


class Batch:
    """A run whose rows can be awaited one by one."""

    def __init__(self, home: Home, prompts: Path, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            command(prompts, folder, "--json", *arguments),
            env={**os.environ, **home.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def rows(self, number: int) -> list[dict[str, Any]]:
        """The next rows that end; fewer at the end of the run."""
        assert self.process.stdout is not None
        found: list[dict[str, Any]] = []
        while len(found) < number and (line := self.process.stdout.readline()):
            event = json.loads(line)
            if event["event"] == "row":
                found.append(event)
        return found

    def end(self) -> tuple[int, str]:
        """Exit code and stderr."""
        _, told = self.process.communicate(timeout=WAIT_SEC)
        return self.process.returncode, told

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()


def command(prompts: Path | str, folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "lofi_batch.main", str(prompts), "-o", str(folder), *arguments]


def run(
    home: Home, prompts: Path | str, folder: Path, *arguments: str, text: str = "", prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, *command(prompts, folder, *arguments)],
        env={**os.environ, **home.environ},
        input=text,
        capture_output=True,
        text=True,
        timeout=WAIT_SEC,
    )


def write_prompts(folder: Path, *prompts: str) -> Path:
    path = folder / "prompts.txt"
    path.write_text("".join(f"{prompt}\n" for prompt in prompts))
    return path


def manifest(folder: Path, name: str = "manifest.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def all_there(folder: Path, rows: int, name: str = "manifest.jsonl") -> list[dict[str, Any]]:
    """The manifest, in which each row has its file, and beside which there is nothing else."""
    records = manifest(folder, name)
    assert [record["row"] for record in records] == list(range(1, rows + 1))
    for record in records:
        data = (folder / record["path"]).read_bytes()
        assert (record["bytes"], record["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert record["error"] is None
    left = {path.name for path in folder.iterdir() if not path.name.startswith(".lofi-batch.")}
    assert left == {name, *(record["path"] for record in records)}
    return records


def times_made(home: Home) -> dict[str, int]:
    """How often each track was made, as the broker's log tells."""
    made: dict[str, int] = {}
    for line in (home.paths.logs / "broker.log").read_text().splitlines():
        if "event=job " in line and "state=complete" in line:
            track_id = line.partition("track_id=")[2].split()[0]
            made[track_id] = made.get(track_id, 0) + 1
    return made
