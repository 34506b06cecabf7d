"""Makes in the work folder what the candidates run on; what is there already stays."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import msgspec

from benchmarks.candidates import OUR_PYTHON, Candidate
from benchmarks.processes import ROOT, ProcessFailed, answer_of, run_process
from benchmarks.weights import checkpoint_step_bytes
from lofi_common.manifest import AgreementSpec

TIMEOUT_SEC = 3600
CHECKPOINT = "checkpoint"
JS_PACKAGE = "@huggingface/transformers@4.3.1"
ONNX_FILES = {"text_encoder": True, "decoder_model_merged": True, "encodec_decode": False}
"""Whether the file has a form in int8."""


class Making(msgspec.Struct, frozen=True, kw_only=True):
    """What an import took: its process prints this as JSON."""

    seconds: float
    peak_mb: float
    agreement: AgreementSpec | None


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate runs on."""

    folder: str
    bytes: int
    """Size of all files that it reads."""
    step_bytes: int
    """Weights that one decoder step reads."""
    making: Making | None = None

    def without_place(self) -> Prepared:
        """The same with the folder's name alone: what is kept does not tell where this machine has it."""
        return msgspec.structs.replace(self, folder=Path(self.folder).name)


def run_step(command: list[str]) -> str:
    """Runs one step of the preparation and returns what it printed. Raises ProcessFailed."""
    return run_process(command, timeout_sec=TIMEOUT_SEC, environ={"ONNXRUNTIME_NODE_INSTALL": "skip"})


def make(place: Path, name: str, command: list[str]) -> Path:
    """The folder `name` in this place, made whole by the command (`{}`: where to write).

    Raises ProcessFailed.
    """
    folder = place / name
    if not folder.exists():
        partial = place / f"{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        printed = run_step([part.replace("{}", str(partial)) for part in command])
        (partial / "printed.txt").write_text(printed)
        partial.rename(folder)
    return folder


def make_checkpoint(work: Path) -> Path:
    """The random checkpoint; see checkpoint.py. Raises ProcessFailed."""
    return make(work, CHECKPOINT, [sys.executable, "-m", "benchmarks.checkpoint", "{}"])


def place_of(work: Path, checkpoint: Path) -> Path:
    """Where what is made of a checkpoint lies: in the work folder, or, of another than its own, one below."""
    if checkpoint == work / CHECKPOINT:
        return work
    files = [(path.name, path.stat()) for path in sorted(checkpoint.iterdir())]
    state = [f"{checkpoint}", *(f"{name} {found.st_size} {found.st_mtime_ns}" for name, found in files)]
    digest = hashlib.sha256("\n".join(state).encode()).hexdigest()[:8]
    return work / f"{checkpoint.name}-{digest}"


def prepare(candidate: Candidate, work: Path, checkpoint: Path) -> Prepared:
    """Makes what the candidate needs. Raises ProcessFailed."""
    place = place_of(work, checkpoint)
    try:
        return _prepare(candidate, work, place, checkpoint)
    except OSError as error:
        raise ProcessFailed(f"{Path(error.filename or place).name}: {error.strerror}") from error


def _prepare(candidate: Candidate, work: Path, place: Path, checkpoint: Path) -> Prepared:
    if candidate.kind == "ours":
        return _prepare_ours(candidate, place, checkpoint)
    if candidate.kind == "transformers":
        weights = checkpoint / "model.safetensors"
        bytes_each = {"fp32": 4, "bf16": 2}[candidate.precision]
        step = checkpoint_step_bytes(weights, bytes_each)
        return Prepared(folder=str(checkpoint), bytes=weights.stat().st_size, step_bytes=step)
    export = [sys.executable, "-W", "ignore", "-m", "benchmarks.peers.export", str(checkpoint), "{}"]
    folder = make(place, "onnx", export)
    if candidate.kind == "js":
        make(work, "node", ["npm", "install", "--prefix", "{}", JS_PACKAGE])
    quantized = candidate.precision == "int8"
    files = [
        folder / "onnx" / f"{name}{'_quantized' if quantized and has_int8 else ''}.onnx"
        for name, has_int8 in ONNX_FILES.items()
    ]
    size = sum(path.stat().st_size for path in files)
    return Prepared(folder=str(folder), bytes=size, step_bytes=_step_bytes(files[1]))


def _step_bytes(decoder: Path) -> int:
    """In a process of its own, since reading a graph takes the memory of all its weights."""
    return int(run_step([sys.executable, "-m", "benchmarks.weights", str(decoder)]))


def import_name(candidate: Candidate) -> str:
    """The folder of one of lofi's imports: another one whenever the importer has changed."""
    importer = sorted((ROOT / "lofi_worker/importer").rglob("*.py"))
    state = hashlib.sha256(b"".join(path.read_bytes() for path in importer)).hexdigest()[:8]
    return f"{candidate.name}-{state}"


def _prepare_ours(candidate: Candidate, place: Path, checkpoint: Path) -> Prepared:
    """Imports the checkpoint."""
    importer = [*OUR_PYTHON, "-m", "benchmarks.peers.import_ours"]
    command = [*importer, str(checkpoint), "{}", candidate.precision]
    folder = make(place, import_name(candidate), command)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.name != "printed.txt")
    making = answer_of((folder / "printed.txt").read_text(), Making)
    step = _step_bytes(folder / "decoder.onnx")
    return Prepared(folder=str(folder), bytes=size, step_bytes=step, making=making)
