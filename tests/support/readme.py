"""The README's code blocks, and a user who carries them out one after the other in a fresh clone."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.support.terminal import read

_SILENT_SEC = 120.0
_QUESTION = b"[y/N]"


class Block(NamedTuple):
    language: str
    text: str
    heading: str
    """Of the section that it stands in."""
    line: int


def blocks(text: str) -> list[Block]:
    """All fenced blocks of a Markdown text, in order."""
    found: list[Block] = []
    heading, language, inside, start = "", "", list[str](), 0
    for number, line in enumerate(text.splitlines(), 1):
        if start:
            if line == "```":
                found.append(Block(language, "\n".join(inside) + "\n", heading, start))
                inside, start = [], 0
            else:
                inside.append(line)
        elif line.startswith("```"):
            language, start = line.removeprefix("```"), number
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return found


def copy_tree(root: Path, to: Path) -> None:
    """What a clone of `root` would hold if everything were committed now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)


class User:
    """Somebody at a terminal, whose clone lies in `~/lofi`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clone = home / "lofi"
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
        pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        self.environ = {
            **kept,
            **pip,
            "HOME": str(home),
            # Every module of every package would be compiled, of which a command takes a few.
            "PIP_NO_COMPILE": "1",
            "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(Path.home() / ".cache/pip")),
            "PATH": f"{self.clone / '.venv/bin'}:{os.environ['PATH']}",
            "TERM": "xterm-256color",
            "LOFI_PLAYER_DEVICE": "null",
        }

    def types(self, commands: str) -> tuple[int, str]:
        """Run shell lines in the clone, in a terminal, with "yes" as the answer to every question.

        Returns the exit code and what the terminal showed.
        """
        child, terminal = pty.fork()
        if child == 0:
            try:
                os.chdir(self.clone)
                os.execvpe("bash", ["bash", "--norc", "-eo", "pipefail", "-c", commands], self.environ)
            finally:
                os._exit(127)
        shown, asked = b"", 0
        try:
            while chunk := self._heard(terminal):
                shown += chunk
                if shown.count(_QUESTION) > asked:
                    asked += 1
                    os.write(terminal, b"y\n")
            _, status = os.waitpid(child, 0)
        finally:
            os.close(terminal)
        return os.waitstatus_to_exitcode(status), shown.decode(errors="replace").replace("\r\n", "\n")

    def _heard(self, terminal: int) -> bytes:
        assert select.select([terminal], [], [], _SILENT_SEC)[0], f"nothing for {_SILENT_SEC:g} s"
        return read(terminal)
