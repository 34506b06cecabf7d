"""The job loop against a scripted engine, without processes."""

from __future__ import annotations

import hashlib
import queue
import threading
import tracemalloc
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from lofi_common import messages as m
from lofi_common.jobs import AudioFormat, JobSpec
from lofi_common.manifest import Manifest, Model
from lofi_worker import agent, spool, tokens
from lofi_worker.agent import Agent
from lofi_worker.attempt import Attempt
from lofi_worker.engine import Bar, StepResult
from lofi_worker.fake import FakeEngine
from lofi_worker.loudness import Meter
from lofi_worker.recording import Recording
from tests.support.home import MODEL_TOML

SPEC = JobSpec(
    prompt="tone",
    duration_sec=5,
    seed=1,
    model_version="fake-1",
    temperature=1.0,
    top_k=0,
    top_p=0.0,
    guidance_scale=1.0,
)


class ScriptedLink:
    """Orders known beforehand; some only after a certain answer was given."""

    def __init__(self, *orders: m.BrokerMessage, after: dict[type, m.BrokerMessage] | None = None) -> None:
        self.orders: queue.SimpleQueue[m.BrokerMessage] = queue.SimpleQueue()
        self.sent: list[m.WorkerMessage] = []
        self._after = after or {}
        for order in orders:
            self.orders.put(order)

    def send(self, message: m.WorkerMessage) -> None:
        self.sent.append(message)
        order = self._after.pop(type(message), None)
        if order is not None:
            self.orders.put(order)


MODEL = Model(version="fake-1", folder=Path(), manifest=msgspec.toml.decode(MODEL_TOML, type=Manifest))


def engine(slots: int = 1) -> FakeEngine:
    return FakeEngine(MODEL, slots)


def test_a_slow_track_does_not_hold_up_its_neighbour() -> None:
    fake = engine(slots=2)
    fake.start(0, msgspec.structs.replace(SPEC, prompt="slow 1000"))
    fake.start(1, SPEC)
    slots = [result.slot for _ in range(100) for result in fake.step()]
    assert slots == [1] * 100


def run(name: str, **changes: object) -> m.Run:
    return m.Run(job_id=name, attempt=1, spec=msgspec.structs.replace(SPEC, **changes))


LEAVE = m.Shutdown(reason="enough")


def test_a_job_is_started_reported_written_and_answered(tmp_path: Path) -> None:
    link = ScriptedLink(run("a"), after={m.Done: LEAVE})
    assert Agent(engine(), link, tmp_path).run() == "enough"
    assert link.sent[0] == m.Started(job_id="a", attempt=1)
    reports = [message for message in link.sent if isinstance(message, m.Progress)]
    assert [report.done for report in reports] == list(range(5, 100, 5))
    done = link.sent[-1]
    assert isinstance(done, m.Done) and done.samples == 5 * 32_000
    data = Path(done.path).read_bytes()
    assert (Path(done.path).name, len(data)) == ("a.1.wav", done.bytes)
    assert hashlib.sha256(data).hexdigest() == done.sha256
    audio, rate = soundfile.read(done.path, dtype="int16")
    assert (rate, len(audio)) == (32_000, 160_000)
    assert soundfile.info(done.path).subtype == "PCM_16"


def test_the_same_job_gives_the_same_bytes_beside_a_neighbour(tmp_path: Path) -> None:
    alone = ScriptedLink(run("a"), after={m.Done: LEAVE})
    Agent(engine(), alone, tmp_path).run()
    beside = ScriptedLink(run("b", seed=2), run("a"), after={m.Done: LEAVE})
    Agent(engine(slots=2), beside, tmp_path).run()
    digests = {x.job_id: x.sha256 for x in beside.sent if isinstance(x, m.Done)}
    (done,) = [x for x in alone.sent if isinstance(x, m.Done)]
    assert digests["a"] == done.sha256 != digests["b"]


def test_tokens_of_another_model_are_not_continued(tmp_path: Path) -> None:
    past = tmp_path / "b.tokens"
    about = tokens.About(track_id="b", model_version="fake-2", prompt="x")
    past.write_bytes(tokens.encode(about, np.zeros((10, 2), np.int64), None))
    order = msgspec.structs.replace(run("a", continue_from="b"), past=str(past))
    link = ScriptedLink(order, after={m.Failed: LEAVE})
    Agent(engine(), link, tmp_path).run()
    failed = link.sent[-1]
    assert isinstance(failed, m.Failed) and "has tokens of fake-2" in failed.error.message


