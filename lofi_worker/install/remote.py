"""What a repository on the Hub holds for one model, as plain data."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

import msgspec


class Hash(Protocol):
    """As hashlib has them."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


class Listed(NamedTuple):
    """A file in a list: what is not known is None."""

    bytes: int | None
    sha256: str | None
    git_sha1: str | None


class RemoteFile(msgspec.Struct, frozen=True, kw_only=True):
    """path: in the repository. The Hub tells the SHA-256 of large files and git's SHA-1 of small ones."""

    path: str
    bytes: int
    sha256: str | None = None
    git_sha1: str | None = None

    @property
    def name(self) -> str:
        """Its name in the one folder that holds all files of a model."""
        return PurePosixPath(self.path).name

    @property
    def expected(self) -> str | None:
        """The hash that its bytes must have, in hex digits; None when nobody knows any."""
        return self.sha256 or self.git_sha1

    def new_hash(self) -> Hash:
        """An empty hash of the kind of `expected`."""
        if self.sha256 is None and self.git_sha1 is not None:
            # Git hashes a blob behind a header with its length.
            return hashlib.sha1(b"blob %d\0" % self.bytes, usedforsecurity=False)
        return hashlib.sha256()


class RemoteModel(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one model at one commit."""

    repo: str
    commit: str
    license: str
    description: str
    files: list[RemoteFile]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def identity(self, file: RemoteFile) -> str:
        """Names the content of a file: equal identities have equal bytes."""
        if file.sha256 is not None:
            return f"sha256:{file.sha256}"
        if file.git_sha1 is not None:
            return f"git-sha1:{file.git_sha1}"
        return f"{self.repo}@{self.commit}:{file.path}"
