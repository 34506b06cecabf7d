"""A whole track on a grid of 16th notes: two loops of four bars, in sections, with an ending where asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.attributes import Attributes
from training.composer.bass import Line, choose_line, play_bass, root_pitch
from training.composer.harmony import (
    BAR,
    REGISTER,
    SECOND_LIFT,
    STRUCK,
    Chord,
    Comping,
    choose_comping,
    play_keys,
    sustain,
    voice_chord,
    voice_loop,
)
from training.composer.melody import Motif, cadence, ladder, play_lead, vary, write_motif
from training.composer.plan import BLOCK_BARS, Plan, section_at
from training.composer.progressions import SCALES, Symbol, loops
from training.composer.rhythm import (
    OPEN_HAT,
    Groove,
    choose_groove,
    other_groove,
    pick_up,
    play_drums,
    thin_out,
)
from training.composer.theory import BASS_LOWEST, LEAD_LOWEST, STYLES

THIN_BARS = 2  # of an opening
OUTRO_BARS = 2  # before the last chord
SHORTEST_WITH_OUTRO = 128
LAST_CHORD_STEPS = 13  # that the last chord has at least: 2 s at the fastest tempo
PAD_STEPS = 10  # after which a pad is let go in the last chord; other sounds die away by themselves
HALF_BAR = BAR // 2
SHORTEST_WITH_ENDING = 48


@dataclass(frozen=True, slots=True)
class Score:
    """Notes of one track as if in C, one row a 16th note.

    drums: [steps, 4] kick (0/1), snare (0 none, 1 ghost, 2 hit), hat (0 none, 1 soft, 2 accented, 3 open) and
    how late snare and hat come (0..2); bass, chords, lead: [steps, 2] of pitch or voicing code (0 = silent; a
    note is held while its code stands) and touch (0 held, 1 struck, 2 struck late). All int64.
    """

    drums: NDArray[np.int64]
    bass: NDArray[np.int64]
    chords: NDArray[np.int64]
    lead: NDArray[np.int64]

    @property
    def steps(self) -> int:
        return len(self.drums)


@dataclass(frozen=True, slots=True)
class Section:
    """What the players do in a section, each time it comes round."""

    chords: list[tuple[Chord, ...]]
    comping: Comping
    line: Line | None
    groove: Groove | None
    call: Motif
    answer: Motif
    lead_plays: bool


def last_chord_at(steps: int) -> int:
    """The step at which the last chord of an ending falls; `steps` where the track is too short for one."""
    return (steps - LAST_CHORD_STEPS) // HALF_BAR * HALF_BAR if steps >= SHORTEST_WITH_ENDING else steps


def outro_from(steps: int) -> int:
    """The bar from which on a track with an ending thins out: no backbeat, no lead. Short ones don't."""
    return last_chord_at(steps) // BAR - OUTRO_BARS if steps >= SHORTEST_WITH_OUTRO else steps


