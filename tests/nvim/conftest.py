from __future__ import annotations

import sys
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


@pytest.fixture
def quiet(home: Home) -> Home:
    """The sound goes to a device that swallows it in real time."""
    home.environ["LOFI_PLAYER_DEVICE"] = "null"
    return home


# A `lofi` beside a `lofi-broker`, whose calls are written down; "slow…" waits until it is told to end.
LOFI = """\
#!/bin/sh
echo "$@" >> {log}
case "$3" in
  slow*) trap 'kill $!; echo ended >> {log}; exit 143' TERM; sleep 30 & wait ;;
  gone*) echo "there is no track gone" >&2; exit 2 ;;
esac
printf 'prompt    %s\\n\\n  ▁▄█\\n' "$3"
"""


@pytest.fixture
def beside(short_tmp: Path) -> Path:
    """A folder with programs; the log of the calls is in it."""
    folder = short_tmp / "bin"
    folder.mkdir()
    for name, text in {
        "lofi": LOFI,
        "lofi-broker": f'#!/bin/sh\nexec {sys.executable} -m lofi_broker "$@"\n',
    }.items():
        program = folder / name
        program.write_text(text.format(log=folder / "log") if name == "lofi" else text)
        program.chmod(0o755)
    return folder
