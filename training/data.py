"""Batches for training: crops of tracks with a caption each, and captions with the header they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.captions import write_caption
from training.shape import MAX_TEXT_TOKENS
from training.tokenizer import encode_prompt
from training.tokens import HEADER_FRAMES, LOOP_STEPS, decode_header

# Batches in which every caption states a key: the rarest statement, with the most names, is learned last.
KEYED_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Prompts:
    """ids int64 [rows, S] padded with 0, mask float32 [rows, S]."""

    ids: Tensor
    mask: Tensor


def pad(rows: list[np.ndarray]) -> Prompts:
    longest = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask = torch.zeros(len(rows), longest)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.from_numpy(row.astype(np.int64))
        mask[i, : len(row)] = 1
    return Prompts(ids, mask)


class Corpus:
    """What `training.render` wrote, served in batches drawn from the generator that each call is given."""

    def __init__(self, work: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
        self._tracks = np.load(work / "tracks.npy", mmap_mode="r")
        stored = np.load(work / "captions.npz")
        self._ids, self._headers = stored["ids"], stored["headers"]
        lengths = stored["lengths"]
        self._ends = np.cumsum(lengths, dtype=np.int64)
        # By length: a batch takes neighbours, which leaves hardly any padding.
        self._by_length = np.argsort(lengths, kind="stable")
        self._keyed = self._by_length[stored["keyed"][self._by_length]]

    def music(self, rows: int, steps: int, rng: np.random.Generator) -> tuple[Tensor, Prompts]:
        """Codes int64 [rows, 4, HEADER_FRAMES + steps], cut at the loop's borders, and new captions."""
        longest = self._tracks.shape[2] - HEADER_FRAMES
        cuts, prompts = [], []
        for index in rng.integers(len(self._tracks), size=rows):
            track = np.asarray(self._tracks[index], np.int64)
            first = HEADER_FRAMES + LOOP_STEPS * int(rng.integers((longest - steps) // LOOP_STEPS + 1))
            cuts.append(np.concatenate([track[:, :HEADER_FRAMES], track[:, first : first + steps]], axis=1))
            # Without small talk: long captions cost time here, and the header batches teach the rest.
            caption = write_caption(decode_header(track), rng, noise=False)
            prompts.append(np.array(encode_prompt(self.tokenizer, caption.text, MAX_TEXT_TOKENS)))
        return torch.from_numpy(np.stack(cuts)), pad(prompts)

    def headers(self, tokens: int, most_rows: int, rng: np.random.Generator) -> tuple[Tensor, Prompts]:
        """Header codes int64 [rows, 4, 2] and captions of about one length, about `tokens` tokens in all."""
        pool = self._keyed if rng.random() < KEYED_SHARE else self._by_length
        at = int(rng.integers(len(pool)))
        longest = int(self._ends[pool[at]] - self._start(pool[at]))
        rows = max(1, min(most_rows, tokens // longest))
        chosen = pool[max(0, at - rows + 1) : at + 1]
        prompts = [self._ids[self._start(i) : self._ends[i]] for i in chosen]
        return torch.from_numpy(self._headers[chosen].astype(np.int64)), pad(prompts)

    def _start(self, caption: int) -> int:
        return int(self._ends[caption - 1]) if caption > 0 else 0
