"""Stores a matrix in few bits: smaller on disk, fewer bytes to read in a step.

The format is that of ONNX Runtime's operator `MatMulNBits`: each of the N columns of a matrix [K, N] is cut
into blocks with one scale each, and value = (code - 2^(bits - 1)) * scale.
"""

import numpy as np
from numpy.typing import NDArray

SHRINKS = np.linspace(0.70, 1.0, 11, dtype=np.float32)
"""Fractions of a block's range that are tried for 4 bits: to clip the largest weight costs less than steps
that are too wide for all the others. 8 bits have steps enough."""
ROWS_AT_ONCE = 2**19  # values; a piece that stays in the processor's cache


def quantize_matrix(
    matrix: NDArray[np.float32], bits: int, block_size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Codes uint8 [N, blocks, block_size * bits / 8] and scales float32 [N, blocks] of a matrix [K, N].

    Rounded to nearest. A block's largest magnitude gets the code 0, which has no positive twin, so that the
    whole range of codes is used; hence the scales may be negative. Of 4 bits, the range with the smallest
    squared error is taken. Raises ValueError for another number of bits than 8 or 4.
    """
    if bits not in (4, 8):
        raise ValueError(f"bits must be 4 or 8, not {bits}")
    inner, columns = matrix.shape
    blocks = -(-inner // block_size)
    codes = np.empty((columns, blocks, block_size), np.uint8)
    scales = np.empty((columns, blocks), np.float32)
    step = max(1, ROWS_AT_ONCE // (blocks * block_size))
    for start in range(0, columns, step):
        grouped = _grouped(matrix[:, start : start + step], block_size)
        scale = _scales(grouped, bits)
        scales[start : start + step] = scale[:, :, 0]
        codes[start : start + step] = _steps(grouped, scale, bits) + 2 ** (bits - 1)
    if bits == 4:  # two codes a byte, the first in the low half
        codes = codes[:, :, ::2] | (codes[:, :, 1::2] << 4)
    return codes, scales


def quantize_rows(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes int8 [rows, width] and scales float32 [rows, 1] of a table: value = code * scale."""
    scales = np.abs(table).max(axis=1, keepdims=True) / np.float32(127)
    codes = np.rint(table / np.where(scales == 0, np.float32(1), scales)).astype(np.int8)
    return codes, scales


def rounding_error(matrix: NDArray[np.float32], bits: int, block_size: int) -> float:
    """How much of a matrix [K, N] is lost: |rounded - exact| / |exact|, in Frobenius's norm."""
    grouped = _grouped(matrix, block_size)
    scale = _scales(grouped, bits)
    lost = np.square(_steps(grouped, scale, bits) * scale - grouped, dtype=np.float32).sum(dtype=np.float64)
    size = np.square(grouped).sum(dtype=np.float64)
    return float(np.sqrt(lost / size)) if size else 0.0


def _grouped(matrix: NDArray[np.float32], block_size: int) -> NDArray[np.float32]:
    """[K, N] cut into blocks, the last one filled up with zeros: [N, blocks, block_size]."""
    inner, columns = matrix.shape
    blocks = -(-inner // block_size)
    padded = np.zeros((columns, blocks * block_size), np.float32)
    padded[:, :inner] = matrix.T
    return padded.reshape(columns, blocks, block_size)


def _scales(grouped: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """A scale for each block of [columns, blocks, block_size]: [columns, blocks, 1]."""
    place = np.abs(grouped).argmax(axis=2, keepdims=True)
    whole = (np.take_along_axis(grouped, place, axis=2) / np.float32(-(2 ** (bits - 1)))).astype(np.float32)
    if bits == 8:
        return whole
    best, least = whole, np.full(whole.shape, np.inf, np.float32)
    for shrink in SHRINKS:
        scale = whole * shrink
        error = np.square(_steps(grouped, scale, bits) * scale - grouped).sum(axis=2, keepdims=True)
        best, least = np.where(error < least, scale, best), np.minimum(error, least)
    return best


def _steps(grouped: NDArray[np.float32], scale: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """The nearest whole multiple of the scale that has a code."""
    middle = 2 ** (bits - 1)
    divisor = np.where(scale == 0, np.float32(1), scale)
    steps: NDArray[np.float32] = np.clip(np.rint(grouped / divisor), -middle, middle - 1)
    return steps
