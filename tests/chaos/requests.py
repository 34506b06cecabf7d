"""What the clients of a chaos run ask for: a small pool, so that they meet in the same tracks."""

from __future__ import annotations

from lofi_common.api import GenerateParams
from lofi_common.jobs import AudioFormat

DURATION_SEC = 5


def pool(engine: str) -> list[GenerateParams]:
    """The requests for an engine: the scripted one fails, dies and hangs as well."""
    if engine == "onnx":
        prompts = [f"mellow piano over soft drums, take {number}" for number in range(30)]
        return [_request(prompt) for prompt in prompts]
    tones = [_request(f"tone {number}") for number in range(120)]
    tones += [_request(f"flac {number}", AudioFormat.FLAC) for number in range(20)]
    scripted = [f"slow 0.2 {number}" for number in range(8)] + [f"slow 1 {number}" for number in range(3)]
    scripted += [f"fail@{30 + number}" for number in range(4)] + ["crash 1", "crash 2", "hang 1"]
    return tones + [_request(prompt) for prompt in scripted]


def dies(prompt: str) -> bool:
    """Whether the scripted engine never finishes this prompt."""
    return prompt.startswith(("fail@", "crash", "hang"))


def _request(prompt: str, kind: AudioFormat = AudioFormat.WAV) -> GenerateParams:
    return GenerateParams(prompt=prompt, duration_sec=DURATION_SEC, seed=1, format=kind)
