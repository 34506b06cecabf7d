"""Keys for TCP: the secret of this machine's broker, that of its clients, and which other clients are let in.

A key is 32 bytes, written as 64 hex digits. Public keys are safe to send around; a secret one is a file
that only its user can read.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec

from lofi_common.errors import LofiError

KEY_BYTES = 32
_SUFFIX = ".key"


class KeyFileError(LofiError):
    """A key file that can't be used; the message names it."""

    name = "KEY_FILE_ERROR"
    hint = "Mend the file or remove it: a new key is made when there is none."


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The folder of the keys."""

    folder: Path

    @property
    def broker(self) -> Path:
        return self.folder / "broker.secret"

    @property
    def client(self) -> Path:
        return self.folder / "client.secret"

    @property
    def allowed(self) -> Path:
        """A file `<name>.key` for each client that is let in, its public key inside."""
        return self.folder / "allowed"

    def make(self) -> None:
        """Create the folders, for this user only. Raises KeyFileError."""
        try:
            for folder in (self.folder, self.allowed):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                folder.chmod(0o700)
        except OSError as error:
            raise KeyFileError(f"can't create the folder {self.allowed}: {error.strerror}") from error

    def names(self) -> list[str]:
        """Of the clients that are let in."""
        return sorted(file.stem for file in self._files() if _parsed(file) is not None)

    def broken(self) -> list[str]:
        """What is wrong with each file that was meant to let a client in and holds no key."""
        files = (file for file in self._files() if _parsed(file) is None)
        return [f"{file.name} holds no key ({2 * KEY_BYTES} hex digits)" for file in files]

    def name_of(self, public: bytes) -> str | None:
        """The name under which this client is let in; read anew each time, so a change counts at once."""
        return next((file.stem for file in self._files() if _parsed(file) == public), None)

    def _files(self) -> list[Path]:
        return sorted(self.allowed.glob(f"*{_SUFFIX}"))


def secret_key(path: Path, new: Callable[[], bytes] | None = None) -> bytes:
    """The secret key in a file, made by `new` at first use. Raises KeyFileError."""
    try:
        if new is not None and not path.exists():
            _create(path, new().hex())
        mode = path.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"{path} can't be used: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path} can be read by others", recovery=f"`chmod 600 {path}`")
    key = _parsed(path)
    if key is None:
        raise KeyFileError(f"{path} holds no key: {2 * KEY_BYTES} hex digits")
    return key


def parse_key(text: str) -> bytes | None:
    """The key that the text stands for, if it is one."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _parsed(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return parse_key(file.read(4 * KEY_BYTES).decode(errors="replace"))
    except OSError:
        return None


def _create(path: Path, text: str) -> None:
    """Whole or not at all; of two processes that try, the first one's stays."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{text}\n")
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
