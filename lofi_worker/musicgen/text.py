"""From a prompt to the keys and values that every decoder layer attends to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lofi_worker.musicgen.session import Session


@dataclass(frozen=True)
class EncodedText:
    """A prompt as the decoder sees it: `cross.{i}.key` and `.value`, float32 [heads, tokens, head_dim]."""

    tokens: int
    cross: dict[str, NDArray[np.float32]]


class TextEncoder:
    """The tokenizer and the text encoder of a model."""

    def __init__(self, tokenizer: Tokenizer, session: Session, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._session = session
        self._max_tokens = max_tokens

    def encode(self, prompt: str) -> EncodedText:
        """Raises ModelInferenceFailed when the graph fails."""
        ids = truncate(self._tokenizer.encode(prompt).ids, self._max_tokens)
        row = np.array([ids], np.int64)
        outputs = self._session.run({"input_ids": row, "attention_mask": np.ones_like(row)})
        cross = dict(zip(self._session.outputs, (output[0] for output in outputs), strict=True))
        return EncodedText(len(ids), cross)


def truncate(ids: list[int], max_tokens: int) -> list[int]:
    """At most `max_tokens` ids; the last one, which ends the text, stays the last."""
    if len(ids) <= max_tokens:
        return ids
    return [*ids[: max_tokens - 1], ids[-1]]
