from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import FakeHub
from tests.support.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A local hub with one small model."""
    with FakeHub() as hub:
        yield Shop(hub, tmp_path)
