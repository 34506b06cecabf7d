"""What the tests of bad checkpoints share."""

from pathlib import Path

import pytest

from lofi_common.errors import LofiError, ModelLoadFailed
from lofi_worker.importer.convert import convert_checkpoint


def refused(checkpoint: Path, reason: str, kind: type[LofiError] = ModelLoadFailed) -> LofiError:
    """Imports it; the error that it gave, whose message has the reason, and that nothing was left."""
    out = checkpoint.parent / "model"
    with pytest.raises(kind, match=reason) as caught:
        convert_checkpoint(checkpoint, out, "bad", license="MIT", description="bad", precision="fp32")
    assert not out.exists() or not list(out.iterdir())
    return caught.value
