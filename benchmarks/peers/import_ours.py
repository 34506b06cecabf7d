"""Imports a checkpoint as lofi does, and prints what that took, as JSON.

python -m benchmarks.peers.import_ours CHECKPOINT FOLDER PRECISION
"""

import argparse
import time
from pathlib import Path
from typing import get_args

from benchmarks.prepare import Making
from benchmarks.task import answer, peak_mb
from lofi_common.manifest import read_model
from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.precision import Precision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("precision", choices=get_args(Precision))
    arguments = parser.parse_args()
    began = time.perf_counter()
    convert_checkpoint(
        arguments.checkpoint,
        arguments.folder,
        "musicgen-small",
        license="none",
        description="Random weights in musicgen-small's shape.",
        precision=arguments.precision,
    )
    took = time.perf_counter() - began
    manifest = read_model(arguments.folder).manifest
    answer(Making(seconds=took, peak_mb=peak_mb(), agreement=manifest.agreement))


if __name__ == "__main__":
    main()
