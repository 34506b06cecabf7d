import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lofi_worker.musicgen.sampling import draws, guide, sample

# Logits whose softmax is easily told: probabilities 0.1, 0.4, 0.2, 0.3.
P = [0.1, 0.4, 0.2, 0.3]
LOGITS = np.log(np.array([P], np.float32))


def pick(
    at: float,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 0.0,
    logits: NDArray[np.float32] = LOGITS,
) -> int:
    return int(sample(logits, temperature, top_k, top_p, np.array([at]))[0])


def test_a_draw_walks_along_the_cumulative_probabilities() -> None:
    places = [0.0, 0.09, 0.11, 0.49, 0.51, 0.69, 0.71, 0.999, 1 - 2**-53]
    assert [pick(at) for at in places] == [0, 0, 1, 1, 2, 2, 3, 3, 3]


def test_greedy_takes_the_largest_and_the_first_of_equals() -> None:
    logits = np.array([[0, 3, 3, 1], [2, 2, 2, 2], [-5, -4, -3, -2]], np.float32)
    for at in (0.0, 0.5, 0.99):
        assert sample(logits, 0.0, 2, 0.5, np.full(3, at)).tolist() == [1, 0, 3]


def test_top_k_keeps_the_k_largest() -> None:
    # k = 2 keeps 0.4 and 0.3, of a sum of 0.7.
    assert [pick(at, top_k=2) for at in (0.0, 0.56, 0.58, 0.99)] == [1, 1, 3, 3]
    assert {pick(at, top_k=1) for at in (0.0, 0.5, 0.99)} == {1}
    assert [pick(at, top_k=4) for at in (0.05, 0.3, 0.6, 0.9)] == [0, 1, 2, 3]
    assert [pick(at, top_k=250) for at in (0.05, 0.3, 0.6, 0.9)] == [0, 1, 2, 3]


def test_top_k_keeps_all_that_equal_the_kth() -> None:
    logits = np.array([[1, 5, 1, 5, 0]], np.float32)
    assert {pick(at, top_k=1, logits=logits) for at in np.linspace(0, 0.999, 50)} == {1, 3}
    assert {pick(at, top_k=3, logits=logits) for at in np.linspace(0, 0.999, 500)} == {0, 1, 2, 3}


def test_top_p_keeps_the_most_likely_up_to_the_one_that_reaches_it() -> None:
    every = np.linspace(0, 0.9999, 400)
    assert {pick(at, top_p=0.3) for at in every} == {1}
    assert {pick(at, top_p=0.5) for at in every} == {1, 3}
    assert {pick(at, top_p=0.8) for at in every} == {1, 2, 3}
    assert {pick(at, top_p=0.95) for at in every} == {0, 1, 2, 3}
    assert {pick(at, top_p=1.0) for at in every} == {0, 1, 2, 3}


def test_top_p_counts_what_top_k_left() -> None:
    # k = 2 leaves 0.4 and 0.3, that is 0.571 and 0.429 of it.
    every = np.linspace(0, 0.9999, 400)
    assert {pick(at, top_k=2, top_p=0.55) for at in every} == {1}
    assert {pick(at, top_k=2, top_p=0.6) for at in every} == {1, 3}


def test_a_temperature_near_zero_is_as_zero() -> None:
    logits = np.array([[1e30, -1e30, 2e30, 1.0]], np.float32)
    assert [pick(at, temperature=5e-324, logits=logits) for at in (0.0, 0.5, 1 - 2**-53)] == [2, 2, 2]


def test_temperature_flattens_and_sharpens() -> None:
    half = np.sqrt(P) / np.sum(np.sqrt(P))
    assert [pick(at, temperature=2.0) for at in (half[0] - 0.001, half[0] + 0.001)] == [0, 1]
    double = np.square(P) / np.sum(np.square(P))
    assert [pick(at, temperature=0.5) for at in (double[0] - 0.001, double[0] + 0.001)] == [0, 1]


def test_huge_logits_and_forbidden_codes() -> None:
    logits = np.array([[-1e4, 3e38, -3e38, 2.9e38]], np.float32)
    assert {pick(at, logits=logits) for at in (0.0, 0.999)} == {1}
    logits = np.array([[-1e4, 1.0, -1e4, 1.0]], np.float32)
    assert {pick(at, temperature=5.0, logits=logits) for at in np.linspace(0, 1 - 2**-53, 300)} == {1, 3}


def test_codebooks_are_sampled_by_their_own_draws() -> None:
    logits = np.repeat(LOGITS, 4, axis=0)
    assert sample(logits, 1.0, 0, 0.0, np.array([0.05, 0.3, 0.6, 0.9])).tolist() == [0, 1, 2, 3]


def test_guidance_goes_away_from_the_unconditional() -> None:
    conditional, unconditional = np.array([1.0, 2.0], np.float32), np.array([0.5, 3.0], np.float32)
    assert guide(conditional, unconditional, 3.0).tolist() == [2.0, 0.0]
    assert guide(conditional, unconditional, 1.0).tolist() == [1.0, 2.0]
    assert guide(conditional, unconditional, 0.0).tolist() == [0.5, 3.0]
    assert guide(conditional, unconditional, 3.0).dtype == np.float32


def test_draws_depend_on_seed_step_and_codebook_alone() -> None:
    once = draws(7, 3, 4)
    assert draws(7, 3, 4).tolist() == once.tolist()
    assert draws(7, 3, 8)[:4].tolist() == once.tolist()
    others = [draws(8, 3, 4), draws(7, 4, 4), draws(7 + 2**63, 3, 4)]
    assert all(not np.isin(other, once).any() for other in others)
    assert ((once >= 0) & (once < 1)).all()


@pytest.mark.parametrize(
    ("seed", "step", "golden"),
    [
        (0, 0, [0.011546754286331562, 0.24154919656271812, 0.11142585551493822, 0.5644146216071337]),
        (1, 0, [0.3035680343067586, 0.8487087496857769, 0.1561347780434731, 0.031106436954376093]),
        (2**64 - 1, 502, [0.4868949402125585, 0.06843345739061657, 0.2730994399620774, 0.9920356416149173]),
    ],
)
def test_draws_are_the_same_on_every_machine(seed: int, step: int, golden: list[float]) -> None:
    assert draws(seed, step, 4).tolist() == golden


def test_samples_are_distributed_as_the_softmax_says() -> None:
    logits = np.random.default_rng(3).normal(size=(4, 40)).astype(np.float32)
    counts = np.zeros((4, 40))
    for step in range(20_000):
        counts[np.arange(4), sample(logits, 1.0, 0, 0.0, draws(42, step, 4))] += 1
    softmax = np.exp(logits.astype(np.float64))
    softmax /= softmax.sum(axis=1, keepdims=True)
    for q in range(4):
        assert stats.chisquare(counts[q], softmax[q] * 20_000).pvalue > 0.001
    uniform = np.full(40, 1 / 40)
    assert stats.chisquare(counts[0], uniform * 20_000).pvalue < 1e-6  # the test can fail
