from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lofi_common.cores import usable_cores
from tests.support.home import Home
from tests.support.standing import Standing
from tests.support.stdio import Stdio

# Tests that use ONNX Runtime themselves are as private as the product.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Processes of the tests find the product's modules compiled, as installed ones are.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers() -> int:
    """Tests at a time: they mostly wait for processes; some listen in real time, and want a core left."""
    return 3 if usable_cores() >= 4 else 2


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A folder with a short name: pytest's own are too long for socket paths."""
    folder = Path(tempfile.mkdtemp(prefix="lofi-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home(short_tmp: Path) -> Iterator[Home]:
    """A home with the scripted engine."""
    home = Home(short_tmp)
    yield home
    home.stop()


@pytest.fixture
def broker(home: Home) -> Iterator[Stdio]:
    """A broker on stdio, with the scripted engine."""
    with Stdio(home.environ) as session:
        yield session


@pytest.fixture(scope="module")
def standing() -> Iterator[Standing]:
    """What serves the tests of a module that leave nothing behind."""
    with Standing() as standing:
        yield standing


@pytest.fixture
def standing_broker(standing: Standing) -> Iterator[Stdio]:
    """A broker on stdio, with the scripted engine, that has served other tests before."""
    yield standing.broker()
    standing.look()


@pytest.fixture
def standing_home(standing: Standing) -> Iterator[Home]:
    """A home with the scripted engine, in which a broker may run in the background already."""
    yield standing.home
    standing.look()
