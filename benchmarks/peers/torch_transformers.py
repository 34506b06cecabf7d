"""transformers' own MusicGen in torch, on the processor: `generate` with its default cache.

The candidate's name ends in the type of weights and arithmetic, fp32 or bf16.
"""

import time

import torch
import transformers
from transformers.generation.streamers import BaseStreamer

from benchmarks.peers.process import run
from benchmarks.task import CODEBOOKS, GUIDANCE, TOP_K, Span, Task, Track, Window, steps_for

# Of the two, the quicker with one new position a step: bfloat16 at step 500, 76 ms against SDPA's 95.
ATTENTION = "eager"


class _Clock(BaseStreamer):
    """A streamer for `generate`: keeps when each step's tokens came; the first call brings the input."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: object) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        pass

    @property
    def steps(self) -> list[float]:
        return [after - before for before, after in zip(self.times, self.times[1:], strict=False)]


class Transformers:
    """The model in torch, of the candidate's type."""

    def __init__(self, task: Task) -> None:
        torch.set_num_threads(task.threads)
        torch.manual_seed(0)
        transformers.logging.set_verbosity_error()
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[task.candidate.rsplit("-", 1)[1]]
        self._model = transformers.MusicgenForConditionalGeneration.from_pretrained(
            task.files, dtype=dtype, attn_implementation=ATTENTION
        ).eval()
        self._ids = torch.tensor([task.prompt_ids])
        self._special = task.special

    def track(self, seconds: int) -> Track:
        """Generates a track and decodes it."""
        began = time.perf_counter()
        clock, ended = self._generate(steps_for(seconds), None)
        return Track(
            seconds=seconds,
            total=ended - began,
            first_audio=ended - began,
            step_times=clock.steps,
            codec=ended - clock.times[-1],
        )

    def window(self, span: Span) -> Window:
        """The columns before it are given, and run at once in the first step."""
        given = torch.randint(self._special, (CODEBOOKS, span.first))
        clock, ended = self._generate(span.last - span.first, given)
        return Window(step_times=clock.steps[1:], codec=ended - clock.times[-1])

    def _generate(self, steps: int, columns: torch.Tensor | None) -> tuple[_Clock, float]:
        clock = _Clock()
        with torch.inference_mode():
            self._model.generate(
                input_ids=self._ids,
                attention_mask=torch.ones_like(self._ids),
                decoder_input_ids=columns,
                do_sample=True,
                top_k=TOP_K,
                guidance_scale=GUIDANCE,
                max_new_tokens=steps,
                streamer=clock,
            )
        return clock, time.perf_counter()


if __name__ == "__main__":
    run(Transformers, {"torch": str(torch.__version__), "transformers": transformers.__version__})
