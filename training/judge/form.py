"""Whether a track goes somewhere: how far its blocks of four bars lie apart, in the notes and as heard.

A loop repeated for ever gives 0 in the notes and nearly 0 in the audio, whatever the loop is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from training.composer.song import Score
from training.composer.theory import voicings
from training.judge.features import log_mel
from training.judge.notes import BAR, legal_score, onsets
from training.judge.pitch import RATE, Audio, Signal, chroma
from training.judge.takes import STEP_SAMPLES_AT_1_BPM
from training.tokens import BLOCK_STEPS, Codes

# Of 40 composed tracks of two minutes for each form, those that never leave their A stay below both (0.00 and
# 0.21 at most), and 97 in 100 of the others lie above one of them.
OTHER_CHORDS = 0.2
OTHER_VOICES = 0.25


@dataclass(frozen=True, slots=True)
class Contrast:
    """The two blocks that differ most, by each measure.

    harmony: share of the chords' pitch classes, bar by bar, that only one of them has; texture: mean over
    kick, snare, hat, bass, chords and lead of how much the number of onsets differs, 0 to 1; chords_heard:
    1 - cosine of pitch classes beat by beat; sound_heard: RMS difference of mean log-mel spectra in dB.
    """

    harmony: float
    texture: float
    chords_heard: float
    sound_heard: float

    @property
    def differs(self) -> bool:
        """Whether the notes have at least two sections."""
        return self.harmony >= OTHER_CHORDS or self.texture >= OTHER_VOICES


def _largest(blocks: Sequence[NDArray[np.float64]], distance: Callable[[Signal, Signal], float]) -> float:
    return max((distance(a, b) for a, b in combinations(blocks, 2)), default=0.0)


def _chord_classes(score: Score) -> NDArray[np.float64]:
    """[steps, 12] of 0 and 1."""
    table = np.zeros((len(voicings()), 12))
    for i, voicing in enumerate(voicings()):
        table[i, [p % 12 for p in voicing]] = 1
    return np.asarray(table[score.chords[:, 0]])


def _activity(score: Score) -> NDArray[np.float64]:
    """[steps, 6] onsets of kick, snare, hat, bass, chords and lead."""
    pitched = [onsets(voice) for voice in (score.bass, score.chords, score.lead)]
    return np.stack([*(score.drums[:, :3] > 0).T, *pitched], axis=1).astype(np.float64)


def _other_chords(a: Signal, b: Signal) -> float:
    """By whole bars, since a broken chord is written out of other notes each time."""
    first, second = (block.reshape(-1, BAR, 12).max(axis=1) for block in (a, b))
    shared = np.minimum(first, second).sum(axis=1)
    return float(np.mean(1 - shared / np.maximum(np.maximum(first, second).sum(axis=1), 1)))


def _other_activity(a: Signal, b: Signal) -> float:
    first, second = a.sum(axis=0), b.sum(axis=0)
    return float(np.mean(np.abs(first - second) / np.maximum(np.maximum(first, second), 4)))


def _unlike(a: Signal, b: Signal) -> float:
    return float(1 - (a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))


def _decibels(a: Signal, b: Signal) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2)) * 20 / np.log(10))


def contrast(codes: Codes, audio: Audio, bpm: int) -> Contrast:
    """Differences between the whole blocks of a track whose audio begins with its first step."""
    score, _ = legal_score(codes)
    starts = range(0, score.steps - BLOCK_STEPS + 1, BLOCK_STEPS)
    classes, activity = _chord_classes(score), _activity(score)
    pitches, _ = chroma(audio)
    bands = log_mel(audio, 2_048, RATE // 50, 40)
    heard: list[Signal] = []
    sounds: list[Signal] = []
    for start in starts:
        begin, end = (s * STEP_SAMPLES_AT_1_BPM // bpm for s in (start, start + BLOCK_STEPS))
        edges = np.linspace(begin, end, BLOCK_STEPS // BAR * 4 + 1) * 10 / RATE
        beats = [pitches[:, round(a) : max(round(a) + 1, round(b))] for a, b in pairwise(edges)]
        if beats[-1].shape[1] == 0:
            break
        heard.append(np.stack([beat.mean(axis=1) for beat in beats]))
        sounds.append(bands[begin * 50 // RATE : end * 50 // RATE].mean(axis=0))
    return Contrast(
        harmony=_largest([classes[s : s + BLOCK_STEPS] for s in starts], _other_chords),
        texture=_largest([activity[s : s + BLOCK_STEPS] for s in starts], _other_activity),
        chords_heard=_largest(heard, _unlike),
        sound_heard=_largest(sounds, _decibels),
    )
