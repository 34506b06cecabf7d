"""Who said yes to which download: `models/consents.json`, the newest last."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from lofi_common.errors import CacheWriteError, LofiError


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A yes that was given. at: seconds since 1970; uid: the user's."""

    at: float
    uid: int
    model: str
    repo: str
    revision: str | None
    license: str
    bytes: int


def read_consents(file: Path) -> list[Consent]:
    """All of them, oldest first. Raises LofiError when the file can't be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Consent])
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise LofiError(
            f"{file} is no record of consents: {error}",
            recovery="Mend that file, or put it away, and ask again.",
        ) from error


def record_consent(file: Path, consent: Consent) -> None:
    """Add one, synced to the disk before this returns. Raises CacheWriteError, or LofiError as above."""
    consents = [*read_consents(file), consent]
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with part.open("wb") as stream:
            stream.write(msgspec.json.format(msgspec.json.encode(consents), indent=2) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise CacheWriteError(
            f"the consent can't be recorded in {file}: {error.strerror}",
            recovery=f"See that you may write to {file.parent} and that its disk has room, then ask again."
            " Nothing is fetched before.",
        ) from error
