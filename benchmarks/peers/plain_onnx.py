"""Optimum's ONNX files through plain onnxruntime, as MusicGPT runs them.

Public defaults of onnxruntime, the task's number of threads; caches stay in onnxruntime's own memory from
step to step. Sampling is lofi's, the quickest at hand. The candidate's name ends in fp32 or int8.
"""

import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks.peers.process import run
from benchmarks.task import CODEBOOKS, EXTRA_STEPS, GUIDANCE, TOP_K, Span, Task, Track, Window, steps_for
from lofi_worker.musicgen import delay, sampling

DELAYS = tuple(range(CODEBOOKS))
ROWS = 2  # with the prompt and without


class PlainOnnx:
    """The three graphs of a folder; the precision is that of text encoder and decoder."""

    def __init__(self, task: Task) -> None:
        folder = Path(task.files) / "onnx"
        suffix = {"fp32": "", "int8": "_quantized"}[task.candidate.rsplit("-", 1)[1]]
        options = ort.SessionOptions()
        options.intra_op_num_threads = task.threads
        options.log_severity_level = 3

        def session(name: str) -> ort.InferenceSession:
            return ort.InferenceSession(folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"])

        self._ids = np.array([task.prompt_ids], np.int64)
        self._special = task.special
        self._text = session(f"text_encoder{suffix}")
        self._decoder = session(f"decoder_model_merged{suffix}")
        self._codec = session("encodec_decode")
        self._caches = {
            each.name: (each.shape[1], each.shape[3])
            for each in self._decoder.get_inputs()
            if each.name.startswith("past_key_values.")
        }
        self._outputs = [each.name for each in self._decoder.get_outputs()]

    def track(self, seconds: int) -> Track:
        """Generates a track and decodes it."""
        began = time.perf_counter()
        sequence = _Sequence(self._decoder, self._outputs, self._encode(), self._empty_cache())
        steps = steps_for(seconds)
        columns = np.full((steps + 1, CODEBOOKS), self._special, np.int64)
        frames = steps - EXTRA_STEPS
        times = [time.perf_counter()]
        for step in range(steps):
            codes = sequence.step(columns[step], step)
            filled = delay.in_frame(step + 1, DELAYS, frames)
            columns[step + 1, filled] = codes[filled]
            times.append(time.perf_counter())
        self._decode(delay.undelay(columns, DELAYS, 0, frames))
        total = time.perf_counter() - began
        return Track(
            seconds=seconds,
            total=total,
            first_audio=total,
            step_times=np.diff(times).tolist(),
            codec=total - (times[-1] - began),
        )

    def window(self, span: Span) -> Window:
        """The last steps of a long track: the first step makes the text's cache, the rest is noise."""
        rng = np.random.default_rng(0)
        sequence = _Sequence(self._decoder, self._outputs, self._encode(), self._empty_cache())
        sequence.step(np.full(CODEBOOKS, self._special, np.int64), 0)
        for name, (heads, width) in self._caches.items():
            if ".decoder." in name:
                noise = rng.standard_normal((ROWS, heads, span.first, width), np.float32)
                sequence.cache[name] = ort.OrtValue.ortvalue_from_numpy(noise)
        times = [time.perf_counter()]
        codes = rng.integers(self._special, size=CODEBOOKS)
        for step in range(span.first, span.last):
            codes = sequence.step(codes, step)
            times.append(time.perf_counter())
        self._decode(rng.integers(self._special, size=(span.last - EXTRA_STEPS, CODEBOOKS)))
        ended = time.perf_counter()
        return Window(step_times=np.diff(times).tolist()[1:], codec=ended - times[-1])

    def _encode(self) -> dict[str, NDArray[np.generic]]:
        """The text as the decoder wants it; the row without a prompt is zero and masked."""
        mask = np.ones_like(self._ids)
        (states,) = self._text.run(None, {"input_ids": self._ids, "attention_mask": mask})
        return {
            "encoder_hidden_states": np.concatenate([states, np.zeros_like(states)]),
            "encoder_attention_mask": np.concatenate([mask, np.zeros_like(mask)]),
        }

    def _empty_cache(self) -> dict[str, ort.OrtValue]:
        empty = {name: np.zeros((ROWS, h, 1, w), np.float32) for name, (h, w) in self._caches.items()}
        return {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in empty.items()}

    def _decode(self, codes: NDArray[np.int64]) -> None:
        self._codec.run(None, {"audio_codes": np.ascontiguousarray(codes.T[None, None])})


class _Sequence:
    """A decoder on its way through one track. The first step ignores the cache that it is given."""

    def __init__(
        self,
        decoder: ort.InferenceSession,
        outputs: list[str],
        text: dict[str, NDArray[np.generic]],
        cache: dict[str, ort.OrtValue],
    ) -> None:
        self._decoder = decoder
        self._outputs = outputs
        self._text = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in text.items()}
        self.cache = cache

    def step(self, column: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """The next column's codes, int64 [codebooks], from this one's."""
        feeds = {
            "input_ids": ort.OrtValue.ortvalue_from_numpy(np.tile(column, ROWS)[:, None]),
            "use_cache_branch": ort.OrtValue.ortvalue_from_numpy(np.array([step > 0])),
            **self._text,
            **self.cache,
        }
        logits, *present = self._decoder.run_with_ort_values(self._outputs, feeds)
        for name, value in zip(self._outputs[1:], present, strict=True):
            if step == 0 or ".decoder." in name:  # the text's cache comes from the first step alone
                self.cache[name.replace("present.", "past_key_values.")] = value
        conditional, unconditional = logits.numpy().reshape(ROWS, CODEBOOKS, -1)
        guided = sampling.guide(conditional, unconditional, GUIDANCE)
        return sampling.sample(guided, 1.0, TOP_K, 0.0, sampling.draws(0, step, CODEBOOKS))


if __name__ == "__main__":
    run(PlainOnnx, {"onnxruntime": ort.__version__})
