"""FIR filters that look back only, as block matrices: [last block | this block] @ matrix = filtered block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, firwin, sosfilt

BLOCK = 128
TONE_CUTOFF_HZ = (2_600, 4_800, 9_500)  # dark, warm, bright
TAPE_CUTOFF_HZ = 6_500  # of a tape's gentle slope, on top of the tone
UPSAMPLE_TAPS = 64  # at 32 kHz: it looks back on 32 ticks of 16 kHz


def tone_taps() -> NDArray[np.float32]:
    """[3, 2, BLOCK]: each tone's low-pass, without and with the tape's, as its first taps."""
    impulse = np.zeros(BLOCK)
    impulse[0] = 1
    tape = butter(1, TAPE_CUTOFF_HZ, "lowpass", fs=32_000, output="sos")
    plain = [
        sosfilt(butter(2, hertz, "lowpass", fs=32_000, output="sos"), impulse) for hertz in TONE_CUTOFF_HZ
    ]
    return np.array([[taps, sosfilt(tape, taps)] for taps in plain], np.float32)


def upsample_matrix() -> NDArray[np.float32]:
    """[BLOCK, BLOCK]: 64 ticks before and 64 now at 16 kHz to 128 samples at 32 kHz."""
    taps = 2 * firwin(UPSAMPLE_TAPS, 7_300, fs=32_000)
    half = BLOCK // 2
    matrix = np.zeros((BLOCK, BLOCK), np.float32)
    for n in range(BLOCK):
        for tick in range(BLOCK):
            lag = n - 2 * (tick - half)
            if 0 <= lag < UPSAMPLE_TAPS:
                matrix[tick, n] = taps[lag]
    return matrix
