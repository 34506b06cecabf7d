"""Word vectors to begin with: what each token says about each header code, as a linear bag of words.

A text encoder that starts from random vectors leaves the header near chance for the first quarter of an hour
on two cores; these vectors take half a minute, and with them most of it is right after five.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from training.data import Corpus
from training.objective import mean_header_loss
from training.tokens import CODEBOOKS, HEADER_CODES, SAYING_FRAMES

STEPS, ROWS, RATE = 2_500, 256, 0.02
UNLIMITED = 1 << 20  # tokens a batch
# Of the frames that prompts speak of; nobody states the plan behind them.
SIZES = [HEADER_CODES[frame][q] for frame in range(SAYING_FRAMES - 1) for q in range(CODEBOOKS)]
LARGEST = 0.5  # the vectors' standard deviation where they say something


def learn_word_vectors(corpus: Corpus, vocabulary: int, seed: int) -> Tensor:
    """float [vocabulary, sum of SIZES], scaled to a largest column deviation of LARGEST."""
    rng = np.random.default_rng((seed, 77))
    bag = nn.Embedding(vocabulary, sum(SIZES))
    nn.init.zeros_(bag.weight)
    optimizer = torch.optim.Adam(bag.parameters(), lr=RATE)
    for _ in range(STEPS):
        headers, prompts = corpus.headers(UNLIMITED, ROWS, rng)
        logits = (bag(prompts.ids) * prompts.mask[..., None]).sum(1).split(SIZES, dim=1)
        optimizer.zero_grad()
        torch.autograd.backward(mean_header_loss(list(logits), headers))
        optimizer.step()
    return (bag.weight / bag.weight.std(0).max() * LARGEST).detach()
