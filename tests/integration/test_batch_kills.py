"""`lofi-batch` killed, its broker killed, its worker killed: no row is lost and none is made twice."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from lofi_client import GenerateParams, Lofi
from lofi_client.launch import find_broker
from tests.support.batch import Batch, all_there, manifest, run, times_made, write_prompts
from tests.support.home import Home

ROWS = 60
KILLS = 6


def batch(home: Home, prompts: Path, *arguments: str) -> Batch:
    return Batch(home, prompts, home.root / "out", "-d", "5", *arguments)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_batch_that_is_killed_again_and_again(home: Home, seed: int) -> None:
    """At any moment: before the first row, while one is written down, while its file gets its name."""
    rng = random.Random(seed)
    prompts = write_prompts(home.root, *(f"rain {number}" for number in range(ROWS)))
    for _ in range(KILLS):
        with batch(home, prompts, "--slots", "4") as running:
            running.rows(rng.randint(0, ROWS // KILLS))
            time.sleep(rng.uniform(0, 0.03))  # a row takes about as long
            running.process.kill()
    with batch(home, prompts, "--slots", "4") as last:
        code, told = last.end()
        assert code == 0, told
    records = all_there(home.root / "out", ROWS)
    made = times_made(home)
    assert made == {record["track_id"]: 1 for record in records}
    clean = run(home, prompts, home.root / "clean", "-d", "5")  # from the library
    assert clean.returncode == 0 and times_made(home) == made
    same = ("row", "prompt", "seed", "track_id", "path", "sha256", "bytes", "model_version")
    assert [[record[name] for name in same] for record in records] == [
        [record[name] for name in same] for record in manifest(home.root / "clean")
    ]


@pytest.mark.parametrize("durable", [True, False])
def test_a_broker_and_a_worker_that_are_killed_on_the_way(home: Home, durable: bool) -> None:
    home.environ["LOFI_QUEUE_DURABLE"] = str(durable).lower()
    prompts = write_prompts(home.root, *(f"slow 0.1 {number}" for number in range(ROWS // 2)))
    with batch(home, prompts, "--slots", "3") as running:
        for _ in range(2):
            running.rows(5)
            found = find_broker(home.paths)
            assert found is not None
            os.kill(found.pid, signal.SIGKILL)
            running.rows(5)
            with Lofi.connect(start=False, name="test", paths=home.paths) as lofi:
                (worker,) = lofi.status().workers
                assert worker.slots == 3  # asked for again
                if worker.pid is not None:
                    os.kill(worker.pid, signal.SIGKILL)
        code, told = running.end()
        assert code == 0 and "connecting again" in told, told
    all_there(home.root / "out", ROWS // 2)


def test_a_broker_that_is_stopped_is_started_again(home: Home) -> None:
    prompts = write_prompts(home.root, *(f"slow 0.1 {number}" for number in range(10)))
    with batch(home, prompts) as running:
        running.rows(2)
        assert home.lofi("broker", "stop").returncode == 0
        code, told = running.end()
        assert code == 0, told
    all_there(home.root / "out", 10)


def test_a_batch_that_was_killed_finds_what_its_broker_made_meanwhile(home: Home) -> None:
    prompts = write_prompts(home.root, "a", "slow 1 b", "slow 1 c")
    with batch(home, prompts) as running:
        running.rows(1)
        running.process.kill()
    with batch(home, prompts) as again:
        assert again.end()[0] == 0
    records = all_there(home.root / "out", 3)
    assert times_made(home) == {record["track_id"]: 1 for record in records}


def test_one_by_one_and_side_by_side_are_the_same_bytes(short_tmp: Path) -> None:
    home = Home(short_tmp, engine="onnx")
    try:
        table = "prompt,duration\n" + "".join(f"rainy night {n % 3},{5 + n % 4}\n" for n in range(10))
        prompts = home.root / "prompts.csv"
        prompts.write_text(table)
        folders = [home.root / name for name in ("eight", "one")]
        for folder, slots in zip(folders, ("8", "1"), strict=True):
            done = run(home, prompts, folder, "--slots", slots, "--no-library")
            assert done.returncode == 0, done.stderr
        eight, one = (all_there(folder, 10) for folder in folders)
        assert [each["sha256"] for each in eight] == [each["sha256"] for each in one]
        assert set(times_made(home).values()) == {2}  # not kept in the library
        with Lofi.connect(start=False, name="test", paths=home.paths) as lofi:
            assert lofi.stats().tracks == 0
            alone = lofi.make("rainy night 1", duration_sec=6, seed=one[1]["seed"])
            assert alone.sha256 == one[1]["sha256"]
            mine = lofi.submit(
                GenerateParams(prompt="rainy night 1", duration_sec=6, seed=one[1]["seed"])
            ).path
        # What was in the library before stays there.
        assert run(home, prompts, home.root / "again", "--slots", "2", "--no-library").returncode == 0
        assert mine is not None and Path(mine).is_file()
    finally:
        home.stop()