def test_cancel_between_steps(tmp_path: Path) -> None:
    cancel = m.Cancel(job_id="a", attempt=1)
    link = ScriptedLink(run("a", prompt="slow 10"), after={m.Progress: cancel, m.Failed: LEAVE})
    Agent(engine(), link, tmp_path).run()
    failed = link.sent[-1]
    assert isinstance(failed, m.Failed) and failed.error.name == "GENERATION_CANCELLED"
    assert list(tmp_path.iterdir()) == []


def test_a_cancel_ends_a_step_that_takes_a_quarter_of_an_hour(tmp_path: Path) -> None:
    fake = engine()
    link = ScriptedLink(run("a", prompt="slow 90000"), after={m.Failed: LEAVE})
    working = threading.Thread(target=Agent(fake, link, tmp_path).run)
    working.start()
    link.orders.put(m.Cancel(job_id="a", attempt=1))
    fake.interrupt()
    working.join()
    assert [type(message) for message in link.sent] == [m.Started, m.Failed]


def test_an_interrupted_step_is_taken_again(tmp_path: Path) -> None:
    fake = engine()
    fake.interrupt()
    link = ScriptedLink(run("a"), after={m.Done: LEAVE})
    Agent(fake, link, tmp_path).run()
    assert [report.done for report in link.sent if isinstance(report, m.Progress)] == list(range(5, 100, 5))


def test_cancel_of_an_older_attempt_is_ignored(tmp_path: Path) -> None:
    old = m.Cancel(job_id="a", attempt=0)
    link = ScriptedLink(run("a"), old, after={m.Done: LEAVE})
    Agent(engine(), link, tmp_path).run()
    assert isinstance(link.sent[-1], m.Done)


def test_a_failure_of_one_slot_leaves_the_other_alone(tmp_path: Path) -> None:
    link = ScriptedLink(run("bad", prompt="fail@3"), run("good"), after={m.Done: LEAVE})
    Agent(engine(slots=2), link, tmp_path).run()
    ends = {x.job_id: type(x) for x in link.sent if isinstance(x, m.Done | m.Failed)}
    assert ends == {"bad": m.Failed, "good": m.Done}


def test_running_out_of_memory_answers_the_job_and_ends_the_worker(tmp_path: Path) -> None:
    link = ScriptedLink(run("bad", prompt="oom"))
    with pytest.raises(MemoryError):
        Agent(engine(), link, tmp_path).run()
    (failed,) = [x for x in link.sent if isinstance(x, m.Failed)]
    assert failed.job_id == "bad" and "out of memory" in failed.error.message


def test_beside_a_neighbour_running_out_of_memory_is_nobody_s_fault_yet(tmp_path: Path) -> None:
    link = ScriptedLink(run("good", prompt="slow 10"), run("bad", prompt="oom"))
    with pytest.raises(MemoryError):
        Agent(engine(slots=2), link, tmp_path).run()
    assert not any(isinstance(x, m.Failed) for x in link.sent)


def test_a_track_for_another_version_of_the_model_is_refused(tmp_path: Path) -> None:
    link = ScriptedLink(run("a", model_version="fake-0"), after={m.Failed: LEAVE})
    Agent(engine(), link, tmp_path).run()
    failed = link.sent[-1]
    assert isinstance(failed, m.Failed) and failed.error.name == "MODEL_LOAD_FAILED"


def test_a_spool_that_can_t_be_written_fails_the_job(tmp_path: Path) -> None:
    link = ScriptedLink(run("a"), after={m.Failed: LEAVE})
    Agent(engine(), link, tmp_path / "missing").run()
    failed = link.sent[-1]
    assert isinstance(failed, m.Failed) and failed.error.name == "CACHE_WRITE_ERROR"


