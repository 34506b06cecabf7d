"""Which device is taken, and what is said where it is not there."""

from __future__ import annotations

from typing import Any

import onnxruntime as ort
import pytest

from lofi_common.errors import ModelLoadFailed
from lofi_worker.musicgen import device

CPU, CUDA, COREML = "CPUExecutionProvider", "CUDAExecutionProvider", "CoreMLExecutionProvider"


@pytest.mark.parametrize(
    ("asked", "offered", "taken"),
    [
        ("auto", [CPU], "cpu"),
        ("auto", [CUDA, CPU], "cuda"),
        ("auto", [COREML, CPU], "cpu"),
        ("cpu", [CUDA, CPU], "cpu"),
        ("cuda", [CUDA, CPU], "cuda"),
        ("metal", [COREML, CPU], "coreml"),
    ],
)
def test_the_device_that_is_taken(asked: str, offered: list[str], taken: str) -> None:
    assert device.choose(device.device_called(asked), offered) == taken


@pytest.mark.parametrize(("asked", "advice"), [("cuda", "onnxruntime-gpu"), ("metal", "macOS")])
def test_a_device_that_is_not_there_is_an_error_that_says_what_is_and_what_to_do(
    asked: str, advice: str
) -> None:
    with pytest.raises(ModelLoadFailed, match="offers cpu") as raised:
        device.choose(device.device_called(asked), ["AzureExecutionProvider", CPU])
    assert advice in raised.value.recovery


def test_a_session_that_quietly_went_to_the_cpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fallen:
        def get_providers(self) -> list[str]:
            return [CPU]

    session: Any = Fallen()
    assert device.check_placed(session, "cpu") == "cpu"
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    assert device.providers("auto") == [CUDA, CPU]
    with pytest.raises(ModelLoadFailed, match=f"cuda can't be used: .*{CPU}"):
        device.check_placed(session, "auto")
