"""All files of one model: what is here already, whether there is room, and the rest over the network."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lofi_common.errors import ModelDownloadFailed
from lofi_common.logs import fields
from lofi_worker.install.cache import OFFLINE_RECOVERY, cached_file
from lofi_worker.install.choose import BESIDE
from lofi_worker.install.fetch import Fetcher, http_client
from lofi_worker.install.hub import Hub
from lofi_worker.install.lines import DownloadLines
from lofi_worker.install.partial import Sidecar, is_complete, present_bytes, sync, write_sidecar
from lofi_worker.install.patience import PatienceSettings
from lofi_worker.install.places import Places
from lofi_worker.install.remote import RemoteFile, RemoteModel

log = logging.getLogger(__name__)

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BLOCK = 1 << 20
_MIB = 1 << 20


def bytes_present(model: RemoteModel, places: Places) -> int:
    """How many of the model's bytes need not be fetched."""
    return sum(_present(model, file, places) for file in model.files)


def fetch_all(
    hub: Hub,
    model: RemoteModel,
    places: Places,
    lines: DownloadLines,
    patience: PatienceSettings,
    import_room: int,
    check_beside: Callable[[], int],
) -> None:
    """Returns when every file of the model lies checked in `places.source`, and nothing else does.

    import_room: bytes that the import will need beside them, as far as that is known before anything has
    come. check_beside: called once when the small files beside the weights have come, before any weight is
    asked for; it gives the exact number, and what it raises ends this.
    Raises ModelDownloadFailed and ModelNotFound.
    """
    places.drop_strangers({file.name for file in model.files})
    check_room(places.models, bytes_to_write(model, model.files, places) + import_room)
    with http_client(hub.headers(), patience, offline=hub.offline) as client:
        fetcher = Fetcher(
            client,
            repo=model.repo,
            endpoint=hub.public_endpoint,
            folder=places.fetch,
            target=places.source,
            patience=patience,
        )
        beside = [file for file in model.files if file.name in BESIDE]
        weights = [file for file in model.files if file.name not in BESIDE]
        for file in (*beside, *weights):
            if file is weights[0]:
                check_room(places.models, bytes_to_write(model, weights, places) + check_beside())
            identity = model.identity(file)
            here = is_complete(places.fetch, places.source / file.name, file, identity)
            if not here and not _take_from_cache(model, file, places):
                if hub.offline:
                    raise ModelDownloadFailed(
                        f"HF_HUB_OFFLINE is set and {file.path} of {model.repo} is not in the cache",
                        recovery=OFFLINE_RECOVERY,
                    )
                fetcher.fetch(file, identity, hub.url(model, file), _progress(lines, file))
            lines.complete(file.path, file.bytes)


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """A full disk, and any other trouble with files, becomes ModelDownloadFailed with what to do."""
    try:
        yield
    except BrokenPipeError:  # nobody reads our lines any more: no matter of files
        raise
    except OSError as error:
        if error.errno in _NO_ROOM:
            there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
            free = shutil.disk_usage(there).free // _MIB
            raise ModelDownloadFailed(
                f"the disk is full: {folder} has {free} MiB left",
                details=str(error),
                recovery="Free some space and ask again: what has come is kept and is not fetched twice.",
            ) from error
        raise ModelDownloadFailed(
            f"{error.filename or folder}: {error.strerror or error}",
            details=str(error),
            recovery="See to that file or folder (LOFI_HOME moves all of them), and ask again.",
        ) from error


def check_room(folder: Path, needed: int) -> None:
    """Raises ModelDownloadFailed when the folder's file system has less than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelDownloadFailed(
            f"the disk is too full: {needed // _MIB} MiB are needed in {folder}, {free // _MIB} MiB are left",
            recovery="Free some space, or move the models elsewhere (LOFI_HOME), and ask again.",
        )


def _progress(lines: DownloadLines, file: RemoteFile) -> Callable[[int], None]:
    return lambda count: lines.at(file.path, count)


def _present(model: RemoteModel, file: RemoteFile, places: Places) -> int:
    here = present_bytes(places.fetch, places.source / file.name, file, model.identity(file))
    return file.bytes if here < file.bytes and cached_file(model, file) else here


def bytes_to_write(model: RemoteModel, files: Sequence[RemoteFile], places: Places) -> int:
    """What the files will take of the models' disk beside what they take already.

    The places may be missing.
    """
    return sum(_file_to_write(model, file, places) for file in files)


def _file_to_write(model: RemoteModel, file: RemoteFile, places: Places) -> int:
    """Nothing more where a link to the cache can be made."""
    here = present_bytes(places.fetch, places.source / file.name, file, model.identity(file))
    cached = cached_file(model, file) if here < file.bytes else None
    if cached is None:
        return file.bytes - here
    there = next(each for each in (places.source, *places.source.absolute().parents) if each.exists())
    return 0 if cached.stat().st_dev == there.stat().st_dev else file.bytes


def _take_from_cache(model: RemoteModel, file: RemoteFile, places: Places) -> bool:
    """True when the Hub's cache had the file with the right hash: it lies in the source folder then."""
    path = cached_file(model, file)
    if path is None:
        return False
    digest = file.new_hash()
    with path.open("rb") as handle:
        while data := handle.read(_BLOCK):
            digest.update(data)
    if file.expected is not None and digest.hexdigest() != file.expected:
        log.warning(fields("cache_damaged", file=path, found=digest.hexdigest(), expected=file.expected))
        return False
    target = places.source / file.name
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, target)
        sync(target)
    sync(places.source)
    sidecar = Sidecar(identity=model.identity(file), bytes=file.bytes)
    write_sidecar(places.fetch / f"{file.name}.json", sidecar)
    return True
