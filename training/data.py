"""Batches for training: crops of tracks with a caption each, and captions with the header they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.captions import write_caption
from training.composer.song import SHORTEST_WITH_ENDING, last_chord_at
from training.obedience import STATABLE
from training.shape import MAX_TEXT_TOKENS
from training.tokenizer import encode_prompt
from training.tokens import BLOCK_STEPS, HEADER_FRAMES, decode_header

PADDING = -1  # where a track has no frame
# Batches whose captions all state one thing, drawn by these weights (1 where none is given): what is said
# rarely, or has many names, is learned last.
CHOSEN_SHARE = 0.6
CHOSEN_WEIGHTS = {"key": 4.0, "bpm": 2.0, "swing": 2.0}
# Crops from a track's start, of its last block, and of the last block of a track that closes.
FIRST_SHARE, LAST_SHARE, CLOSING_SHARE = 0.3, 0.1, 0.25


@dataclass(frozen=True, slots=True)
class Prompts:
    """ids int64 [rows, S] padded with 0, mask float32 [rows, S]."""

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Prompts:
        return Prompts(self.ids.to(device), self.mask.to(device))


@dataclass(frozen=True, slots=True)
class Crops:
    """codes int64 [rows, 4, HEADER_FRAMES + steps], PADDING behind a track's end.

    first: the step that follows the header; total: frames of the whole track; int64 [rows].
    """

    codes: Tensor
    first: Tensor
    total: Tensor

    def to(self, device: torch.device) -> Crops:
        return Crops(self.codes.to(device), self.first.to(device), self.total.to(device))


def pad(rows: list[np.ndarray]) -> Prompts:
    longest = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.from_numpy(row.astype(np.int64))
        mask[i, : len(row)] = 1
    return Prompts(ids, mask)


def crop(codes: np.ndarray, first: int, steps: int) -> np.ndarray:
    """The header and `steps` steps of a track [4, frames] from step `first` on, padded behind its end."""
    cut = np.full((codes.shape[0], HEADER_FRAMES + steps), PADDING, np.int64)
    cut[:, :HEADER_FRAMES] = codes[:, :HEADER_FRAMES]
    piece = codes[:, HEADER_FRAMES + first : HEADER_FRAMES + first + steps]
    cut[:, HEADER_FRAMES : HEADER_FRAMES + piece.shape[1]] = piece
    return cut


def _frames(track: np.ndarray) -> int:
    return int((track[0] != PADDING).sum())


def _closes(track: np.ndarray) -> bool:
    """Whether a track ends with a last chord; the shortest don't, whatever their header says."""
    return decode_header(track).ending and _frames(track) - HEADER_FRAMES >= SHORTEST_WITH_ENDING


def _first_step(length: int, steps: int, where: float, rng: np.random.Generator) -> int:
    """Where a crop of `steps` steps begins; `where` in [0, 1) chooses its kind."""
    # The last chord must lie inside: the crop may end before the track does.
    last = min(max(0, -(-(length - steps) // BLOCK_STEPS)), last_chord_at(length) // BLOCK_STEPS)
    if where < CLOSING_SHARE + LAST_SHARE:
        return last * BLOCK_STEPS
    if where < CLOSING_SHARE + LAST_SHARE + FIRST_SHARE:
        return 0
    return int(rng.integers(last + 1)) * BLOCK_STEPS


class Corpus:
    """What `training.render` wrote, served in batches drawn from the generator that each call is given."""

    def __init__(self, work: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
        self._tracks = np.load(work / "tracks.npy", mmap_mode="r")
        self._all = np.arange(len(self._tracks))
        self._closing = np.flatnonzero([_closes(track) for track in self._tracks])
        stored = np.load(work / "captions.npz")
        self._ids, self._headers = stored["ids"], stored["headers"]
        lengths = stored["lengths"]
        self._ends = np.cumsum(lengths, dtype=np.int64)
        # By length: a batch takes neighbours, which leaves hardly any padding.
        self._by_length = np.argsort(lengths, kind="stable")
        states = stored["states"][self._by_length]
        self._stating = [self._by_length[states[:, i]] for i in range(len(STATABLE))]
        weights = np.array([CHOSEN_WEIGHTS.get(name, 1.0) for name in STATABLE])
        self._weights = weights / weights.sum()

    def music(self, rows: int, steps: int, rng: np.random.Generator) -> tuple[Crops, Prompts]:
        """Crops that begin on a border of four bars, each with a caption of its own."""
        cuts, firsts, totals, prompts = [], [], [], []
        for where in rng.random(rows):
            pool = self._closing if where < CLOSING_SHARE else self._all
            track = np.asarray(self._tracks[pool[rng.integers(len(pool))]], np.int64)
            track = track[:, : _frames(track)]
            first = _first_step(track.shape[1] - HEADER_FRAMES, steps, where, rng)
            cuts.append(crop(track, first, steps))
            firsts.append(first)
            totals.append(track.shape[1])
            # Without small talk: long captions cost time here, and the header batches teach the rest.
            caption = write_caption(decode_header(track), rng, noise=False)
            prompts.append(np.array(encode_prompt(self.tokenizer, caption.text, MAX_TEXT_TOKENS)))
        crops = Crops(torch.from_numpy(np.stack(cuts)), torch.tensor(firsts), torch.tensor(totals))
        return crops, pad(prompts)

    def headers(self, tokens: int, most_rows: int, rng: np.random.Generator) -> tuple[Tensor, Prompts]:
        """Header codes int64 [rows, 4, SAYING_FRAMES] and captions of about one length, `tokens` in all."""
        pool = self._by_length
        if rng.random() < CHOSEN_SHARE:
            pool = self._stating[int(rng.choice(len(STATABLE), p=self._weights))]
        at = int(rng.integers(len(pool)))
        longest = int(self._ends[pool[at]] - self._start(pool[at]))
        rows = max(1, min(most_rows, tokens // longest))
        chosen = pool[max(0, at - rows + 1) : at + 1]
        prompts = [self._ids[self._start(i) : self._ends[i]] for i in chosen]
        return torch.from_numpy(self._headers[chosen].astype(np.int64)), pad(prompts)

    def _start(self, caption: int) -> int:
        return int(self._ends[caption - 1]) if caption > 0 else 0
