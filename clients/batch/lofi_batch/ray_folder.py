"""An actor's own folder on its node: where its tracks grow, and what it says when it dies.

Nobody is there to clean up behind a process that was killed: whoever comes next takes away what is left of
those whose lock is free.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

_LOCK = "lock"
_WORDS = "last-words"
_LOADING = "loading"
"""There while a model is loaded; has how many processes in a row have died of that."""
_FATAL = "Fatal Python error: "
"""What Python's fault handler begins with."""
_MOST_CHARS = 500


class ActorFolder:
    """Held until the process ends, however it does."""

    def __init__(self, root: Path, actor: str) -> None:
        """root: of all actors of this user on the node. actor: the same for the processes of one actor.

        Raises OSError.
        """
        self.life = secrets.token_hex(6)
        """Of this process."""
        self._folder = root / f"{actor}.{self.life}"
        self.spool = self._folder / "spool"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = root.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
            raise PermissionError(f"{root} is no folder of this user")
        guard = os.open(root / f".{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
            self.last_words, self.dead_loading = _bury(root, actor)
            """Of the process before this one, empty when it said nothing; and how many in a row have died
            while they loaded a model."""
            self.spool.mkdir(parents=True, mode=0o700)
            self._lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        finally:
            os.close(guard)
        self._words = (self._folder / _WORDS).open("w")
        # Whoever enabled it before has put another handler over it, which would take all the time there is.
        faulthandler.disable()
        faulthandler.enable(self._words, all_threads=False)

    def leave(self) -> None:
        """Nothing of it stays, and nothing is said any more."""
        faulthandler.disable()
        self._words.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """For the load of a model, which may be the end of the process. Raises OSError."""
        marker = self._folder / _LOADING
        marker.write_text(str(self.dead_loading + 1))
        try:
            yield
        finally:
            marker.unlink(missing_ok=True)

    def say(self, words: str) -> None:
        """The reason why this process ends now."""
        self._words.write(words)
        self._words.flush()


def actors_root() -> Path:
    """Of this user, on this node."""
    return Path(tempfile.gettempdir()) / f"lofi-ray-{os.getuid()}"


def _bury(root: Path, actor: str) -> tuple[str, int]:
    """Take away what the dead have left; of this actor: `last_words` and `dead_loading`."""
    words, loads = "", 0
    for folder in sorted(root.glob("*.*")):
        if folder.name.startswith("."):
            continue
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # killed before it had one
            shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            if folder.name.startswith(f"{actor}."):
                words, loads = _read_words(folder) or words, _read_loads(folder) or loads
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
    return words, loads


def _read_words(folder: Path) -> str:
    """The first line."""
    with contextlib.suppress(OSError):
        first = (folder / _WORDS).read_text(errors="replace").partition("\n")[0]
        return first.removeprefix(_FATAL)[:_MOST_CHARS]
    return ""


def _read_loads(folder: Path) -> int:
    with contextlib.suppress(OSError, ValueError):  # it was not loading
        return int((folder / _LOADING).read_text())
    return 0
