"""The two losses: notes given header and past, and header given the prompt alone.

After the header everything that a prompt says can be read from past tokens, so notes hardly teach the text
encoder;
batches of captions with nothing but their header do, and they are cheap.
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


def _conditioned(model: Starter, prompts: Prompts, dropout: float) -> tuple[Tensor, Tensor]:
    """States and mask; each row loses its prompt with probability `dropout`, for classifier-free guidance."""
    kept = (torch.rand(len(prompts.ids), 1) >= dropout).float()
    mask = prompts.mask * kept
    return model.encode_text(prompts.ids, prompts.mask) * kept[..., None], mask


def music_loss(model: Starter, codes: Tensor, prompts: Prompts, dropout: float) -> Tensor:
    """Cross-entropy of each codebook's steps, float [CODEBOOKS]; codes int64 [rows, CODEBOOKS, frames]."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states, mask = _conditioned(model, prompts, dropout)
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


def header_logits(model: Starter, headers: Tensor, prompts: Prompts, dropout: float) -> list[list[Tensor]]:
    """[frame][codebook] logits [rows, codes of that range], fed the true header so far; headers [rows,
    CODEBOOKS, 2].
    """
    flush = torch.tensor(FLUSH)[None, :, None].expand(len(headers), CODEBOOKS, HEADER_FRAMES - 2)
    fed = delay(torch.cat([headers, flush], dim=2), SPECIAL)[:, :, : 2 + max(DELAYS)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states, mask = _conditioned(model, prompts, dropout)
        hidden = model(fed, states, mask)
        found = []
        for frame in range(2):
            row = []
            for q, shift in enumerate(DELAYS):
                start = HEADER_STARTS[frame][q]
                weight = model.head(q)[start : start + HEADER_CODES[frame][q]]
                row.append(F.linear(hidden[:, frame + shift], weight).float())
            found.append(row)
    return found


def header_loss(model: Starter, headers: Tensor, prompts: Prompts, dropout: float) -> Tensor:
    """Mean cross-entropy of the eight header codes, float []."""
    logits = header_logits(model, headers, prompts, dropout)
    return mean_header_loss([logits[frame][q] for frame in range(2) for q in range(CODEBOOKS)], headers)


def probe_loss(model: Starter, headers: Tensor, prompts: Prompts) -> Tensor:
    """The same loss for the linear probe on the mean text state, float []."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states = model.text_encoder(prompts.ids, prompts.mask)
    mean = (states.float() * prompts.mask[..., None]).sum(1) / prompts.mask.sum(1, keepdim=True)
    return mean_header_loss(
        list(model.probe(mean).split([n for codes in HEADER_CODES for n in codes], dim=1)), headers
    )


def mean_header_loss(logits: list[Tensor], headers: Tensor) -> Tensor:
    """`logits`: one [rows, codes] for each header code, frame by frame."""
    losses = []
    for i, row in enumerate(logits):
        frame, q = divmod(i, CODEBOOKS)
        losses.append(F.cross_entropy(row, headers[:, q, frame] - HEADER_STARTS[frame][q]))
    return torch.stack(losses).mean()
