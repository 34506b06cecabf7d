"""Whether an ending ends: nothing is struck after the last chord, the tonic, and the sound dies away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from training.composer.progressions import MODE_SCALES, Symbol
from training.composer.theory import BASS_LOWEST, STYLES, chord_classes, voicings
from training.judge.notes import legal_score, onsets
from training.judge.pitch import RATE, Audio
from training.judge.takes import STEP_SAMPLES_AT_1_BPM, Take

LEAST_REST = 10  # steps after the last onset
LEAST_FALL = 10.0  # dB; composed tracks that do not end stay below 8
LAST_SAMPLES, BEFORE_SAMPLES = RATE * 3 // 10, RATE * 4
PLAYING_SECONDS = 2.0  # within which a track that does not end strikes something at last


@dataclass(frozen=True, slots=True)
class Close:
    """rest: steps after the last onset; tonic: whether the last chord is the tonic's; fall: by how many dB
    the very end is softer than the music before the last onset; seconds: from the last onset to the end.
    """

    rest: int
    tonic: bool
    fall: float
    seconds: float

    @property
    def ends(self) -> bool:
        return self.rest >= LEAST_REST and self.tonic and self.fall >= LEAST_FALL

    @property
    def plays_on(self) -> bool:
        return self.seconds <= PLAYING_SECONDS


@cache
def tonic_chords(mode: str) -> frozenset[frozenset[int]]:
    """Pitch classes above C of every tonic chord that a mode's loops may close with."""
    return frozenset(
        frozenset(chord_classes(Symbol(0, family), scale, style))
        for scale in MODE_SCALES[mode]
        for family in (("maj",) if scale == "major" else ("min",))
        for style in STYLES
    )


def _level(audio: Audio) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def close(take: Take) -> Close:
    """How a take ends. Raises ValueError where its header is illegal."""
    if take.header is None:
        raise ValueError("a take without a legal header has no mode to end in")
    score, _ = legal_score(take.codes)
    struck = (score.drums[:, :3] > 0).any(axis=1)
    for voice in (score.bass, score.chords, score.lead):
        struck = struck | onsets(voice)
    last = int(np.flatnonzero(struck)[-1]) if struck.any() else -1
    chords = np.flatnonzero(onsets(score.chords))
    tonic = False
    if len(chords):
        classes = frozenset(p % 12 for p in voicings()[int(score.chords[chords[-1], 0])])
        bass = np.flatnonzero(onsets(score.bass))
        low = BASS_LOWEST + int(score.bass[bass[-1], 0]) - 1 if len(bass) else 0
        tonic = classes in tonic_chords(take.header.mode) and low % 12 == 0
    rest = score.steps - 1 - last
    # The last second alone would not tell: under rain or vinyl a chord may have died away long before.
    at = last * STEP_SAMPLES_AT_1_BPM // take.header.bpm
    before = take.audio[max(0, at - BEFORE_SAMPLES) : at] if at > 0 else take.audio
    fall = _level(before) - _level(take.audio[-LAST_SAMPLES:])
    return Close(rest, tonic, fall, (len(take.audio) - max(at, 0)) / RATE)
