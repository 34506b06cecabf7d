"""The cache that other programs filled through huggingface_hub: read, never written."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.file_download import repo_folder_name

from lofi_common.errors import ModelDownloadFailed
from lofi_worker.install.remote import Listed, RemoteFile, RemoteModel

OFFLINE_RECOVERY = "Unset HF_HUB_OFFLINE, or import a folder that holds the checkpoint."
_SHA256_DIGITS = 64
_SHA1_DIGITS = 40


def cached_file(model: RemoteModel, file: RemoteFile) -> Path | None:
    """The file as it lies in the cache at the same commit, its size right, its hash not checked."""
    found = try_to_load_from_cache(model.repo, file.path, revision=model.commit)
    if not isinstance(found, str):
        return None
    path = Path(found).resolve()
    return path if path.is_file() and path.stat().st_size == file.bytes else None


def cached_snapshot(repo: str, revision: str) -> tuple[str, dict[str, Listed]]:
    """Commit and files that the cache holds of a repository, when no network may be used.

    Raises ModelDownloadFailed when it has none.
    """
    root = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")
    reference = root / "refs" / revision
    commit = reference.read_text().strip() if reference.is_file() else revision
    snapshot = root / "snapshots" / commit
    if not snapshot.is_dir():
        raise ModelDownloadFailed(
            f"HF_HUB_OFFLINE is set and the cache has nothing of {repo} at {revision}",
            details=f"looked into {root}",
            recovery=OFFLINE_RECOVERY,
        )
    files = (path for path in snapshot.rglob("*") if path.is_file())
    return commit, {path.relative_to(snapshot).as_posix(): _listed(path) for path in files}


def _listed(path: Path) -> Listed:
    """A snapshot's files are links to blobs, which are named by their hash."""
    blob = path.readlink().name if path.is_symlink() else ""
    return Listed(
        path.stat().st_size,
        blob if len(blob) == _SHA256_DIGITS else None,
        blob if len(blob) == _SHA1_DIGITS else None,
    )
