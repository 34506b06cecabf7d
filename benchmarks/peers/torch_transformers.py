"""transformers' own MusicGen in torch, on the processor: `generate` with its default cache.

The candidate's name ends in the type of weights and arithmetic, fp32 or bf16.
"""

import time

import torch
import transformers
from transformers.generation.streamers import BaseStreamer

from benchmarks.task import (
    CODEBOOKS,
    EXTRA_STEPS,
    GUIDANCE,
    TOP_K,
    WINDOW,
    Measurement,
    Task,
    Track,
    Window,
    peak_mib,
    run_task,
    since_start,
    steps_for,
)

# Of the two, the quicker with one new position a step: bfloat16 at step 500, 76 ms against SDPA's 95.
ATTENTION = "eager"


def measure(task: Task) -> Measurement:
    imports = since_start()
    torch.set_num_threads(task.threads)
    torch.manual_seed(0)
    transformers.logging.set_verbosity_error()
    began = time.perf_counter()
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[task.candidate.rsplit("-", 1)[1]]
    model = transformers.MusicgenForConditionalGeneration.from_pretrained(
        task.files, dtype=dtype, attn_implementation=ATTENTION
    ).eval()
    loaded = time.perf_counter()
    generator = _Generator(model, task)
    generator.track(task.warm_up_sec)
    return Measurement(
        candidate=task.candidate,
        versions={"torch": str(torch.__version__), "transformers": transformers.__version__},
        imports=imports,
        load=loaded - began,
        tracks=[generator.track(seconds) for seconds in task.tracks],
        window=None if task.window_frames is None else generator.window(task.window_frames),
        peak_mib=peak_mib(),
    )


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


class _Generator:
    def __init__(self, model: transformers.MusicgenForConditionalGeneration, task: Task) -> None:
        self._model = model
        self._ids = torch.tensor([task.prompt_ids])
        self._special = task.special

    def track(self, seconds: int) -> Track:
        began = time.perf_counter()
        clock, ended = self._generate(steps_for(seconds), None)
        return Track(
            seconds=seconds,
            total=ended - began,
            first_audio=ended - began,
            step_times=clock.steps,
            codec=ended - clock.times[-1],
        )

    def window(self, frames: int) -> Window:
        """All columns but the last WINDOW are given, and run at once in the first step."""
        given = frames + EXTRA_STEPS - WINDOW
        clock, ended = self._generate(WINDOW, torch.randint(self._special, (CODEBOOKS, given)))
        return Window(frames=frames, step_times=clock.steps[1:], codec=ended - clock.times[-1])

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
    run_task(measure)
