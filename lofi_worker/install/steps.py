"""An installation from its source to its place: resolve, fetch, import, check, rename."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lofi_common.catalogue import read_catalogue
from lofi_common.errors import ModelNotFound
from lofi_common.exchange import settle_all
from lofi_common.installs import (
    Agreement,
    CatalogueName,
    Done,
    HubRepo,
    Line,
    LocalFolder,
    PartialOrder,
    Plan,
    PlannedFile,
    check_name,
    default_name,
    parse_source,
)
from lofi_common.logs import fields
from lofi_common.manifest import MANIFEST_NAME, Model, check_large_file, read_model
from lofi_worker.importer.precision import Precision
from lofi_worker.install.answers import printable
from lofi_worker.install.download import bytes_present, bytes_to_write, check_room, disk_errors, fetch_all
from lofi_worker.install.hub import Hub, Wanted, wanted_entry
from lofi_worker.install.lines import DownloadLines, ImportLines
from lofi_worker.install.lock import model_lock
from lofi_worker.install.patience import PatienceSettings
from lofi_worker.install.places import Places
from lofi_worker.install.remote import RemoteModel

log = logging.getLogger(__name__)

NO_LICENSE = "unknown"
HALVES = "fp16"
"""In the path of files that hold two bytes for each weight."""


@dataclass(frozen=True)
class Order:
    """What to install where. source: as the user named it. catalogue: folder of its entries.

    threads: of the import; 0 leaves it to the number of cores.
    """

    source: str
    models: Path
    catalogue: Path
    name: str | None
    precision: Precision
    threads: int
    keep_source: bool
    patience: PatienceSettings


class Installation:
    """One source on its way; `write` is called with every line that the parent is to read."""

    def __init__(self, order: Order, write: Callable[[Line], None]) -> None:
        """Raises InvalidParams or ModelNotFound when the source or the name can't be meant."""
        self._order = order
        self._write = write
        source = parse_source(order.source)
        self._folder: Path | None = None
        self._wanted: Wanted | None = None
        match source:
            case LocalFolder(path=path):
                if not os.path.isdir(path):
                    raise ModelNotFound(
                        f"{path} is not a folder, or can't be read",
                        recovery="Give the folder of a checkpoint.",
                    )
                self._folder = path
            case HubRepo():
                self._wanted = Wanted(repo=source)
            case CatalogueName(name=name):
                catalogue = read_catalogue(order.catalogue)
                if name not in catalogue:
                    raise ModelNotFound(
                        f"the catalogue has no model {name}",
                        details=f"it has {', '.join(catalogue)}",
                        recovery="Choose one of these, or a repository as owner/name.",
                    )
                self._wanted = wanted_entry(catalogue[name])
        self.name = default_name(source) if order.name is None else check_name(order.name)
        self._places = Places(order.models, self.name)
        self._hub = Hub(order.patience, write)

    def resolve(self) -> None:
        """Write the plan, touching nothing."""
        with disk_errors(self._order.models):
            self._write(self._plan(self._remote(self._wanted) if self._wanted else None))

    def install(self) -> None:
        """Write the plan and progress, and `done` when the model lies in its place."""
        with disk_errors(self._order.models):
            self._order.models.mkdir(parents=True, exist_ok=True)
            settle_all(self._order.models)
            with model_lock(self._order.models, self.name), self._tidy():
                self._places.make()
                self._remember_order()
                if self._wanted is None:
                    assert self._folder is not None
                    self._write(self._plan(None))
                    check_room(self._order.models, self._exact_room(self._folder))
                    self._import(self._folder, "", f"Imported from {printable(self._folder.name)}.")
                else:
                    remote = self._remote(self._wanted)
                    self._write(self._plan(remote))
                    self._fetch(remote)
                    self._import(self._places.source, remote.license, remote.description)
                model = self._check()
                self._places.exchange()
        self._write(_done(model, self._places.installed))

    def _remember_order(self) -> None:
        order = PartialOrder(source=self._order.source, precision=self._order.precision)
        self._places.order.write_bytes(msgspec.json.encode(order))

    @contextlib.contextmanager
    def _tidy(self) -> Iterator[None]:
        """Leave behind what can be used: after success the model, after a failure what was fetched."""
        try:
            yield
        except BaseException:
            self._places.tidy_up()
            raise
        self._places.clean(keep_source=self._order.keep_source)

    def _remote(self, wanted: Wanted) -> RemoteModel:
        remote = self._hub.resolve(wanted)
        log.info(fields("model_resolved", repo=remote.repo, commit=remote.commit, bytes=remote.bytes))
        return remote

    def _plan(self, remote: RemoteModel | None) -> Plan:
        files = remote.files if remote else []
        here = bytes_present(remote, self._places) if remote else 0
        return Plan(
            source=self._order.source,
            name=self.name,
            repo=remote.repo if remote else None,
            revision=remote.commit if remote else None,
            license=remote.license if remote else "",
            bytes_total=remote.bytes if remote else 0,
            bytes_present=here,
            files=[PlannedFile(name=file.path, bytes=file.bytes, sha256=file.sha256) for file in files],
            destination=str(self._places.installed),
            bytes_needed=self._room_at_least(remote) if remote else None,
        )

    def _fetch(self, remote: RemoteModel) -> None:
        lines = DownloadLines(self._write, files_total=len(remote.files), bytes_total=remote.bytes)
        room = self._room_beside(remote)
        fetch_all(self._hub, remote, self._places, lines, self._order.patience, room, self._check_beside)

    def _room_at_least(self, remote: RemoteModel) -> int:
        return bytes_to_write(remote, remote.files, self._places) + self._room_beside(remote)

    def _room_beside(self, remote: RemoteModel) -> int:
        """Bytes of disk that the import may take beside what was fetched, as far as the list of files tells:
        all weights in float32 (`import_room`)."""
        return remote.bytes * (2 if any(HALVES in file.path for file in remote.files) else 1)

    def _exact_room(self, folder: Path) -> int:
        """The same by the checkpoint's config. Raises as `check_beside` does."""
        from lofi_worker.importer.sources.expected import import_room
        from lofi_worker.importer.sources.source import check_beside

        return import_room(check_beside(folder))

    def _check_beside(self) -> int:
        """Refuse what is no MusicGen before its weights are fetched. Raises BadCheckpoint."""
        from lofi_worker.importer.sources.refused import BadCheckpoint

        try:
            return self._exact_room(self._places.source)
        except BadCheckpoint:
            self._refused()
            raise

    def _refused(self) -> None:
        """Of a checkpoint that can't be imported nothing is kept; other failures may pass."""
        if not self._order.keep_source:
            self._places.drop_source()

    def _import(self, folder: Path, license: str, description: str) -> None:
        # Imported late: `resolve`, which somebody waits for, needs neither numpy nor onnx.
        from lofi_worker.importer.convert import convert_checkpoint
        from lofi_worker.importer.sources.refused import BadCheckpoint

        try:
            version = convert_checkpoint(
                folder,
                self._places.model,
                self.name,
                license=license or NO_LICENSE,
                description=description,
                precision=self._order.precision,
                threads=self._order.threads,
                report=ImportLines(self._write).report,
            )
        except BadCheckpoint:
            self._refused()
            raise
        log.info(fields("model_imported", model_version=version, precision=self._order.precision))

    def _check(self) -> Model:
        """The imported model, every file read back from the disk. Raises ModelLoadFailed."""
        model = read_model(self._places.model)
        for name in model.manifest.files:
            check_large_file(model, name)
        return model


def _done(model: Model, path: Path) -> Done:
    manifest = model.manifest
    size = sum(file.bytes for file in manifest.files.values()) + (path / MANIFEST_NAME).stat().st_size
    found = manifest.agreement
    return Done(
        name=manifest.name,
        model_version=model.version,
        path=str(path),
        bytes=size,
        agreement=Agreement(top1=found.top1, kl=found.kl) if found else None,
    )
