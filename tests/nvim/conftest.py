from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import Home
from tests.support.nvim import Editor

Open = Callable[..., Editor]


@pytest.fixture
def starter(short_tmp: Path) -> Iterator[Home]:
    """A home with the starter model."""
    home = Home(short_tmp, engine="onnx")
    yield home
    home.stop()


@pytest.fixture
def open_editor(short_tmp: Path) -> Iterator[Open]:
    """`open_editor(home, name="one", options={…})`: an editor of its own folders, closed at the end."""
    with ExitStack() as stack:

        def opened(home: Home, name: str = "one", options: dict[str, Any] | None = None) -> Editor:
            editor = Editor(short_tmp / name, home.environ, options={} if options is None else options)
            return stack.enter_context(editor)

        yield opened


@pytest.fixture
def editor(home: Home, open_editor: Open) -> Editor:
    """An editor whose broker has the scripted engine."""
    return open_editor(home)
