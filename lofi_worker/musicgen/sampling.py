"""From logits to codes. Pure: randomness comes in as numbers in [0, 1), keyed by seed, step and codebook."""

import numpy as np
from numpy.typing import NDArray


def draws(seed: int, step: int, codebooks: int) -> NDArray[np.float64]:
    """One number in [0, 1) per codebook, float64 [codebooks], that depends on these arguments alone.

    Philox 4x64 ("Parallel Random Numbers: As Easy as 1, 2, 3", Salmon et al., 2011) is counter-based: the
    seed is its key, the step a word of its counter, and the codebook counts the words from there.
    """
    words = np.random.Philox(key=seed, counter=[0, step, 0, 0]).random_raw(codebooks)
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def guide(
    conditional: NDArray[np.float32], unconditional: NDArray[np.float32], scale: float
) -> NDArray[np.float32]:
    """Classifier-free guidance on raw logits, any shape: away from what the model says without the prompt."""
    return unconditional + (conditional - unconditional) * np.float32(scale)


def sample(
    logits: NDArray[np.float32], temperature: float, top_k: int, top_p: float, at: NDArray[np.float64]
) -> NDArray[np.int64]:
    """One code per codebook, int64 [codebooks], from logits [codebooks, codebook_size] and draws [codebooks].

    temperature 0 takes the largest logit (the first of equals). top_k and top_p are off at 0; top_k comes
    first and keeps all codes that equal the k-th; top_p keeps the most likely until they hold that much.
    """
    if temperature == 0:
        best: NDArray[np.int64] = logits.argmax(axis=1)
        return best
    scores = logits.astype(np.float64)
    with np.errstate(over="ignore"):  # near temperature 0 all but the best become −inf, which is right
        scores = (scores - scores.max(axis=1, keepdims=True)) / temperature
    size = scores.shape[1]
    if 0 < top_k < size:
        kth = np.partition(scores, size - top_k, axis=1)[:, size - top_k, None]
        scores = np.where(scores < kth, -np.inf, scores)
    weights = np.exp(scores)
    if 0 < top_p < 1:
        weights = _nucleus(weights, top_p)
    cumulative = weights.cumsum(axis=1)
    place = at[:, None] * cumulative[:, -1:]  # below the total, since a draw is at most 1 - 2^-53
    codes: NDArray[np.int64] = (cumulative <= place).sum(axis=1)
    return codes


def _nucleus(weights: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """Keeps the largest weights of each row, up to the one that reaches top_p of the row's sum."""
    order = np.argsort(-weights, axis=1, kind="stable")
    ordered = np.take_along_axis(weights, order, axis=1)
    before = ordered.cumsum(axis=1) - ordered
    ordered[before >= top_p * ordered.sum(axis=1, keepdims=True)] = 0
    kept = np.empty_like(weights)
    np.put_along_axis(kept, order, ordered, axis=1)
    return kept
