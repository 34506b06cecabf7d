"""Scores and headers as frames of four codebooks.

frame        0            1       2             3       4 5 6   7 ...
codebook 0   tempo        keys    air           form    ·       kick, snare, hat, late
codebook 1   key, mode    bass    vinyl         loop A  ·       bass pitch, touch
codebook 2   drums        lead    tape          loop B  ·       voicing, touch
codebook 3   feel         tone    pad, ending   style   ·       lead pitch, touch

feel = density and swing, air = rain, café and night, touch = held, struck or struck late. Pitches are
written as if the tonic were C; the codec moves them into the header's key. The constant flush frames (·) let
the delayed header become whole before the first step. Each codebook's ranges of codes are disjoint: steps,
header frames 0 to 3, flush.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.attributes import (
    BASSES,
    BPM_MAX,
    BPM_MIN,
    DENSITIES,
    DRUMS,
    KEYS,
    LEADS,
    MODES,
    SWINGS,
    TONES,
    Attributes,
)  # fmt: skip
from training.composer.plan import FORMS, Plan
from training.composer.progressions import loops
from training.composer.song import Score
from training.composer.theory import BASS_COUNT, LEAD_COUNT, STYLES, VOICING_COUNT

CODEBOOKS = 4
DELAYS = (0, 1, 2, 3)
SAYING_FRAMES = 4  # frames of the header that say something; the rest are flush frames
HEADER_FRAMES = SAYING_FRAMES + max(DELAYS)
BLOCK_STEPS = 64
STEP_CODES = (2 * 3 * 4 * 3, BASS_COUNT * 3, VOICING_COUNT * 3, LEAD_COUNT * 3)
AIRS = ("rain", "cafe", "night")
HEADER_CODES = (
    (BPM_MAX - BPM_MIN + 1, 12 * len(MODES), len(DRUMS), len(DENSITIES) * len(SWINGS)),
    (len(KEYS), len(BASSES), len(LEADS), len(TONES)),
    (2 ** len(AIRS), 2, 2, 4),
    (len(FORMS), len(loops()), len(loops()), len(STYLES)),
)
# Where each codebook's codes of a header frame begin: HEADER_STARTS[frame][codebook].
HEADER_STARTS = tuple(
    tuple(STEP_CODES[q] + sum(HEADER_CODES[f][q] for f in range(frame)) for q in range(CODEBOOKS))
    for frame in range(SAYING_FRAMES)
)
FLUSH = tuple(STEP_CODES[q] + sum(codes[q] for codes in HEADER_CODES) for q in range(CODEBOOKS))
CODEBOOK_SIZE = (max(FLUSH) + 1 + 31) // 32 * 32

Codes = NDArray[np.int64]


class TokenError(ValueError):
    """Codes that no header or step has."""


def encode_header(a: Attributes, plan: Plan) -> Codes:
    """Attributes and plan to int64 [4, HEADER_FRAMES]."""
    air = sum(getattr(a, name) << bit for bit, name in enumerate(AIRS))
    said = (
        (
            a.bpm - BPM_MIN,
            a.key * len(MODES) + MODES.index(a.mode),
            DRUMS.index(a.drums),
            DENSITIES.index(a.density) * len(SWINGS) + SWINGS.index(a.swing),
        ),
        (
            KEYS.index(a.keys),
            BASSES.index(a.bass),
            LEADS.index(a.lead),
            TONES.index(a.tone),
        ),
        (air, int(a.vinyl), int(a.tape), a.pad * 2 + a.ending),
        (plan.form, plan.loop_a, plan.loop_b, plan.style),
    )
    codes = np.repeat(np.array(FLUSH, np.int64)[:, None], HEADER_FRAMES, axis=1)
    codes[:, :SAYING_FRAMES] = (np.array(HEADER_STARTS) + np.array(said)).T
    return codes


def _said(codes: Codes) -> list[list[int]]:
    """What each header frame and codebook says, counted from the start of its range."""
    said = [[int(codes[q, f]) - HEADER_STARTS[f][q] for q in range(CODEBOOKS)] for f in range(SAYING_FRAMES)]
    for f in range(SAYING_FRAMES):
        for q in range(CODEBOOKS):
            if not 0 <= said[f][q] < HEADER_CODES[f][q]:
                raise TokenError(f"codebook {q} has no header in frame {f}: {int(codes[q, f])}")
    return said


def decode_header(codes: Codes) -> Attributes:
    """int64 [4, >= SAYING_FRAMES] to attributes. Raises TokenError where a code is outside its range."""
    first, second, third, _ = _said(codes)
    return Attributes(
        bpm=BPM_MIN + first[0],
        key=first[1] // len(MODES),
        mode=MODES[first[1] % len(MODES)],
        drums=DRUMS[first[2]],
        density=DENSITIES[first[3] // len(SWINGS)],
        swing=SWINGS[first[3] % len(SWINGS)],
        keys=KEYS[second[0]],
        bass=BASSES[second[1]],
        lead=LEADS[second[2]],
        tone=TONES[second[3]],
        rain=bool(third[0] & 1),
        cafe=bool(third[0] & 2),
        night=bool(third[0] & 4),
        vinyl=third[1] == 1,
        tape=third[2] == 1,
        pad=third[3] // 2 == 1,
        ending=third[3] % 2 == 1,
    )


def decode_plan(codes: Codes) -> Plan:
    """int64 [4, >= SAYING_FRAMES] to the plan. Raises TokenError where a code is outside its range."""
    form, loop_a, loop_b, style = _said(codes)[3]
    return Plan(form=form, loop_a=loop_a, loop_b=loop_b, style=style)


def encode_score(score: Score) -> Codes:
    """Score to int64 [4, steps]."""
    kick, snare, hat, late = score.drums.T
    pitched = [voice[:, 0] * 3 + voice[:, 1] for voice in (score.bass, score.chords, score.lead)]
    return np.stack([((kick * 3 + snare) * 4 + hat) * 3 + late, *pitched])


def decode_score(codes: Codes) -> Score:
    """int64 [4, steps] to a score. Raises TokenError where a code is no step."""
    for q in range(CODEBOOKS):
        if codes[q].size and not (int(codes[q].min()) >= 0 and int(codes[q].max()) < STEP_CODES[q]):
            raise TokenError(f"codebook {q} has codes that are no steps")
    drums = np.stack([codes[0] // 36, codes[0] // 12 % 3, codes[0] // 3 % 4, codes[0] % 3], axis=1)
    bass, chords, lead = (np.stack([codes[q] // 3, codes[q] % 3], axis=1) for q in (1, 2, 3))
    return Score(drums, bass, chords, lead)


def encode_track(attributes: Attributes, plan: Plan, score: Score) -> Codes:
    """Header and steps, int64 [4, HEADER_FRAMES + steps]."""
    return np.concatenate([encode_header(attributes, plan), encode_score(score)], axis=1)


def legal_codes(position: int) -> NDArray[np.bool_]:
    """bool [4, CODEBOOK_SIZE]: what the decoder may emit at a position (0 = start column), delays included.

    Where a codebook is not yet in its frames nothing is forbidden: the sampler discards those codes.
    """
    allowed = np.zeros((CODEBOOKS, CODEBOOK_SIZE), np.bool_)
    for q in range(CODEBOOKS):
        frame = position - DELAYS[q]
        if frame < 0:
            allowed[q] = True
        elif frame < SAYING_FRAMES:
            start = HEADER_STARTS[frame][q]
            allowed[q, start : start + HEADER_CODES[frame][q]] = True
        elif frame < HEADER_FRAMES:
            allowed[q, FLUSH[q]] = True
        else:
            allowed[q, : STEP_CODES[q]] = True
    return allowed
