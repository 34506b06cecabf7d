"""Word vectors to begin with: what each token says about each header code, as a linear bag of words.

A text encoder that starts from random vectors needs hours on two cores to find out which of a thousand
words matter; this takes half a minute and spares it that.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from training.data import Corpus
from training.objective import mean_header_loss
from training.tokens import CODEBOOKS, HEADER_CODES

STEPS, ROWS, RATE = 1_500, 256, 0.02
SIZES = [HEADER_CODES[frame][q] for frame in range(2) for q in range(CODEBOOKS)]
LARGEST = 0.5  # the vectors' standard deviation where they say something


def learn_word_vectors(corpus: Corpus, vocabulary: int, seed: int) -> Tensor:
    """float [vocabulary, sum of all header codes], scaled to a largest column deviation of LARGEST."""
    rng = np.random.default_rng((seed, 77))
    bag = nn.Embedding(vocabulary, sum(SIZES))
    nn.init.zeros_(bag.weight)
    optimizer = torch.optim.Adam(bag.parameters(), lr=RATE)
    for _ in range(STEPS):
        headers, prompts = corpus.headers(1 << 20, ROWS, rng)
        logits = (bag(prompts.ids) * prompts.mask[..., None]).sum(1).split(SIZES, dim=1)
        optimizer.zero_grad()
        torch.autograd.backward(mean_header_loss(list(logits), headers))
        optimizer.step()
    return (bag.weight / bag.weight.std(0).max() * LARGEST).detach()