def compose(attributes: Attributes, plan: Plan, steps: int, rng: np.random.Generator) -> Score:
    """Write `steps` steps of a track. Equal generator states give equal scores."""
    scale = loops()[plan.loop_a].scale
    rungs = ladder(attributes, scale) if attributes.lead != "none" else []
    first = _write_section(attributes, plan, plan.loop_a, None, rng)
    sections = {"A": first, "B": _write_section(attributes, plan, plan.loop_b, first, rng)}
    bars = -(-steps // BAR)
    drums = np.zeros((bars * BAR, 4), np.int64)
    bass, chords, lead = (np.zeros((bars * BAR, 2), np.int64) for _ in range(3))
    scale_classes = frozenset(SCALES[scale])
    for bar in range(bars):
        place = bar % BLOCK_BARS
        letter = section_at(plan.form, bar // BLOCK_BARS)
        name = "B" if letter == "B" else "A"
        if place == 0 and bar > 0:
            sections[name] = _evolve(sections[name], attributes, rng)
        section = sections[name]
        here = slice(bar * BAR, (bar + 1) * BAR)
        now, following = section.chords[place], section.chords[(place + 1) % BLOCK_BARS][0]
        thin = letter == "i" and place < THIN_BARS
        outro = attributes.ending and bar >= outro_from(steps)
        resting = letter == "k"
        chords[here] = sustain(attributes, now) if resting else play_keys(now, section.comping, rng)
        if attributes.bass != "none" and not thin and not (resting and place < 2):
            bass[here] = play_bass(now, following, scale_classes, section.line, rng)
        if section.groove is not None and not thin:
            if not resting:
                played = play_drums(section.groove, place, rng)
                drums[here] = thin_out(played) if outro else played
            elif place == BLOCK_BARS - 1:
                drums[here] = pick_up(section.groove)
        if rungs and section.lead_plays and not thin and not outro:
            motif = _motif_at(section, place, attributes, rng)
            if motif is not None:
                lead[here] = play_lead(motif, now, rungs, rng)
    score = Score(drums[:steps], bass[:steps], chords[:steps], lead[:steps])
    if attributes.ending and last_chord_at(steps) < steps:
        _close(score, attributes, scale, rungs)
    return score


def _write_section(
    a: Attributes, plan: Plan, loop: int, before: Section | None, rng: np.random.Generator
) -> Section:
    """A section of its own; the second keeps the first one's drummer and may leave out the lead."""
    groove = None
    if a.drums != "none":
        kept = before.groove if before else None
        groove = choose_groove(a, rng) if kept is None else other_groove(kept, a, rng)
    centre = REGISTER[a.tone] + (SECOND_LIFT if before else 0)
    return Section(
        chords=voice_loop(loops()[loop], plan.style, centre),
        comping=choose_comping(a, rng),
        line=choose_line(a, rng),
        groove=groove,
        call=write_motif(a, rng),
        answer=write_motif(a, rng),
        lead_plays=before is None or bool(rng.random() < 0.7),
    )


def _evolve(section: Section, a: Attributes, rng: np.random.Generator) -> Section:
    """A section as it comes round again: the same chords and tune, now and then another hand at one part."""
    match int(rng.integers(8)):
        case 0:
            return replace(section, line=choose_line(a, rng))
        case 1 if section.groove is not None:
            return replace(section, groove=replace(section.groove, hats=choose_groove(a, rng).hats))
        case 2:
            return replace(section, comping=choose_comping(a, rng))
        case 3:
            return replace(section, answer=vary(section.answer, rng))
    return section


def _motif_at(section: Section, place: int, a: Attributes, rng: np.random.Generator) -> Motif | None:
    """Call, answer, call again with a note changed, close; sparse leads leave the second half out."""
    match place:
        case 0:
            return section.call
        case 1:
            return section.answer if a.density != "sparse" else cadence(section.answer)
        case 2 if a.density != "sparse":
            return vary(section.call, rng) if rng.random() < 0.4 else section.call
        case 3 if a.density == "busy":
            return cadence(section.answer)
    return None


def _close(score: Score, a: Attributes, scale: str, rungs: Sequence[int]) -> None:
    """Overwrites everything from the last half bar on with the tonic chord, which rings."""
    at = last_chord_at(score.steps)
    for voice in (score.drums, score.bass, score.chords, score.lead):
        voice[at:] = 0
    tonic = Symbol(0, "maj" if scale == "major" else "min")
    # With its root, whatever the track's style leaves to the bass.
    style = STYLES.index("seventh" if a.mode == "jazzy" else "open")
    chord = voice_chord(tonic, scale, style, int(score.chords[at - HALF_BAR, 0]) or None, REGISTER[a.tone])
    held = PAD_STEPS if a.pad or a.keys == "pad" else score.steps
    score.chords[at : at + held, 0] = chord.voicing
    score.chords[at, 1] = STRUCK
    if a.bass != "none":
        score.bass[at:, 0] = root_pitch(0) - BASS_LOWEST + 1
        score.bass[at, 1] = STRUCK
    if a.drums != "none":
        score.drums[at] = (1, 0, OPEN_HAT if a.drums != "brushes" else 2, 0)
    score.lead[at - HALF_BAR : at] = 0
    if score.lead[:at].any():
        last = score.lead[:at, 0][score.lead[:at, 0] > 0][-1] + LEAD_LOWEST - 1
        home = min((rung for rung in rungs if rung % 12 == 0), key=lambda rung: abs(rung - last))
        score.lead[at : at + HALF_BAR, 0] = home - LEAD_LOWEST + 1
        score.lead[at, 1] = STRUCK
