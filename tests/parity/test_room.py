"""The room that an import asks for before it begins, against what it takes."""

from pathlib import Path

import pytest

from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.precision import Precision
from lofi_worker.importer.sources.config import read_config
from lofi_worker.importer.sources.expected import BYTES_BESIDE, import_room
from tests.parity.checkpoints import MONO, STEREO


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4", "mixed"])
@pytest.mark.parametrize("checkpoint", [MONO, STEREO])
def test_an_import_takes_no_more_room_than_it_asks_for(
    checkpoint: Path, tmp_path: Path, precision: Precision
) -> None:
    most = 0

    def measure(stage: str, done: int, total: int) -> None:
        nonlocal most
        most = max(most, sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()))

    convert_checkpoint(
        checkpoint, tmp_path, "x", license="", description="", precision=precision, report=measure
    )
    measure("", 0, 0)
    room = import_room(read_config(checkpoint / "config.json"))
    beside = sum(path.stat().st_size for path in tmp_path.iterdir() if path.suffix != ".data")
    assert beside < BYTES_BESIDE and most - beside < room - BYTES_BESIDE
    if precision == "fp32":  # and not much more: what it takes is known
        assert room - BYTES_BESIDE < 1.5 * (most - beside)
