"""Steps that are cut short, of one job and of several beside each other, change no sample."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from lofi_worker.engine import Engine, Interrupted, StepResult
from tests.parity.engine_runs import PROMPTS, audio_of, load, run, spec


@contextmanager
def disturbed(engine: Engine) -> Iterator[None]:
    """Interrupts come all the time."""
    ended = threading.Event()

    def disturb() -> None:
        while not ended.wait(0.0007):
            engine.interrupt()

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        yield
    finally:
        ended.set()
        disturber.join()


def test_interrupted_steps_change_no_sample(tiny: Path) -> None:
    undisturbed = audio_of(run(load(tiny), spec(seed=4)))
    engine = load(tiny)
    engine.start(0, spec(seed=4))
    results: list[StepResult] = []
    interrupted = 0
    with disturbed(engine):
        while not results or not results[-1].finished:
            try:
                results += engine.step()
            except Interrupted:
                interrupted += 1
    assert interrupted > 10
    assert np.array_equal(audio_of(results), undisturbed)


def test_interrupted_steps_hurt_no_neighbour(tiny: Path) -> None:
    """Cancels are what interrupts are for: neighbours leave, and others take their places."""
    job, rng = spec(seed=4, duration_sec=2), random.Random(1)
    alone = audio_of(run(load(tiny), job))
    engine = load(tiny, slots=3)
    engine.start(1, job)
    engine.start(0, spec(PROMPTS[1], 3, seed=9))
    results: list[StepResult] = []
    busy, interrupted, changes = {0, 1}, 0, 0
    with disturbed(engine):
        while 1 in busy:
            try:
                step = engine.step()
            except Interrupted:
                interrupted += 1
                slot = rng.choice([0, 2])
                if slot in busy:
                    engine.stop(slot)
                else:
                    engine.start(slot, spec("rain " * rng.randint(1, 40), 3, seed=interrupted))
                busy ^= {slot}
                changes += 1
                continue
            results += [result for result in step if result.slot == 1]
            busy -= {result.slot for result in step if result.finished}
    assert interrupted > 10 and changes > 10
    assert np.array_equal(audio_of(results), alone)
