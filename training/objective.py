"""The losses: notes given header and past, and header given the prompt alone.

After the header everything that a prompt says can be read from past tokens, so notes hardly teach the text
encoder; batches of captions with nothing but their header do, and they are cheap.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from training.data import PADDING, Crops, Prompts
from training.model import FAR, Starter, delay
from training.shape import SPECIAL
from training.tokens import (
    CODEBOOKS,
    DELAYS,
    FLUSH,
    HEADER_CODES,
    HEADER_FRAMES,
    HEADER_STARTS,
    SAYING_FRAMES,
    STEP_CODES,
)

# The key is the rarest thing that prompts state and has most names; the plan, the last frame, nobody states.
HEADER_WEIGHTS = (1.5, 2.5, 1.5, 1.5, 1.25, 1.25, 1.25, 1.25, 1.5, 1.25, 1.25, 1.5, *(0.25,) * 4)
# One step decides whether a track closes: the last bars of all tracks count more.
CLOSING_FRAMES, CLOSING_WEIGHT = 32, 4.0
NEAR_SHARE = 0.3  # of header rows that are told that the end is near, as in short tracks


def _conditioned(states: Tensor, prompts: Prompts, dropout: float) -> tuple[Tensor, Tensor]:
    """States and mask; each row loses its prompt with probability `dropout`, for classifier-free guidance."""
    kept = (torch.rand(len(prompts.ids), 1, device=states.device) >= dropout).float()
    return states * kept[..., None], prompts.mask * kept


def places_of(crops: Crops, length: int) -> tuple[Tensor, Tensor]:
    """Positions and frames left of a crop's columns, int64 [rows, length] each."""
    place = torch.arange(length, device=crops.codes.device)[None, :]
    places = place + torch.where(place < HEADER_FRAMES, 0, crops.first[:, None])
    return places, crops.total[:, None] - 1 - places


def step_weights(crops: Crops) -> Tensor:
    """How much each step of a crop counts, float [rows * steps]; 0 behind the track's end."""
    steps = crops.codes.shape[2] - HEADER_FRAMES
    step = torch.arange(steps, device=crops.codes.device)[None, :] + crops.first[:, None]
    left = crops.total[:, None] - HEADER_FRAMES - step
    weights = torch.where(left <= CLOSING_FRAMES, CLOSING_WEIGHT, 1.0) * (left > 0)
    return weights.flatten()


def music_loss(model: Starter, crops: Crops, prompts: Prompts, dropout: float) -> Tensor:
    """Weighted mean cross-entropy of each codebook's steps, float [CODEBOOKS]."""
    codes = crops.codes
    with torch.autocast(codes.device.type, dtype=torch.bfloat16):
        text = model.text_encoder(prompts.ids, prompts.mask)
        states, mask = _conditioned(model.for_decoder(text, prompts.mask), prompts, dropout)
        fed = delay(torch.where(codes == PADDING, SPECIAL, codes), SPECIAL)
        hidden = model(fed, *places_of(crops, fed.shape[2]), states, mask)
        steps = codes.shape[2] - HEADER_FRAMES
        weights = step_weights(crops)
        losses = []
        for q, shift in enumerate(DELAYS):
            first = HEADER_FRAMES + shift
            # Only the codes that are legal here compete: the mask of the exported graph forbids the rest.
            weight = model.head(q)[: STEP_CODES[q]]
            logits = F.linear(hidden[:, first : first + steps], weight).float()
            wanted = codes[:, q, HEADER_FRAMES:].flatten()
            loss = F.cross_entropy(logits.flatten(0, 1), wanted, ignore_index=PADDING, reduction="none")
            losses.append((loss * weights).sum() / weights.sum())
    return torch.stack(losses)


def header_logits(
    model: Starter,
    text: Tensor,
    headers: Tensor,
    prompts: Prompts,
    dropout: float = 0.0,
    near_share: float = 0.0,
) -> list[Tensor]:
    """Logits [rows, codes of that range] of the header codes, frame by frame, fed the true header so far.

    text: the encoder's states; headers: int64 [rows, CODEBOOKS, SAYING_FRAMES].
    """
    device, rows = headers.device, len(headers)
    flush = torch.tensor(FLUSH, device=device)[None, :, None]
    flush = flush.expand(rows, CODEBOOKS, HEADER_FRAMES - SAYING_FRAMES)
    fed = delay(torch.cat([headers, flush], dim=2), SPECIAL)[:, :, :HEADER_FRAMES]
    places = torch.arange(HEADER_FRAMES, device=device).expand(rows, HEADER_FRAMES)
    total = torch.full((rows, 1), 2 * FAR, device=device)
    if near_share:
        near = torch.rand(rows, 1, device=device) < near_share
        total = torch.where(near, torch.randint(2 * HEADER_FRAMES, FAR, (rows, 1), device=device), total)
    found = []
    with torch.autocast(device.type, dtype=torch.bfloat16):
        states, mask = _conditioned(model.for_decoder(text, prompts.mask), prompts, dropout)
        hidden = model(fed, places, total - places, states, mask)
        for frame in range(SAYING_FRAMES):
            for q, shift in enumerate(DELAYS):
                start = HEADER_STARTS[frame][q]
                weight = model.head(q)[start : start + HEADER_CODES[frame][q]]
                found.append(F.linear(hidden[:, frame + shift], weight).float())
    return found


def header_losses(model: Starter, headers: Tensor, prompts: Prompts, dropout: float) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy of the header codes: the decoder's, and the probe's on the mean text state."""
    with torch.autocast(headers.device.type, dtype=torch.bfloat16):
        text = model.text_encoder(prompts.ids, prompts.mask)
    decoded = mean_header_loss(header_logits(model, text, headers, prompts, dropout, NEAR_SHARE), headers)
    mean = (text.float() * prompts.mask[..., None]).sum(1) / prompts.mask.sum(1, keepdim=True)
    probed = model.probe(mean).split([n for codes in HEADER_CODES for n in codes], dim=1)
    return decoded, mean_header_loss(list(probed), headers)


def mean_header_loss(logits: list[Tensor], headers: Tensor) -> Tensor:
    """Weighted mean over the header codes that `logits` ([rows, codes] each) has, frame by frame."""
    losses = []
    for i, (row, weight) in enumerate(zip(logits, HEADER_WEIGHTS, strict=False)):
        frame, q = divmod(i, CODEBOOKS)
        losses.append(weight * F.cross_entropy(row, headers[:, q, frame] - HEADER_STARTS[frame][q]))
    return torch.stack(losses).mean()
