"""What the codes say: grid, scale, repetition, copies. Shares from 0 to 1; nan where nothing applies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.attributes import Attributes
from training.composer.plan import Plan, section_at
from training.composer.progressions import MODE_SCALES, SCALES, loops
from training.composer.song import Score, last_chord_at
from training.composer.theory import BASS_LOWEST, LEAD_LOWEST, voicings
from training.tokens import BLOCK_STEPS, HEADER_FRAMES, STEP_CODES, Codes, decode_plan, decode_score

BAR = 16
HIT = 2  # the level of a snare that is no ghost note
SHORTEST_COPIED_PHRASE = 8  # onsets in four bars; fewer are common property
THIN_SECTIONS = "ik"  # openings and breaks, which leave drums or chords out on purpose


def legal_score(codes: Codes) -> tuple[Score, float]:
    """The steps with illegal codes made silent, and the share of steps that had one."""
    steps = codes[:, HEADER_FRAMES:]
    bad = (steps < 0) | (steps >= np.array(STEP_CODES)[:, None])
    return decode_score(np.where(bad, 0, steps)), float(bad.any(axis=0).mean()) if steps.size else 0.0


def onsets(voice: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where notes of a pitched voice [steps, 2] begin: bool [steps]."""
    value, touch = voice.T
    changed = np.diff(value, prepend=0) != 0
    return np.asarray((value > 0) & ((touch > 0) | changed))


def full_bars(steps: int, header: Attributes, plan: Plan) -> NDArray[np.int64]:
    """First steps of the bars in which the header promises everything: no opening, no break, no ending."""
    end = last_chord_at(steps) if header.ending else steps
    starts = range(0, end - BAR + 1, BAR)
    return np.array(
        [s for s in starts if section_at(plan.form, s // BLOCK_STEPS) not in THIN_SECTIONS], np.int64
    )


def grid(codes: Codes, header: Attributes) -> dict[str, float]:
    """Share of full bars with a snare on 2 and 4 and a kick on 1 (tracks with drums), a chord on the bar."""
    score, _ = legal_score(codes)
    bars = full_bars(score.steps, header, decode_plan(codes))
    if not len(bars):
        return {}
    # Struck, and not silence; a mere change of chord would be found in any order of the steps.
    found = {"chord_on_bar": float((score.chords[bars] > 0).all(axis=1).mean())}
    if header.drums != "none":
        hits = score.drums[:, 1] == HIT
        found["snare_on_2_and_4"] = float((hits[bars + 4].mean() + hits[bars + 12].mean()) / 2)
        found["kick_on_1"] = float(score.drums[bars, 0].mean())
    return found


def voices_as_header(score: Score, header: Attributes) -> bool:
    """Whether the voices that the header names all play, and none that it excludes."""
    played = {
        "drums": bool((score.drums[:, :3] > 0).any()),
        "bass": bool(onsets(score.bass).any()),
        "lead": bool(onsets(score.lead).any()),
    }
    named = all(plays == (getattr(header, voice) != "none") for voice, plays in played.items())
    return named and bool(onsets(score.chords).any())


def scales_of(codes: Codes, header: Attributes) -> tuple[str, ...]:
    """The scale of the plan's first loop; all those of the header's mode where it belongs to another one."""
    scale = loops()[decode_plan(codes).loop_a].scale
    names = MODE_SCALES[header.mode]
    return (scale,) if scale in names else names


def _share_in_scale(pitches: Sequence[int], scales: Sequence[str]) -> float:
    if not pitches:
        return float("nan")
    return max(float(np.mean([p % 12 in SCALES[name] for p in pitches])) for name in scales)


def in_scale(score: Score, scales: Sequence[str]) -> dict[str, float]:
    """Share of the notes that begin, by voice, that lie in the best of these scales (scores stand in C)."""
    chords = [p for code in score.chords[onsets(score.chords), 0] for p in voicings()[code]]
    bass = [BASS_LOWEST + int(code) - 1 for code in score.bass[onsets(score.bass), 0]]
    lead = [LEAD_LOWEST + int(code) - 1 for code in score.lead[onsets(score.lead), 0]]
    return {
        "chords_in_scale": _share_in_scale(chords, scales),
        "bass_in_scale": _share_in_scale(bass, scales),
        "lead_in_scale": _share_in_scale(lead, scales),
    }


def plan_fits(codes: Codes, header: Attributes) -> bool:
    """Whether both loops of the plan belong to the header's mode and share a scale."""
    plan = decode_plan(codes)
    first, second = loops()[plan.loop_a], loops()[plan.loop_b]
    return first.mode == second.mode == header.mode and first.scale == second.scale


def loop_repetition(score: Score) -> float:
    """Share of steps whose voicing is that of four bars before."""
    chords = score.chords[:, 0]
    if len(chords) <= BLOCK_STEPS + BAR:
        return float("nan")
    return float((chords[BLOCK_STEPS:] == chords[:-BLOCK_STEPS]).mean())


def bars(codes: Codes) -> list[bytes]:
    """Each whole bar as bytes."""
    steps = codes[:, HEADER_FRAMES:]
    return [steps[:, i : i + BAR].tobytes() for i in range(0, steps.shape[1] - BAR + 1, BAR)]


def bars_shared(a: Codes, b: Codes) -> float:
    """Share of the bars of `a` that `b` has too."""
    known = set(bars(b))
    return float(np.mean([bar in known for bar in bars(a)]))


def lead_phrases(codes: Codes) -> list[bytes]:
    """Leads of each four bars, pitches and beginnings, with enough onsets to be somebody's tune."""
    steps = codes[3, HEADER_FRAMES:]
    lead = np.stack([steps // 3, steps % 3], axis=1)
    begin = onsets(lead)
    tune = (lead[:, 0] * 2 + begin).astype(np.int16)
    starts = range(0, len(lead) - BLOCK_STEPS + 1, BLOCK_STEPS)
    return [
        tune[i : i + BLOCK_STEPS].tobytes()
        for i in starts
        if int(begin[i : i + BLOCK_STEPS].sum()) >= SHORTEST_COPIED_PHRASE
    ]


def copied(takes: Iterable[Codes], known: set[bytes]) -> tuple[int, int]:
    """(phrases that a training track has note for note, phrases)."""
    phrases = [phrase for codes in takes for phrase in lead_phrases(codes)]
    return sum(phrase in known for phrase in phrases), len(phrases)


def density(score: Score) -> float:
    """Onsets a bar: the geometric mean over the voices that play, so that their number counts little."""
    pitched = [onsets(voice) for voice in (score.bass, score.chords, score.lead)]
    counts = np.array([voice.sum() for voice in (*pitched, *(score.drums[:, :3] > 0).T)])
    if not counts.any():
        return 0.0
    return float(np.exp(np.log(counts[counts > 0] * BAR / score.steps).mean()))
