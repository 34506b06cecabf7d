from pathlib import Path

import pytest

from lofi_worker.importer.convert import convert_checkpoint
from lofi_worker.importer.precision import Precision
from tests.parity.checkpoints import MERGED_FP16, MERGED_STEREO, MONO, SPLIT, STEREO, export_of


def _convert(checkpoint: Path, folder: Path, precision: Precision) -> Path:
    convert_checkpoint(
        checkpoint, folder, "tiny", license="MIT", description="random weights", precision=precision
    )
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint as a model folder, in float32."""
    return _convert(MONO, tmp_path_factory.mktemp("tiny"), "fp32")


@pytest.fixture(scope="session")
def tiny_int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint as a model folder, its matrices in 8 bits."""
    return _convert(MONO, tmp_path_factory.mktemp("tiny_int8"), "int8")


@pytest.fixture(scope="session")
def tiny_int4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint as a model folder, the decoder's matrices in 4 bits."""
    return _convert(MONO, tmp_path_factory.mktemp("tiny_int4"), "int4")


@pytest.fixture(scope="session")
def tiny_mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint as a model folder, its matrices in 4 or 8 bits."""
    return _convert(MONO, tmp_path_factory.mktemp("tiny_mixed"), "mixed")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model folders in float32, of each form of checkpoint and both numbers of channels."""
    exports = tmp_path_factory.mktemp("exports")
    checkpoints = {
        "mono": MONO,
        "mono, split export": export_of(SPLIT, exports / "split"),
        "mono, merged float16 export": export_of(MERGED_FP16, exports / "merged_fp16"),
        "stereo": STEREO,
        "stereo, merged export": export_of(MERGED_STEREO, exports / "merged_stereo"),
    }
    return {
        name: _convert(checkpoint, tmp_path_factory.mktemp("model"), "fp32")
        for name, checkpoint in checkpoints.items()
    }
