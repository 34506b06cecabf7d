"""What the codes say: grid, scale, repetition, copies. Shares from 0 to 1; nan where nothing applies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from training.attributes import Attributes
from training.composer.song import Score
from training.composer.theory import BASS_LOWEST, LEAD_LOWEST, MODE_SCALES, SCALES, voicings
from training.tokens import HEADER_FRAMES, LOOP_STEPS, STEP_CODES, Codes, decode_score

BAR = 16
SHORTEST_COPIED_PHRASE = 8  # onsets in four bars; fewer are common property


def legal_score(codes: Codes) -> tuple[Score, float]:
    """The steps with illegal codes made silent, and the share of steps that had one."""
    steps = codes[:, HEADER_FRAMES:]
    bad = (steps < 0) | (steps >= np.array(STEP_CODES)[:, None])
    return decode_score(np.where(bad, 0, steps)), float(bad.any(axis=0).mean()) if steps.size else 0.0


def _at(values: np.ndarray, places: Sequence[int]) -> float:
    """Share of hits at these steps of each whole bar."""
    bars = values[: len(values) // BAR * BAR].reshape(-1, BAR)
    return float(bars[:, list(places)].mean()) if bars.size else float("nan")


def grid(score: Score, header: Attributes) -> dict[str, float]:
    """Snare on 2 and 4, kick on 1 (where there are drums), chord on the bar; intros of two bars left out."""
    body = slice(2 * BAR, None)
    drums = score.drums[body]
    found = {"chord_on_bar": _at(score.chords[body, 1], (0,))}
    if header.drums != "none":
        found |= {"snare_on_2_and_4": _at(drums[:, 1], (4, 12)), "kick_on_1": _at(drums[:, 0], (0,))}
    return found


def _share_in_scale(pitches: Sequence[int], header: Attributes) -> float:
    if not pitches:
        return float("nan")
    scales = [{(header.key + i) % 12 for i in SCALES[name]} for name in MODE_SCALES[header.mode]]
    return max(float(np.mean([p % 12 in scale for p in pitches])) for scale in scales)


def in_scale(score: Score, header: Attributes) -> dict[str, float]:
    """Share of the notes that begin, by voice, that lie in the header's scale."""
    chords = [p for code, onset in score.chords if onset for p in voicings()[code]]
    bass = [BASS_LOWEST + code - 1 for code, onset in score.bass if onset and code]
    lead = [LEAD_LOWEST + code - 1 for code, onset in score.lead if onset and code]
    return {
        "chords_in_scale": _share_in_scale(chords, header),
        "bass_in_scale": _share_in_scale(bass, header),
        "lead_in_scale": _share_in_scale(lead, header),
    }


def loop_repetition(score: Score) -> float:
    """Share of steps whose voicing is that of four bars before."""
    chords = score.chords[:, 0]
    if len(chords) <= LOOP_STEPS + BAR:
        return float("nan")
    return float((chords[LOOP_STEPS:] == chords[:-LOOP_STEPS]).mean())


def bars(codes: Codes) -> list[bytes]:
    """Each whole bar as bytes."""
    steps = codes[:, HEADER_FRAMES:]
    return [steps[:, i : i + BAR].tobytes() for i in range(0, steps.shape[1] - BAR + 1, BAR)]


def bars_shared(a: Codes, b: Codes) -> float:
    """Share of the bars of `a` that `b` has too."""
    known = set(bars(b))
    return float(np.mean([bar in known for bar in bars(a)]))


def lead_phrases(codes: Codes) -> list[bytes]:
    """Leads of each four bars, from the loop's borders on, with enough onsets to be somebody's tune."""
    lead = codes[3, HEADER_FRAMES:]
    blocks = [lead[i : i + LOOP_STEPS] for i in range(0, len(lead) - LOOP_STEPS + 1, LOOP_STEPS)]
    return [b.astype(np.int16).tobytes() for b in blocks if int((b % 2).sum()) >= SHORTEST_COPIED_PHRASE]


def copied(takes: Iterable[Codes], known: set[bytes]) -> tuple[int, int]:
    """(phrases that a training track has note for note, phrases)."""
    phrases = [phrase for codes in takes for phrase in lead_phrases(codes)]
    return sum(phrase in known for phrase in phrases), len(phrases)


def density(score: Score) -> float:
    """Onsets a bar, all voices."""
    onsets = (
        (score.drums > 0).sum() + score.bass[:, 1].sum() + score.chords[:, 1].sum() + score.lead[:, 1].sum()
    )
    return float(onsets / max(1, score.steps / BAR))
