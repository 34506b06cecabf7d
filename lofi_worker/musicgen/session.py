"""Opens ONNX Runtime sessions and runs them with errors that name the file."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from lofi_common.errors import ModelInferenceFailed, ModelLoadFailed
from lofi_common.manifest import Model, check_file

# ONNX Runtime's errors have no base of their own. Its text is not always UTF-8: then the error comes as a
# UnicodeDecodeError. Allocations fail as MemoryError or RuntimeError.
FAILURES = (
    state.EPFail,
    state.EngineError,
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NotImplemented,
    state.RuntimeException,
    MemoryError,
    RuntimeError,
    UnicodeDecodeError,
)


def session_options(threads: int) -> ort.SessionOptions:
    """Options of every session.

    No arena: a failed allocation leaves the session usable, memory goes back after a long prompt, and steps
    take as long. No spinning: a waiting worker leaves the processor to the user, and on busy cores spinning
    threads starve each other (musicgen-small in int4, 2 threads: 54 ms a step with it, 29 without).
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised: they need no second voice on stderr
    return options


class Session:
    """One graph of a model folder, ready to run."""

    def __init__(self, model: Model, name: str, threads: int) -> None:
        """Checks the file against the manifest and loads it.

        Raises ModelNotFound or ModelLoadFailed naming the file.
        """
        self._path = model.folder / name
        data = check_file(model, name)
        try:
            self._session = ort.InferenceSession(
                data, session_options(threads), providers=["CPUExecutionProvider"]
            )
        except FAILURES as error:
            raise ModelLoadFailed(f"{self._path} can't be loaded", details=_text(error)) from error
        self.inputs = {each.name: each for each in self._session.get_inputs()}
        self.outputs = [each.name for each in self._session.get_outputs()]

    def run(self, feeds: dict[str, NDArray[Any]], outputs: Sequence[str] | None = None) -> list[NDArray[Any]]:
        """Runs the graph; all outputs, or those named, in their order. Raises ModelInferenceFailed."""
        try:
            results: list[NDArray[Any]] = self._session.run(outputs, feeds)
        except FAILURES as error:
            raise self._failed(error) from error
        return results

    def bind(self, inputs: dict[str, NDArray[Any]], outputs: dict[str, NDArray[Any]]) -> ort.IOBinding:
        """Ties the graph to these arrays: runs read and write them in place, so they must stay alive."""
        binding = self._session.io_binding()
        for name, array in inputs.items():
            binding.bind_input(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        for name, array in outputs.items():
            binding.bind_output(name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
        return binding

    def run_bound(self, binding: ort.IOBinding) -> None:
        """Runs the graph on bound arrays. Raises ModelInferenceFailed."""
        try:
            self._session.run_with_iobinding(binding)
        except FAILURES as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> ModelInferenceFailed:
        return ModelInferenceFailed(f"{self._path.name} failed while running", details=_text(error))


def empty_input(argument: ort.NodeArg) -> NDArray[Any]:
    """Zeros for a graph input, each dynamic dimension 0 in size."""
    dtype = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}[argument.type]
    return np.zeros([size if isinstance(size, int) else 0 for size in argument.shape], dtype)


def _text(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return error.object.decode("utf-8", "replace")
    return str(error)
