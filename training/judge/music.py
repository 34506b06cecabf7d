"""Figures of a set of takes as music; the same for the model and for its controls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from training.composer.theory import MODE_SCALES, SCALES
from training.judge import notes, statistics
from training.judge.features import chroma, faults, measure, scale_share
from training.judge.statistics import Figure
from training.judge.takes import RATE, Take
from training.obedience import TEMPO_TOLERANCE

OCTAVES = (0.5, 1.0, 2.0)


def in_header_key(take: Take) -> float:
    """Share of the audible energy in the header's scale."""
    if take.header is None:
        return float("nan")
    table, energy = chroma(take.audio)
    key, names = take.header.key, MODE_SCALES[take.header.mode]
    return max(scale_share(table, energy, frozenset((key + i) % 12 for i in SCALES[name])) for name in names)


def librosa_tempo_right(take: Take) -> bool:
    """Whether librosa finds the header's tempo, its half or its double (librosa prefers 120)."""
    import librosa

    if take.header is None:
        return False
    found = float(np.atleast_1d(librosa.feature.tempo(y=take.audio, sr=RATE))[0])
    return any(abs(found / (take.header.bpm * octave) - 1) < TEMPO_TOLERANCE for octave in OCTAVES)


def judge_music(takes: Sequence[Take], tracker: bool = False) -> dict[str, Figure]:
    """All figures; `tracker` asks librosa too, which is slow."""
    shares: dict[str, list[bool]] = defaultdict(list)
    means: dict[str, list[float]] = defaultdict(list)
    for take in takes:
        shares["header_legal"].append(take.header is not None)
        if take.header is None:
            continue
        f = measure(take.audio, take.header.bpm)
        if take.header.drums != "none":
            own = measure(take.audio).bpm
            shares["tempo_as_header"].append(abs(own / take.header.bpm - 1) < TEMPO_TOLERANCE)
            means["beat_clarity"].append(f.beat)
            if tracker:
                shares["tempo_as_header_librosa"].append(librosa_tempo_right(take))
        score, illegal = notes.legal_score(take.codes)
        means["illegal_steps"].append(illegal)
        for name, value in (notes.grid(score, take.header) | notes.in_scale(score, take.header)).items():
            means[name].append(value)
        means["in_key_audio"].append(in_header_key(take))
        means["loop_repetition_notes"].append(notes.loop_repetition(score))
        means["loop_repetition_audio"].append(f.loop)
        means["one_bar_likeness"].append(f.bar)
        means["silence"].append(f.silence)
        means["level_dbfs"].append(f.level)
        means["peak"].append(f.peak)
        shares["level_in_range"].append(-23 <= f.level <= -16)
        shares["no_fault"].append(
            not faults(take.audio, take.header.bpm if take.header.drums != "none" else None)
        )
    return {k: statistics.share(v) for k, v in shares.items()} | {
        k: statistics.mean(v) for k, v in means.items()
    }
