"""The language model: one step for all rows, with the KV cache written in place.

Rows: 0 … slots - 1 see their slot's prompt, slots … 2 * slots - 1 see no prompt (the null rows of guidance).
A row's logits have the same bits whatever the other rows hold, however many rows run, and with any number of
threads. tests/parity/test_neighbours.py holds this on the machine that runs it. It was measured in float32,
int8 and int4, with 1 to 16 rows and 1 or 2 threads, on an x86-64 with AVX-512 VNNI and, emulated, with AVX2
and with SSE 4 alone. Two things break it:

- Keys beyond the prompt are masked, but a text capacity that is no multiple of the vector width changes the
  order of the sums. Hence TEXT_BUCKET.
- With AVX2, int4 products of one row go through a kernel of their own. Hence LEAST_ROWS.
"""

from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from lofi_common.errors import ModelInferenceFailed
from lofi_common.manifest import DecoderSpec
from lofi_worker.engine import Interrupted
from lofi_worker.musicgen.columns import bind_columns, without_prompt
from lofi_worker.musicgen.session import Session
from lofi_worker.musicgen.text import EncodedText

TEXT_BUCKET = 32
LEAST_ROWS = 2


class Decoder:
    """The decoder graph with the buffers of `slots` slots."""

    def __init__(self, session: Session, spec: DecoderSpec, slots: int) -> None:
        self._session = session
        self._spec = spec
        self._slots = slots
        rows = 2 * slots
        # np.zeros maps the pages lazily: memory is used only as far as sequences get.
        cache = (rows, spec.heads, spec.max_steps, spec.head_dim)
        kinds = [f"{i}.{kind}" for i in range(spec.layers) for kind in ("key", "value")]
        self._cache = {kind: np.zeros(cache, session.dtype(f"past.{kind}")) for kind in kinds}
        self._tokens = np.full((rows, 1, spec.codebooks), spec.codebook_size, np.int64)
        self._positions = np.zeros(rows, np.int32)
        self._frames_left = np.zeros(rows, np.int64)
        self._longest = np.ones(1, np.int32)
        self._logits = np.zeros((rows, 1, spec.codebooks, spec.codebook_size), np.float32)
        self._texts: dict[int, EncodedText] = {}
        # Older graphs attend to a prompt in the null rows too, whose keys and values are zero.
        null_rows_ask = session.inputs["cross_mask"].shape[0] == "rows"
        self._prompt_rows = rows if null_rows_ask else slots
        self._cross: dict[str, NDArray[np.float32]] = {}
        self._cross_mask = np.zeros((rows, 0), np.int32)
        self._bindings: dict[int, ort.IOBinding] = {}
        self._run = ort.RunOptions()

    def start(self, slot: int, text: EncodedText) -> None:
        """Gives the slot its prompt; its sequence begins anew."""
        self._texts[slot] = text
        self._lay_out_texts()

    def stop(self, slot: int) -> None:
        """The slot's rows run idle from now on, if at all."""
        self._texts.pop(slot, None)
        for row in (slot, self._slots + slot):
            self._tokens[row] = self._spec.codebook_size
            self._positions[row] = 0

    def feed(self, slot: int, position: int, column: NDArray[np.int64], frames_left: int) -> None:
        """Sets what the next step feeds to the slot's rows: the codes [codebooks] of one column.

        frames_left: how many frames follow the one that codebook 0 predicts; some models close with it.
        """
        for row in (slot, self._slots + slot):
            self._tokens[row] = column
            self._positions[row] = position
            self._frames_left[row] = frames_left

    def prefill(
        self, slot: int, start: int, columns: NDArray[np.int64], frames_left: int, guided: bool
    ) -> None:
        """Puts the keys and values of the columns [columns, codebooks] into the slot's caches.

        start: the position of the first; those before it are in the caches. frames_left: as for `feed`, of
        the last column. Runs each of the slot's rows alone, so that the others can't feel it.
        Raises ModelInferenceFailed, and Interrupted after `interrupt`: the same prefill can be taken again.
        """
        text = self._texts[slot]
        for row, prompt in ((slot, text), (self._slots + slot, without_prompt(text)))[: 2 if guided else 1]:
            cache = {kind: each[row : row + 1] for kind, each in self._cache.items()}
            binding = bind_columns(self._session, self._spec, cache, prompt, columns, start, frames_left)
            self._run_bound(binding.binding)

    def step(self, guided: bool) -> NDArray[np.float32]:
        """Runs the rows that are needed: logits float32 [2, slots, codebooks, size], the null rows second.

        The null rows are computed only if some slot is `guided`. The array is a view that the next step
        overwrites. Raises ModelInferenceFailed when the graph fails, and Interrupted after `interrupt`: the
        caches are written in place, so the same step then gives what it would have given.
        """
        rows = max(LEAST_ROWS, max(self._texts) + 1 + (self._slots if guided else 0))
        if rows not in self._bindings:
            self._bindings[rows] = self._bind(rows)
        self._longest[0] = self._positions[:rows].max() + 1
        self._run_bound(self._bindings[rows])
        return self._logits.reshape(2, self._slots, self._spec.codebooks, self._spec.codebook_size)

    def interrupt(self) -> None:
        """Ends the step that runs, or the next one, early. May be called by another thread."""
        self._run.terminate = True

    def _run_bound(self, binding: ort.IOBinding) -> None:
        try:
            self._session.run_bound(binding, self._run)
        except ModelInferenceFailed as error:
            if self._run.terminate:
                self._run.terminate = False
                raise Interrupted from error
            raise

    def _bind(self, rows: int) -> ort.IOBinding:
        prompts = min(rows, len(self._cross_mask))
        inputs: dict[str, NDArray[Any]] = {
            "tokens": self._tokens[:rows],
            "seqlens_k": self._positions[:rows],
            "total_sequence_length": self._longest,
            "cross_mask": self._cross_mask[:prompts],
            **({"frames_left": self._frames_left[:rows]} if "frames_left" in self._session.inputs else {}),
            **{f"past.{kind}": cache[:rows] for kind, cache in self._cache.items()},
            **{name: cross[:prompts] for name, cross in self._cross.items()},
        }
        outputs: dict[str, NDArray[Any]] = {
            "logits": self._logits[:rows],
            **{f"present.{kind}": cache[:rows] for kind, cache in self._cache.items()},
        }
        return self._session.bind(inputs, outputs)

    def _lay_out_texts(self) -> None:
        """Copies all prompts into buffers as long as the longest, in buckets; what is masked is zero."""
        longest = max(text.tokens for text in self._texts.values())
        capacity = -(-longest // TEXT_BUCKET) * TEXT_BUCKET
        prompts = self._prompt_rows
        shape = (prompts, self._spec.heads, capacity, self._spec.head_dim)
        self._bindings.clear()
        self._cross_mask = np.zeros((prompts, capacity), np.int32)
        self._cross = {f"cross.{kind}": np.zeros(shape, np.float32) for kind in self._cache}
        for slot, text in self._texts.items():
            self._cross_mask[slot, : text.tokens] = 1
            for name, buffer in self._cross.items():
                buffer[slot, :, : text.tokens] = text.cross[name]
