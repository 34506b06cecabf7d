"""Opens ONNX Runtime sessions and runs them with errors that name the file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from lofi_common.errors import (
    MORE_MEMORY,
    MORE_MEMORY_TO_LOAD,
    ModelInferenceFailed,
    ModelLoadFailed,
    ModelNotFound,
)
from lofi_common.manifest import Model, check_file, check_large_file, data_name, how_to_mend
from lofi_worker.musicgen import device
from lofi_worker.musicgen.settings import RunSettings

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
_NO_MEMORY = ("bad_alloc", "bad allocation", "Failed to allocate memory")
"""What ONNX Runtime says where an allocation failed."""

DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(int8)": np.int8,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}
SPIN_MICROSECONDS = 50
WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"
"""Where a graph that is loaded from bytes finds the file with its weights."""


def session_options(settings: RunSettings) -> ort.SessionOptions:
    """Options of every session.

    No arena: a failed allocation leaves the session usable, memory goes back after a long prompt, and steps
    take as long. Threads spin no longer than from one operator to the next, so that a waiting worker leaves
    the processor to the user. With musicgen-small in int4 on two cores, a step takes 11 ms with that, 16
    without spinning and 11 with endless spinning; beside one busy process 27, 20 and 38.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(settings.spin)))
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN_MICROSECONDS))
    options.log_severity_level = 4  # errors are raised: they need no second voice on stderr
    return options


class Session:
    """One graph of a model folder, ready to run."""

    def __init__(self, model: Model, name: str, settings: RunSettings) -> None:
        """Checks the file against the manifest and loads it.

        Raises ModelNotFound or ModelLoadFailed naming the file.
        """
        graph = check_file(model, name)
        weights = data_name(name)
        if weights in model.manifest.files:
            # ONNX Runtime opens the weights by name: it must get the file that was checked.
            before = _state_of(model.folder / weights)
            check_large_file(model, weights)
            self._load(model.folder / name, graph, settings)
            if _state_of(model.folder / weights) != before:
                raise ModelLoadFailed(f"{model.folder / weights} was changed while it was loaded")
        else:
            self._load(model.folder / name, graph, settings)

    @classmethod
    def unchecked(cls, path: Path, settings: RunSettings) -> Self:
        """A graph that this process has just written itself. Raises ModelLoadFailed."""
        session = cls.__new__(cls)
        session._load(path, path.read_bytes(), settings)
        return session

    def _load(self, path: Path, graph: bytes, settings: RunSettings) -> None:
        self._path = path
        options = session_options(settings)
        options.add_session_config_entry(WEIGHTS_FOLDER, str(path.parent.resolve()))
        try:
            self._session = ort.InferenceSession(
                graph,
                options,
                providers=device.providers(settings.device),
                enable_fallback=0,  # a device that does not work is an error, never a quiet change to another
            )
        except FAILURES as error:
            if _out_of_memory(error):
                raise ModelLoadFailed(
                    f"out of memory: {self._path} can't be loaded",
                    details=_text(error),
                    recovery=MORE_MEMORY_TO_LOAD,
                ) from error
            raise ModelLoadFailed(f"{self._path} can't be loaded", details=_text(error)) from error
        self.device = device.check_placed(self._session, settings.device)
        self.inputs = {each.name: each for each in self._session.get_inputs()}
        self.outputs = [each.name for each in self._session.get_outputs()]

    def dtype(self, name: str) -> type[np.generic]:
        """The type of the values that an input takes."""
        return DTYPES[self.inputs[name].type]

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

    def run_bound(self, binding: ort.IOBinding, options: ort.RunOptions | None = None) -> None:
        """Runs the graph on bound arrays. Raises ModelInferenceFailed."""
        try:
            self._session.run_with_iobinding(binding, options)
        except FAILURES as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> ModelInferenceFailed:
        what = f"{self._path.name} failed while running"
        if _out_of_memory(error):
            return ModelInferenceFailed(f"out of memory: {what}", details=_text(error), recovery=MORE_MEMORY)
        return ModelInferenceFailed(what, details=_text(error))


def _out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(words in _text(error) for words in _NO_MEMORY)


def _state_of(path: Path) -> tuple[int, int, int, int]:
    """What tells this file from another one, and from itself after a change."""
    try:
        found = path.stat()
    except OSError as error:
        raise ModelNotFound(
            f"the model's file {path} can't be read", details=str(error), recovery=how_to_mend(path.parent)
        ) from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def empty_input(argument: ort.NodeArg) -> NDArray[Any]:
    """Zeros for a graph input, each dynamic dimension 0 in size."""
    shape = [size if isinstance(size, int) else 0 for size in argument.shape]
    return np.zeros(shape, DTYPES[argument.type])


def _text(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return error.object.decode("utf-8", "replace")
    return str(error)
