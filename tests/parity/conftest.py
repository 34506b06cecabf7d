from pathlib import Path

import pytest

from lofi_worker.importer.convert import convert_checkpoint
from tests.parity.engine_runs import CHECKPOINT


def _convert(folder: Path, bits: int | None) -> Path:
    convert_checkpoint(CHECKPOINT, folder, "tiny", license="MIT", description="random weights", bits=bits)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint as a model folder, in float32."""
    return _convert(tmp_path_factory.mktemp("tiny"), None)


@pytest.fixture(scope="session")
def tiny_int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint as a model folder, its matrices in 8 bits."""
    return _convert(tmp_path_factory.mktemp("tiny_int8"), 8)