def test_pcm_is_clipped_rounded_and_interleaved() -> None:
    audio = np.array([[0.0, 1.0, -1.0, 2.0], [-2.0, 0.5, 1 / 32767, 0.4 / 32767]], np.float32)
    assert spool.to_pcm16(audio).tolist() == [[0, -32767], [32767, 16384], [-32767, 1], [32767, 0]]


def attempt(folder: Path) -> Attempt:
    recording = Recording(folder, "a.1", AudioFormat.WAV, expected=160_000, sample_rate=32_000, channels=1)
    return Attempt("a", 1, SPEC, recording, Meter(32_000, 1), None, _reported_at=0.0)


def test_progress_is_due_at_each_five_percent_and_every_two_seconds(tmp_path: Path) -> None:
    quick = attempt(tmp_path)
    due = [done for done in range(100) if quick.report_due(done, 100, 0.1)]
    assert due == list(range(5, 100, 5))
    slow = attempt(tmp_path)
    assert not slow.report_due(1, 1000, 1.9)
    assert slow.report_due(2, 1000, 2.0)
    assert not slow.report_due(3, 1000, 3.9)
    assert slow.report_due(4, 1000, 4.0)
    assert not slow.report_due(5, 0, 4.1)


def test_progress_is_due_at_the_first_audio(tmp_path: Path) -> None:
    sounding = attempt(tmp_path)
    assert not sounding.report_due(1, 1000, 0.1)
    sounding.add(np.zeros((1, 10), np.float32))
    assert sounding.report_due(2, 1000, 0.2)
    sounding.add(np.zeros((1, 10), np.float32))
    assert not sounding.report_due(3, 1000, 0.3)
    sounding.recording.discard()
    assert list(tmp_path.iterdir()) == []


class EndlessEngine(FakeEngine):
    """Gives a second of noise with each step, until the track is whole."""

    tells_bars = False

    def step(self) -> list[StepResult]:
        (job,) = self._jobs.values()
        job.step += 1
        noise = np.random.default_rng(job.step).standard_normal((1, self.sample_rate), np.float32) / 10
        codes = np.full((50, 4), job.step)
        finished = job.step == job.spec.duration_sec
        if finished:
            self.stop(0)
        return [StepResult(0, job.step, job.spec.duration_sec, noise, finished=finished, codes=codes)]


@pytest.mark.parametrize(("tells", "changes"), [(False, {}), (True, {}), (False, {"loop": True})])
def test_bars_are_listened_for_while_the_audio_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tells: bool, changes: dict[str, object]
) -> None:
    """At the end all of it at once would hold the neighbours up. Not where the engine tells the bars, or has
    listened itself."""
    heard: list[int] = []

    class Finder:
        def __init__(self, rate: int, expected: int) -> None:
            assert (rate, expected) == (32_000, 7 * 32_000)

        def add(self, pcm: NDArray[np.int16]) -> None:
            heard.append(len(pcm))

        def bar(self) -> Bar:
            return Bar(2.5, 1.5)

    monkeypatch.setattr(agent, "BarFinder", Finder)
    monkeypatch.setattr(EndlessEngine, "tells_bars", tells)
    link = ScriptedLink(run("a", duration_sec=7, **changes), after={m.Done: LEAVE})
    Agent(EndlessEngine(MODEL, 1), link, tmp_path).run()
    done = link.sent[-1]
    assert isinstance(done, m.Done)
    if tells or changes:
        assert heard == [] and done.bar_sec is None
    else:
        assert heard == [32_000] * 7 and (done.bar_sec, done.bar_offset_sec) == (2.5, 1.5)


def test_a_track_takes_no_more_memory_however_long_it_is(tmp_path: Path) -> None:
    peaks = []
    for seconds in (10, 30, 90):  # the first one loads what is needed
        link = ScriptedLink(run("a", duration_sec=seconds, format=AudioFormat.FLAC), after={m.Done: LEAVE})
        endless = EndlessEngine(MODEL, 1)
        tracemalloc.start()
        Agent(endless, link, tmp_path).run()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        done = link.sent[-1]
        assert isinstance(done, m.Done) and done.samples == seconds * 32_000
        assert done.tokens_bytes is not None and done.tokens_bytes < 2 * done.samples / 100
    assert peaks[2] < peaks[1] + 1_500_000  # a minute is 8 MB as floats, 4 MB as it is written
