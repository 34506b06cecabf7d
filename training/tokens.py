"""Scores and headers as frames of four codebooks.

frame        0        1        2 3 4   5 ...
codebook 0   tempo    keys     ·       kick, snare, hat
codebook 1   key,mode bass     ·       bass pitch, onset
codebook 2   drums    lead     ·       voicing, onset
codebook 3   feel     sound    ·       lead pitch, onset

feel = density and swing, sound = ambience, tone and pad. The constant flush frames (·) let the delayed
header become whole before the first step. Each codebook's ranges of codes are disjoint: steps, header frame
0, header frame 1, flush.
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
from training.composer.song import Score
from training.composer.theory import BASS_COUNT, LEAD_COUNT, VOICING_COUNT

CODEBOOKS = 4
DELAYS = (0, 1, 2, 3)
HEADER_FRAMES = 5
LOOP_STEPS = 64
STEP_CODES = (16, BASS_COUNT * 2, VOICING_COUNT * 2, LEAD_COUNT * 2)
HEADER_CODES = (
    (BPM_MAX - BPM_MIN + 1, 12 * len(MODES), len(DRUMS), len(DENSITIES) * len(SWINGS)),
    (len(KEYS), len(BASSES), len(LEADS), 4 * len(TONES) * 2),
)
FIRST_HEADER = STEP_CODES
SECOND_HEADER = tuple(a + b for a, b in zip(FIRST_HEADER, HEADER_CODES[0], strict=True))
FLUSH = tuple(a + b for a, b in zip(SECOND_HEADER, HEADER_CODES[1], strict=True))
CODEBOOK_SIZE = (max(FLUSH) + 1 + 31) // 32 * 32

Codes = NDArray[np.int64]


class TokenError(ValueError):
    """Codes that no header or step has."""


def encode_header(a: Attributes) -> Codes:
    """Attributes to int64 [4, HEADER_FRAMES]."""
    first = (
        a.bpm - BPM_MIN,
        a.key * len(MODES) + MODES.index(a.mode),
        DRUMS.index(a.drums),
        DENSITIES.index(a.density) * len(SWINGS) + SWINGS.index(a.swing),
    )
    ambience = int(a.vinyl) + 2 * int(a.rain)
    sound = (ambience * len(TONES) + TONES.index(a.tone)) * 2 + int(a.pad)
    second = (KEYS.index(a.keys), BASSES.index(a.bass), LEADS.index(a.lead), sound)
    codes = np.repeat(np.array(FLUSH, np.int64)[:, None], HEADER_FRAMES, axis=1)
    codes[:, 0] = np.array(FIRST_HEADER) + first
    codes[:, 1] = np.array(SECOND_HEADER) + second
    return codes


def decode_header(codes: Codes) -> Attributes:
    """int64 [4, >= 2] to attributes. Raises TokenError where a code is outside its range."""
    first = [int(codes[q, 0]) - FIRST_HEADER[q] for q in range(CODEBOOKS)]
    second = [int(codes[q, 1]) - SECOND_HEADER[q] for q in range(CODEBOOKS)]
    for q in range(CODEBOOKS):
        if not (0 <= first[q] < HEADER_CODES[0][q] and 0 <= second[q] < HEADER_CODES[1][q]):
            raise TokenError(f"codebook {q} has no header: {codes[q, :2].tolist()}")
    ambience, tone = second[3] // (2 * len(TONES)), second[3] // 2 % len(TONES)
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
        vinyl=ambience % 2 == 1,
        rain=ambience >= 2,
        tone=TONES[tone],
        pad=second[3] % 2 == 1,
    )


def encode_score(score: Score) -> Codes:
    """Score to int64 [4, steps]."""
    return np.stack(
        [
            score.drums[:, 0] * 8 + score.drums[:, 1] * 4 + score.drums[:, 2],
            score.bass[:, 0] * 2 + score.bass[:, 1],
            score.chords[:, 0] * 2 + score.chords[:, 1],
            score.lead[:, 0] * 2 + score.lead[:, 1],
        ]
    )


def decode_score(codes: Codes) -> Score:
    """int64 [4, steps] to a score. Raises TokenError where a code is no step."""
    for q in range(CODEBOOKS):
        if codes[q].size and not (int(codes[q].min()) >= 0 and int(codes[q].max()) < STEP_CODES[q]):
            raise TokenError(f"codebook {q} has codes that are no steps")
    drums = np.stack([codes[0] // 8, codes[0] // 4 % 2, codes[0] % 4], axis=1)
    bass, chords, lead = (np.stack([codes[q] // 2, codes[q] % 2], axis=1) for q in (1, 2, 3))
    return Score(drums, bass, chords, lead)


def encode_track(attributes: Attributes, score: Score) -> Codes:
    """Header and steps, int64 [4, HEADER_FRAMES + steps]."""
    return np.concatenate([encode_header(attributes), encode_score(score)], axis=1)


def legal_codes(position: int) -> NDArray[np.bool_]:
    """bool [4, CODEBOOK_SIZE]: what the decoder may emit at a position (0 = start column), delays included.

    Where a codebook is not yet in its frames nothing is forbidden: the sampler discards those codes.
    """
    allowed = np.zeros((CODEBOOKS, CODEBOOK_SIZE), np.bool_)
    for q in range(CODEBOOKS):
        frame = position - DELAYS[q]
        if frame < 0:
            allowed[q] = True
        elif frame == 0:
            allowed[q, FIRST_HEADER[q] : SECOND_HEADER[q]] = True
        elif frame == 1:
            allowed[q, SECOND_HEADER[q] : FLUSH[q]] = True
        elif frame < HEADER_FRAMES:
            allowed[q, FLUSH[q]] = True
        else:
            allowed[q, : STEP_CODES[q]] = True
    return allowed
