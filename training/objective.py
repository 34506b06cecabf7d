"""The losses: notes given header and past, and header given the prompt alone.

After the header everything that a prompt says can be read from past tokens, so notes hardly teach the text
encoder; batches of captions with nothing but their header do, and they are cheap.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data import Prompts
from training.model import Starter, delay
from training.shape import SPECIAL
from training.tokens import (
    CODEBOOKS,
    DELAYS,
    FIRST_HEADER,
    FLUSH,
    HEADER_CODES,
    HEADER_FRAMES,
    SECOND_HEADER,
    STEP_CODES,
)

HEADER_STARTS = (FIRST_HEADER, SECOND_HEADER)
# The key is the rarest thing that prompts state and has the most names: without weight it is learned last.
HEADER_WEIGHTS = (1.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)


def _conditioned(states: Tensor, prompts: Prompts, dropout: float) -> tuple[Tensor, Tensor]:
    """States and mask; each row loses its prompt with probability `dropout`, for classifier-free guidance."""
    kept = (torch.rand(len(prompts.ids), 1) >= dropout).float()
    return states * kept[..., None], prompts.mask * kept


def music_loss(model: Starter, codes: Tensor, prompts: Prompts, dropout: float) -> Tensor:
    """Cross-entropy of each codebook's steps, float [CODEBOOKS]; codes int64 [rows, CODEBOOKS, frames]."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        text = model.text_encoder(prompts.ids, prompts.mask)
        states, mask = _conditioned(model.for_decoder(text, prompts.mask), prompts, dropout)
        hidden = model(delay(codes, SPECIAL), states, mask)
        steps = codes.shape[2] - HEADER_FRAMES
        losses = []
        for q, shift in enumerate(DELAYS):
            first = HEADER_FRAMES + shift
            # Only the codes that are legal here compete: the mask of the exported graph forbids the rest.
            weight = model.head(q)[: STEP_CODES[q]]
            logits = F.linear(hidden[:, first : first + steps], weight).float()
            losses.append(F.cross_entropy(logits.flatten(0, 1), codes[:, q, HEADER_FRAMES:].flatten()))
    return torch.stack(losses)


def header_logits(
    model: Starter, text: Tensor, headers: Tensor, prompts: Prompts, dropout: float
) -> list[Tensor]:
    """Logits [rows, codes of that range] of the header codes, frame by frame, fed the true header so far.

    text: the encoder's states; headers: int64 [rows, CODEBOOKS, 2].
    """
    flush = torch.tensor(FLUSH)[None, :, None].expand(len(headers), CODEBOOKS, HEADER_FRAMES - 2)
    fed = delay(torch.cat([headers, flush], dim=2), SPECIAL)[:, :, : 2 + max(DELAYS)]
    found = []
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states, mask = _conditioned(model.for_decoder(text, prompts.mask), prompts, dropout)
        hidden = model(fed, states, mask)
        for frame in range(2):
            for q, shift in enumerate(DELAYS):
                start = HEADER_STARTS[frame][q]
                weight = model.head(q)[start : start + HEADER_CODES[frame][q]]
                found.append(F.linear(hidden[:, frame + shift], weight).float())
    return found


def header_losses(model: Starter, headers: Tensor, prompts: Prompts, dropout: float) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of the header codes: the decoder's, and the probe's on the mean text state."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        text = model.text_encoder(prompts.ids, prompts.mask)
    decoded = mean_header_loss(header_logits(model, text, headers, prompts, dropout), headers)
    mean = (text.float() * prompts.mask[..., None]).sum(1) / prompts.mask.sum(1, keepdim=True)
    probed = model.probe(mean).split([n for codes in HEADER_CODES for n in codes], dim=1)
    return decoded, mean_header_loss(list(probed), headers)


def mean_header_loss(logits: list[Tensor], headers: Tensor) -> Tensor:
    """Weighted mean over the header codes; `logits`: one [rows, codes] for each, frame by frame."""
    losses = []
    for i, (row, weight) in enumerate(zip(logits, HEADER_WEIGHTS, strict=True)):
        frame, q = divmod(i, CODEBOOKS)
        losses.append(weight * F.cross_entropy(row, headers[:, q, frame] - HEADER_STARTS[frame][q]))
    return torch.stack(losses).mean()
