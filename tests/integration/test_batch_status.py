"""`lofi-batch status` beside a run, after one that was killed, and after one that has ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.batch import Batch, run, write_prompts
from tests.support.home import Home


def status(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lofi_batch.main", "status", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def told(folder: Path) -> list[dict[str, Any]]:
    done = status(folder, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def figures(found: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(found[name] for name in ("rows", "there", "failed", "left", "at_work", "made"))


def test_a_batch_from_its_first_run_to_its_last(home: Home) -> None:
    folder = home.root / "out"
    prompts = write_prompts(home.root, "fast", "fail@3", "slow 3", "last")
    with Batch(home, prompts, folder, "-d", "5", "--retries", "0") as batch:
        batch.rows(2)
        (beside,) = told(folder)
        assert figures(beside) == (4, 1, 1, 2, True, 1)
        assert beside["run"]["pid"] == batch.process.pid and beside["run"]["engine"] == "local"
        assert beside["seconds"] > 0 and beside["tracks_per_minute"] > 0
        assert f"at work (pid {batch.process.pid} on " in status(folder).stdout
    (killed,) = told(folder)
    assert figures(killed) == (4, 1, 1, 2, False, 1)
    assert "was killed, engine local, tracks in " in status(folder).stdout
    assert run(home, prompts, folder, "-d", "5", "--retries", "0").returncode == 1
    (ended,) = told(folder)
    assert figures(ended) == (4, 3, 1, 0, False, 2)
    assert ended["failures"] == [
        {"row": 2, "error": {"code": "MODEL_INFERENCE_FAILED", "message": "scripted failure at step 3"}}
    ]
    lines = status(folder).stdout.splitlines()
    assert lines[0] == "manifest.jsonl: 3 of 4 rows there, 1 failed"
    assert lines[1] == f"      ended, engine local, tracks in {folder}"
    assert "2 tracks in " in lines[2] and lines[3] == "      row 2: scripted failure at step 3"


def test_shards_are_told_one_by_one_and_a_folder_without_a_batch_is_refused(home: Home) -> None:
    folder = home.root / "out"
    prompts = write_prompts(home.root, "a", "b", "c")
    for part in (2, 1):
        assert run(home, prompts, folder, "-d", "5", "--shard", f"{part}/2").returncode == 0
    found = told(folder)
    assert [(each["manifest"], each["rows"], each["there"]) for each in found] == [
        ("manifest.1-of-2.jsonl", 2, 2),
        ("manifest.2-of-2.jsonl", 1, 1),
    ]
    assert status(home.root).returncode == 2 and "has no batch" in status(home.root).stderr
    (folder / "manifest.1-of-2.jsonl").write_text("x\n")
    assert "manifest.1-of-2.jsonl, line 1" in status(folder).stderr
