"""FIR filters that look back only, as block matrices: [last block | this block] @ matrix = filtered block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, firwin, sosfilt

BLOCK = 128
TONE_CUTOFF_HZ = (2_600, 4_800, 9_500)  # dark, warm, bright
UPSAMPLE_TAPS = 64  # at 32 kHz: it looks back on 32 ticks of 16 kHz


def block_matrix(taps: NDArray[np.float64], block: int) -> NDArray[np.float32]:
    """[2 * block, block]: column n holds the taps reversed, ending at row block + n."""
    matrix = np.zeros((2 * block, block), np.float32)
    for n in range(block):
        for lag, tap in enumerate(taps):
            matrix[block + n - lag, n] = tap
    return matrix


def tone_matrices() -> NDArray[np.float32]:
    """[3, 2 * BLOCK, BLOCK]: the low-pass of each tone as the first taps of its impulse response."""
    impulse = np.zeros(BLOCK)
    impulse[0] = 1
    responses = [sosfilt(butter(2, hz, "lowpass", fs=32_000, output="sos"), impulse) for hz in TONE_CUTOFF_HZ]
    return np.stack([block_matrix(taps, BLOCK) for taps in responses])


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
