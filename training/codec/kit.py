"""Kick, snare and hat of each kit: what a drum code means as events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attributes import DRUMS
from training.codec.steps import Accents, Steps
from training.codec.voices import Events
from training.synth.bank import Bank
from training.synth.tones import RATE

HATS = 4
LATE_SECONDS = (0.0, 0.011, 0.022)  # of snare and hat
SILENT = ("", 0.0)
Drum = tuple[str, float]  # sound and gain
KITS: dict[str, tuple[tuple[Drum, ...], ...]] = {  # kick, snare and hat by their codes
    "boombap": (
        (SILENT, ("dusty_kick", 0.54)),
        (SILENT, ("dusty_ghost", 0.14), ("dusty_snare", 0.47)),
        (SILENT, ("dusty_hat", 0.1), ("dusty_hat", 0.165), ("dusty_open", 0.13)),
    ),
    "brushes": (
        (SILENT, ("feather_kick", 0.36)),
        (SILENT, ("brush_tap", 0.1), ("brush_slap", 0.3)),
        (SILENT, ("brush_short", 0.06), ("brush_short", 0.1), ("brush_long", 0.09)),
    ),
    "808": (
        (SILENT, ("long_kick", 0.4)),
        (SILENT, ("rim", 0.14), ("clap", 0.42)),
        (SILENT, ("tight_hat", 0.09), ("tight_hat", 0.15), ("electric_open", 0.09)),
    ),
}
RELEASE_SECONDS = {"boombap": 0.03, "brushes": 0.08, "808": 0.03}  # of what the next stroke cuts off
VELOCITIES: tuple[Accents, ...] = ((1.0, 0.95, 0.85), (1.0, 0.95, 0.85), (1.0, 0.92, 0.78))


def kit_events(steps: Steps, bank: Bank) -> tuple[Events, Events, Events]:
    """Kick, snare and hat, at the output's rate. Silent where the header says so."""
    ops, which, code = steps.ops, steps.header.drums, steps.codes[0]
    playing = steps.unless(which, DRUMS.index("none"))
    kit = ops.at_most(which, ops.i(len(KITS) - 1))
    rest, late = ops.div(code, ops.i(3)), ops.mod(code, ops.i(3))
    rest, hat = ops.div(rest, ops.i(HATS)), ops.mod(rest, ops.i(HATS))
    kick, snare = ops.div(rest, ops.i(3)), ops.mod(rest, ops.i(3))
    behind = steps.late(late, [round(seconds * RATE) for seconds in LATE_SECONDS])
    release = [1 / (RELEASE_SECONDS[name] * RATE) for name in KITS]
    events = []
    for voice, (stroke, when) in enumerate(((kick, steps.on_time), (snare, behind), (hat, behind))):
        sounds, gains, rates = _tables(bank, voice)

        def choose(values: NDArray[Any], stroke: str = stroke) -> str:
            return ops.gather(ops.gather(ops.table(values), kit), stroke)

        events.append(
            Events(
                playing=playing,
                onset=ops.less(ops.i(0), stroke),
                silent=steps.never,
                late=when,
                sound=choose(sounds),
                notes=1,
                spread=None,
                gain=ops.mul(choose(gains), steps.velocity(4 + voice, VELOCITIES[voice])),
                rate=choose(rates),
                release=steps.choose(release, kit),
            )
        )
    return events[0], events[1], events[2]


def _tables(bank: Bank, voice: int) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Sound [kits, HATS, 1], gain and rate [kits, HATS] of kick, snare or hat by its code."""
    sounds = np.zeros((len(KITS), HATS, 1), np.int64)
    gains, rates = (np.zeros((len(KITS), HATS), np.float32) for _ in range(2))
    for k, drums in enumerate(KITS.values()):
        for stroke, (name, gain) in enumerate(drums[voice]):
            if name:
                family = bank.families[name]
                sounds[k, stroke] = bank.index[name, 0]
                gains[k, stroke], rates[k, stroke] = gain * family.gain, family.rate
    return sounds, gains, rates
