"""The ways to run MusicGen that are measured beside each other, and what each needs."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from lofi_common.cores import HUGE_PAGES
from lofi_worker.importer.precision import DEFAULT_PRECISION, Precision

HERE = Path(__file__).parent
Kind = Literal["ours", "transformers", "onnx", "js"]

# What a candidate's kind needs beyond lofi itself: Python packages, programs.
PACKAGES: dict[Kind, tuple[str, ...]] = {
    "ours": (),
    "transformers": ("torch", "transformers"),
    "onnx": ("torch", "transformers", "optimum.exporters.onnx"),
    "js": ("torch", "transformers", "optimum.exporters.onnx"),
}
OUR_PYTHON = ["env", *(f"{name}={value}" for name, value in HUGE_PAGES.items()), sys.executable]
"""Python as the broker starts it for workers and installers."""
PROGRAMS: dict[Kind, tuple[str, ...]] = {"ours": (), "transformers": (), "onnx": (), "js": ("node", "npm")}


@dataclass(frozen=True)
class Candidate:
    kind: Kind
    precision: str
    about: str
    """What exactly runs: for the report."""
    whole: bool = True
    """Generates the long track whole; the others run its end and a short track."""
    slots: bool = False
    """Is measured with several tracks side by side, too."""
    optional: bool = False
    """Runs only when it is asked for by name."""

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.precision}"


def _ours(precision: Precision) -> Candidate:
    default = precision == DEFAULT_PRECISION
    return Candidate(
        kind="ours",
        precision=precision,
        about=f"lofi's engine, precision {precision}" + (" (the default)" if default else ""),
        slots=default or precision == "int4",
        optional=not default and precision != "int4",
    )


TORCH = "transformers' MusicgenForConditionalGeneration.generate in torch, eager attention"
PLAIN = "Optimum's export through onnxruntime in Python, public defaults, caches kept as OrtValues"
JS = "transformers.js' MusicgenForConditionalGeneration.generate in node on Optimum's export"
CANDIDATES: tuple[Candidate, ...] = (
    *(_ours(precision) for precision in get_args(Precision)),
    Candidate("transformers", "fp32", f"{TORCH}, float32", whole=False),
    Candidate("transformers", "bf16", f"{TORCH}, bfloat16", whole=False),
    Candidate("onnx", "fp32", f"{PLAIN}, float32", whole=False),
    Candidate("onnx", "int8", f"{PLAIN}, dynamic int8, codec float32"),
    Candidate("js", "fp32", f"{JS}, float32", optional=True),
    Candidate("js", "int8", f"{JS}, dynamic int8 (q8), codec float32"),
)


def missing(candidate: Candidate) -> list[str]:
    """What this machine lacks to run the candidate."""
    return [
        *(name for name in PACKAGES[candidate.kind] if not _has_package(name)),
        *(name for name in PROGRAMS[candidate.kind] if shutil.which(name) is None),
    ]


def _has_package(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a parent of it is not there
        return False


def command_of(candidate: Candidate, task: Path, work: Path) -> list[str]:
    """The command of a process that measures the candidate."""
    modules = {"ours": "ours", "transformers": "torch_transformers", "onnx": "plain_onnx"}
    if candidate.kind == "js":
        return ["node", str(HERE / "peers/transformers_js.mjs"), str(task), str(work / "node")]
    python = OUR_PYTHON if candidate.kind == "ours" else [sys.executable]
    return [*python, "-m", f"benchmarks.peers.{modules[candidate.kind]}", str(task)]
