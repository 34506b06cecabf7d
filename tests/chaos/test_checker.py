"""The checker finds each fault that it is there for: every one is planted in what a sound run left."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from lofi_common.api import GenerateParams
from lofi_common.jobs import JobState
from tests.chaos.checker import check
from tests.chaos.client import Client
from tests.chaos.evidence import Evidence, Glimpses, collect
from tests.chaos.journal import Journal, read_journals
from tests.chaos.processes import all_of, workers_of
from tests.chaos.stage import Stage, finish


class Run:
    """A small run that nobody disturbed, and its folder as it was left."""

    def __init__(self) -> None:
        self.stage = Stage("fake", own=False)
        self.paths = self.stage.home.paths
        self.copy = str(self.stage.outputs / "copy.wav")
        self.tracks: dict[str, str] = {}
        broker = self.stage.serve()
        with Journal(self.stage.root / "journal.0") as journal, self.stage.connect() as lofi:
            client = Client(journal, "fake", self.stage.outputs, random.Random(1))
            for prompt, output in (("one", None), ("two", self.copy), ("fail@3", None), ("slow 60", None)):
                params = GenerateParams(prompt=prompt, duration_sec=5, seed=1, output=output)
                accepted = client.generate(lofi, params)
                self.tracks[prompt] = accepted.track_id
                if prompt != "slow 60":
                    client.follow(lofi, accepted)
            client.cancel(lofi, self.tracks["slow 60"])
            finish(lofi)
            lofi.shutdown()
        broker.end()
        found = self.evidence({})
        self.expected = {track_id: track.sha256 or "" for track_id, track in found.tracks.items()}
        self.kept = self.stage.root.with_name(self.stage.root.name + ".kept")
        shutil.copytree(self.stage.root, self.kept, ignore=shutil.ignore_patterns("*.ipc"))

    def evidence(self, expected: dict[str, str]) -> Evidence:
        evidence = Evidence(read_journals(self.stage.journals()), expected)
        return collect(
            evidence,
            database=self.paths.database,
            library=self.paths.tracks,
            spool=self.paths.spool,
            outputs=self.stage.outputs,
            processes=[process.pid for process in all_of(self.stage.root)],
        )

    def violated(self) -> set[str]:
        return {violation.invariant for violation in check(self.evidence(self.expected))}

    def file(self, prompt: str, suffix: str = "wav") -> Path:
        return self.paths.tracks / f"{self.tracks[prompt]}.{suffix}"

    def sql(self, statement: str, *values: object) -> None:
        db = sqlite3.connect(self.paths.database)
        with db:
            assert db.execute(statement, values).rowcount
        db.close()

    def event(self, prompt: str, state: str, attempt: int) -> None:
        """One more event of a job."""
        statement = "INSERT INTO job_events (track_id, at, state, attempt, deaths) VALUES (?, 9e9, ?, ?, 0)"
        self.sql(statement, self.tracks[prompt], state, attempt)

    def restore(self) -> None:
        shutil.rmtree(self.stage.root)
        shutil.copytree(self.kept, self.stage.root)


@pytest.fixture(scope="module")
def whole() -> Iterator[Run]:
    run = Run()
    yield run
    run.stage.close(keep=False)
    shutil.rmtree(run.kept)


@pytest.fixture
def run(whole: Run) -> Iterator[Run]:
    yield whole
    whole.restore()


def test_a_sound_run_is_found_sound(run: Run) -> None:
    assert check(run.evidence(run.expected)) == []
    states = {prompt: run.evidence({}).jobs[track_id].state for prompt, track_id in run.tracks.items()}
    assert states == {
        "one": JobState.COMPLETE,
        "two": JobState.COMPLETE,
        "fail@3": JobState.FAILED,
        "slow 60": JobState.CANCELLED,
    }


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def unindexed(run: Run, prompt: str) -> None:
    run.sql("DELETE FROM tracks WHERE track_id = ?", run.tracks[prompt])


def forget_asking(run: Run, method: str) -> None:
    """Take the requests of a method out of the journal."""
    path = run.stage.root / "journal.0"
    lines = [line for line in path.read_bytes().splitlines() if msgspec.json.decode(line)["method"] != method]
    path.write_bytes(b"\n".join(lines) + b"\n")


def answer_early(run: Run) -> None:
    """A `generate` that was answered before its job was on disk."""
    run.sql("UPDATE job_events SET at = at + 1e6 WHERE track_id = ?", run.tracks["one"])


def tell_wrong(run: Run) -> None:
    with Journal(run.stage.root / "journal.1") as journal:
        journal.write("told", "complete", track_id=run.tracks["one"], sha256="0" * 64)


def reason(run: Run) -> None:
    statement = (
        "UPDATE jobs SET error = json_replace(error, '$.name', 'MODEL_LOAD_FAILED') WHERE track_id = ?"
    )
    run.sql(statement, run.tracks["fail@3"])


def set_state(run: Run, prompt: str, state: str) -> None:
    run.sql("UPDATE jobs SET state = ? WHERE track_id = ?", state, run.tracks[prompt])


def lost_page(run: Run) -> None:
    """An index that the schema no longer knows."""
    db = sqlite3.connect(run.paths.database)
    db.execute("PRAGMA writable_schema = ON")
    with db:
        db.execute("DELETE FROM sqlite_schema WHERE name = 'jobs_order'")
    db.close()


PLANTED: dict[str, tuple[Callable[[Run], object], set[str]]] = {
    "a lost row": (
        lambda run: run.sql("DELETE FROM jobs WHERE track_id = ?", run.tracks["fail@3"]),
        {"lost"},
    ),
    "a lost track": (
        lambda run: (
            unindexed(run, "one"),
            [run.file("one", kind).unlink() for kind in ("wav", "json", "tokens")],
        ),
        {"lost"},
    ),
    "a job that never ended": (
        lambda run: (set_state(run, "fail@3", "queued"), run.event("fail@3", "queued", 1)),
        {"lost"},
    ),
    "a row without history": (
        lambda run: run.sql("DELETE FROM job_events WHERE track_id = ?", run.tracks["fail@3"]),
        {"lost"},
    ),
    "a row that is behind its history": (lambda run: set_state(run, "fail@3", "cancelled"), {"lost"}),
    "an answer before the save": (answer_early, {"lost"}),
    "a damaged database": (lost_page, {"lost"}),
    "a copy that was never written": (lambda run: Path(run.copy).unlink(), {"lost"}),
    "a doubled completion": (lambda run: run.event("one", "complete", 1), {"twice"}),
    "a run of what was there": (
        lambda run: (
            [run.event("one", *each) for each in (("queued", 1), ("generating", 2), ("complete", 2))]
            and run.sql("UPDATE jobs SET attempt = 2 WHERE track_id = ?", run.tracks["one"])
        ),
        {"twice"},
    ),
    "two ends": (
        lambda run: (run.event("fail@3", "cancelled", 1), set_state(run, "fail@3", "cancelled")),
        {"twice", "unfounded end"},
    ),
    "an attempt that was left out": (
        lambda run: run.sql("UPDATE job_events SET attempt = 7 WHERE state = 'queued'"),
        {"twice"},
    ),
    "a truncated track": (lambda run: cut(run.file("one")), {"partial"}),
    "a truncated copy": (lambda run: cut(Path(run.copy)), {"partial"}),
    "a wrong byte": (lambda run: flip(run.file("one")), {"wrong bytes"}),
    "a wrong sum in the index": (
        lambda run: run.sql("UPDATE tracks SET track = json_replace(track, '$.sha256', 'x')"),
        {"wrong bytes"},
    ),
    "a wrong sum told": (tell_wrong, {"wrong bytes"}),
    "a foreign file": (lambda run: (run.paths.tracks / "x.wav").write_bytes(b"RIFF"), {"disagree"}),
    "a track without its file": (lambda run: run.file("one").unlink(), {"disagree"}),
    "a track without its tokens": (lambda run: run.file("one", "tokens").unlink(), {"disagree"}),
    "a track without its metadata": (lambda run: run.file("one", "json").unlink(), {"disagree"}),
    "a file without its row": (lambda run: unindexed(run, "one"), {"disagree", "lost"}),
    "half of the metadata": (
        lambda run: (run.paths.tracks / f".{run.file('one', 'json').name}.part").touch(),
        {"disagree"},
    ),
    "a track of a job that failed": (
        lambda run: (set_state(run, "one", "failed"), run.event("one", "failed", 1)),
        {"disagree", "twice", "unfounded end"},
    ),
    "a stuck file in the spool": (lambda run: (run.paths.spool / "0.1.wav").touch(), {"left over"}),
    "a cancelled job that nobody cancelled": (lambda run: forget_asking(run, "cancel"), {"unfounded end"}),
    "a failure that had no cause": (reason, {"unfounded end"}),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(run: Run, fault: str) -> None:
    plant, invariants = PLANTED[fault]
    plant(run)
    assert run.violated() == invariants


def test_a_full_disk_excuses_only_what_happened_in_its_time(run: Run) -> None:
    Path(run.copy).unlink()
    evidence = run.evidence(run.expected)
    times = [event.at for event in evidence.events[run.tracks["two"]]]
    for full, found in (
        ((0.0, times[0] - 1.0), {"lost"}),
        ((times[-1] + 1.0, times[-1] + 2.0), {"lost"}),
        ((times[0] - 1.0, times[-1] + 1.0), set()),
    ):
        evidence.full = [full]
        assert {violation.invariant for violation in check(evidence)} == found


def test_what_was_partial_for_a_moment_is_found(run: Run) -> None:
    glimpses = Glimpses(run.paths.tracks, run.stage.outputs)
    files = [run.file("one", kind) for kind in ("wav", "json", "tokens")] + [Path(run.copy)]
    glimpses.look()
    evidence = run.evidence(run.expected)
    evidence.glimpses = glimpses.seen
    assert check(evidence) == [] and len(glimpses.seen) == 7
    for path in files:
        before = path.read_bytes()
        path.write_bytes(before[: len(before) // 2])
        glimpses.look()
        path.write_bytes(before)
    glimpses.look()
    found = check(evidence)
    assert [violation.invariant for violation in found] == ["partial"] * 4
    assert {path.name for path in files} == {each.what.split()[0] for each in found}


def test_an_orphan_is_found(run: Run) -> None:
    root = run.stage.home.root
    sleeper = "import signal, sys; print(flush=True); signal.pause()"
    orphan = subprocess.Popen(
        [sys.executable, "-c", sleeper, f"--spool={root}/data/spool"],
        env=run.stage.home.environ,
        stdout=subprocess.PIPE,
    )
    assert orphan.stdout is not None and orphan.stdout.readline() == b"\n"
    assert run.violated() == {"orphan"}
    (found,) = workers_of(root)
    with found:
        assert found.pid == orphan.pid
    orphan.kill()
    orphan.wait()
    orphan.stdout.close()
    assert run.violated() == set()
