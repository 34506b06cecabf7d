"""Where the graphs run: what was asked for, or an error. ONNX Runtime alone would take the CPU in silence."""

import argparse
import sys
from collections.abc import Sequence

import msgspec
import onnxruntime as ort

from lofi_common.errors import LofiError, ModelLoadFailed
from lofi_worker.musicgen.settings import Device

CPU = "CPUExecutionProvider"
_PROVIDERS = {"cpu": CPU, "cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider"}
_ALIASES: dict[str, Device] = {
    "auto": "auto",
    "cpu": "cpu",
    "cuda": "cuda",
    "coreml": "coreml",
    "metal": "coreml",
}
_ADVICE = {
    "cuda": "Put onnxruntime-gpu in onnxruntime's place (pip), with an NVIDIA driver and the CUDA and cuDNN"
    ' that it names; or set worker.device = "cpu".',
    "coreml": 'CoreML comes with onnxruntime on macOS only; set worker.device = "cpu" elsewhere.',
}

NAMES = tuple(_ALIASES)


def device_called(name: str) -> Device:
    """The device that a setting names; `metal` is another word for `coreml`."""
    return _ALIASES[name]


def choose(device: Device, offered: Sequence[str]) -> Device:
    """`auto` made definite: CUDA where ONNX Runtime offers it, else the CPU.

    offered: names of execution providers. Raises ModelLoadFailed when what was asked for is not offered.
    """
    if device == "auto":
        return "cuda" if _PROVIDERS["cuda"] in offered else "cpu"
    if _PROVIDERS[device] not in offered:
        there = [name for name, provider in _PROVIDERS.items() if provider in offered]
        raise ModelLoadFailed(
            f"the device {device} is not there: this onnxruntime offers {', '.join(there)}",
            recovery=_ADVICE[device],
        )
    return device


def choose_here(device: Device) -> Device:
    """`choose` among what the installed ONNX Runtime offers. Raises ModelLoadFailed."""
    return choose(device, ort.get_available_providers())


def providers(device: Device) -> list[str]:
    """In the order of preference; what a GPU has no kernel for runs on the CPU."""
    chosen = _PROVIDERS[choose_here(device)]
    return [chosen] if chosen == CPU else [chosen, CPU]


def check_placed(session: ort.InferenceSession, device: Device) -> str:
    """The device that the session got. Raises ModelLoadFailed when it is not the one that was meant."""
    meant = choose_here(device)
    first = session.get_providers()[0]
    if first != _PROVIDERS[meant]:
        raise ModelLoadFailed(
            f"the device {meant} can't be used: ONNX Runtime took {first} instead", recovery=_ADVICE[meant]
        )
    return meant


def main() -> None:
    """Print the device that a setting gets here, or the error as JSON (exit code 1): for `lofi doctor`."""
    parser = argparse.ArgumentParser(prog="lofi-device", description="Started by `lofi doctor`.")
    parser.add_argument("device", choices=NAMES)
    try:
        print(choose_here(device_called(parser.parse_args().device)))
    except LofiError as error:
        print(msgspec.json.encode(error.info()).decode())
        sys.exit(1)


if __name__ == "__main__":
    main()
