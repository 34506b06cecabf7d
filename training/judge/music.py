"""Figures of a set of takes as music; the same for the model and for its controls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from training.composer.progressions import SCALES
from training.judge import notes
from training.judge.clicks import clips
from training.judge.crew import Crew
from training.judge.features import faults_heard, measure
from training.judge.pitch import RATE, Audio, chroma, scale_share
from training.judge.statistics import Figure, tally
from training.judge.takes import Take
from training.obedience import TEMPO_TOLERANCE

OCTAVES = (0.5, 1.0, 2.0)
START_BPM = 78  # librosa's prior is 120; this is the middle of what can be asked for
LEVELS = (-20.0, -17.0)  # dBFS


def in_header_key(take: Take) -> float:
    """Share of the audible energy in the scale of the header and its plan."""
    if take.header is None:
        return float("nan")
    table, energy = chroma(take.audio)
    key, names = take.header.key, notes.scales_of(take.codes, take.header)
    return max(scale_share(table, energy, frozenset((key + i) % 12 for i in SCALES[name])) for name in names)


def near(found: float, bpm: float) -> bool:
    """Whether a measured tempo is the one that was asked for."""
    return abs(found / bpm - 1) < TEMPO_TOLERANCE


def librosa_hears(audio: Audio, bpm: float) -> bool:
    """Whether librosa finds a tempo, its half or its double."""
    import librosa

    found = float(np.atleast_1d(librosa.feature.tempo(y=audio, sr=RATE, start_bpm=START_BPM))[0])
    return any(near(found, bpm * octave) for octave in OCTAVES)


def examine(take: Take, tracker: bool) -> dict[str, bool | float]:
    """All figures of one take; `tracker` asks librosa too, which is slow."""
    header = take.header
    if header is None:
        return {"header_legal": False}
    found: dict[str, bool | float] = {
        "header_legal": True,
        "plan_fits_mode": notes.plan_fits(take.codes, header),
    }
    heard = measure(take.audio, header.bpm)
    if header.drums != "none":
        found["tempo_as_header"] = near(heard.bpm, header.bpm)
        found["beat_clarity"] = heard.beat
        if tracker:
            found["tempo_as_header_librosa"] = librosa_hears(take.audio, header.bpm)
    score, illegal = notes.legal_score(take.codes)
    found |= notes.grid(take.codes, header) | notes.in_scale(score, notes.scales_of(take.codes, header))
    return found | {
        "illegal_steps": illegal,
        "voices_as_header": notes.voices_as_header(score, header),
        "in_key_audio": in_header_key(take),
        "loop_repetition_notes": notes.loop_repetition(score),
        "loop_repetition_audio": heard.loop,
        "one_bar_likeness": heard.bar,
        "silence": heard.silence,
        "level_dbfs": heard.level,
        "level_in_range": LEVELS[0] <= heard.level <= LEVELS[1],
        "peak": heard.peak,
        "clipped": clips(take.audio),
        "no_fault": not faults_heard(heard, take.audio, header.bpm if header.drums != "none" else None),
    }


def judge_music(crew: Crew, takes: Sequence[Take], tracker: bool) -> dict[str, Figure]:
    """The figures of `examine` over all takes."""
    return tally(crew.map(partial(examine, tracker=tracker), takes))
