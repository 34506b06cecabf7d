"""A whole track on a grid of 16th notes: a loop of four bars whose parts change at its borders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.attributes import Attributes, pick
from training.composer.harmony import (
    BASS_LINES,
    choose_comping,
    choose_scale,
    play_bass,
    play_keys,
    write_loop,
)  # fmt: skip
from training.composer.melody import ladder, play_lead, vary, write_motif
from training.composer.rhythm import choose_groove, play_drums
from training.composer.theory import SCALES

BAR = 16
LOOP_BARS = 4


@dataclass(frozen=True, slots=True)
class Score:
    """Notes of one track, one row a 16th note.

    drums: [steps, 3] kick, snare (0/1), hat (0..3); bass, chords, lead: [steps, 2] of pitch or voicing code
    (0 = silent; a note is held while its code stands) and onset (0/1). All int64.
    """

    drums: NDArray[np.int64]
    bass: NDArray[np.int64]
    chords: NDArray[np.int64]
    lead: NDArray[np.int64]

    @property
    def steps(self) -> int:
        return len(self.drums)


def compose(attributes: Attributes, bars: int, rng: np.random.Generator) -> Score:
    """Write `bars` bars of a track with these attributes. Equal generator states give equal scores."""
    scale = choose_scale(attributes, rng)
    scale_classes = frozenset((attributes.key + i) % 12 for i in SCALES[scale])
    loop = write_loop(attributes, scale, rng)
    comping = choose_comping(attributes, rng)
    line = pick(rng, BASS_LINES[attributes.density])
    high_bass = bool(rng.random() < 0.4)
    groove = choose_groove(attributes, rng)
    rungs = ladder(attributes, scale) if attributes.lead != "none" else []
    call, answer = write_motif(attributes, rng), write_motif(attributes, rng)
    intro_bars = pick(rng, (0, 0, 0, 0, 2))
    lead_rests = bool(rng.random() < 0.2)

    drums = np.zeros((bars * BAR, 3), np.int64)
    bass, chords, lead = (np.zeros((bars * BAR, 2), np.int64) for _ in range(3))
    for bar in range(bars):
        place = bar % LOOP_BARS
        if place == 0 and bar > 0:
            # What changes at a border of four bars; the loop's chords stay, which makes it a track.
            if rng.random() < 0.3:
                groove = replace(groove, hats=choose_groove(attributes, rng).hats)
            if rng.random() < 0.25:
                groove = replace(groove, kicks=choose_groove(attributes, rng).kicks)
            if rng.random() < 0.25:
                comping = choose_comping(attributes, rng)
            if rng.random() < 0.25:
                line = pick(rng, BASS_LINES[attributes.density])
            if rng.random() < 0.35:
                call, answer = (
                    (vary(call, rng), answer) if rng.random() < 0.6 else (call, write_motif(attributes, rng))
                )
            lead_rests = bool(rng.random() < (0.15 if not lead_rests else 0.3))
        chord, following = loop[place], loop[(place + 1) % LOOP_BARS]
        here = slice(bar * BAR, (bar + 1) * BAR)
        chords[here] = play_keys(chord, comping, rng)
        if bar < intro_bars:
            continue
        bass[here] = play_bass(chord, following, scale_classes, line, high_bass)
        if attributes.drums != "none":
            drums[here] = play_drums(groove, place == LOOP_BARS - 1, rng)
        resting_bar = place == LOOP_BARS - 1 and attributes.density != "busy"
        if rungs and not resting_bar and not (lead_rests and attributes.density != "busy"):
            lead[here] = play_lead(call if place % 2 == 0 else answer, chord.voicing, rungs)
    return Score(drums, bass, chords, lead)
