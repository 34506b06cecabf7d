"""The list of models that clients see."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from lofi_broker.models.installs import Install
from lofi_broker.models.partials import fetched_bytes, read_order
from lofi_broker.models.store import PARTIAL, Installed, ModelStore
from lofi_common.api_models import ModelInfo, ModelState
from lofi_common.catalogue import CatalogueEntry
from lofi_common.installs import Agreement
from lofi_common.manifest import Model

_HERE, _UNDER_WAY, _ELSEWHERE = range(3)
_RANKS: dict[ModelState, int] = {
    "installed": _HERE,
    "damaged": _HERE,
    "installing": _UNDER_WAY,
    "partial": _UNDER_WAY,
    "available": _ELSEWHERE,
}


def list_models(
    store: ModelStore, active: Sequence[Install], catalogue: Mapping[str, CatalogueEntry]
) -> list[ModelInfo]:
    """The selected one, then the installed ones, then those on their way or half there, each by name; last
    the rest of the catalogue, the small ones first."""
    selected = store.selected_label()
    found = {each.name: _installed(each, selected) for each in store.installed()}
    for install in active:
        if (there := found.get(install.name)) is not None:
            found[install.name] = msgspec.structs.replace(there, being_replaced=True)
        else:
            found[install.name] = _on_its_way(install, catalogue.get(install.source))
    for name in store.partials():
        if name not in found:
            found[name] = _partial(store, name, catalogue.get(name))
    for name, entry in catalogue.items():
        found.setdefault(name, _available(entry))
    return sorted(found.values(), key=_place)


def _place(model: ModelInfo) -> tuple[bool, int, float, str]:
    """Sizes count for what can be fetched; one that nobody knows comes after those."""
    size = model.bytes or model.about_bytes or math.inf
    rank = _RANKS[model.state]
    return not model.selected, rank, size if rank == _ELSEWHERE else 0.0, model.name


def _whole(model: Model, *, selected: bool) -> ModelInfo:
    """An installed model whose manifest can be read."""
    manifest, agreement = model.manifest, model.manifest.agreement
    return ModelInfo(
        name=manifest.name,
        state="installed",
        license=manifest.license,
        selected=selected,
        description=manifest.description,
        model_version=model.version,
        bytes=sum(file.bytes for file in manifest.files.values()),
        path=str(model.folder),
        precision=manifest.precision,
        max_duration_sec=manifest.longest_sec(),
        agreement=Agreement(top1=agreement.top1, kl=agreement.kl) if agreement is not None else None,
    )


def _installed(each: Installed, selected: str) -> ModelInfo:
    if each.model is not None:
        return _whole(each.model, selected=each.name == selected)
    return ModelInfo(
        name=each.name,
        state="damaged",
        license="",
        selected=each.name == selected,
        path=str(each.folder),
        reason=str(each.error),
    )


def _on_its_way(install: Install, entry: CatalogueEntry | None) -> ModelInfo:
    progress = install.progress
    return ModelInfo(
        name=install.name,
        state="installing",
        license=entry.license if entry is not None else "",
        selected=False,
        bytes=progress.bytes_total if progress is not None else None,
        bytes_present=progress.bytes_downloaded if progress is not None else None,
        repo=entry.repo if entry is not None else None,
        precision=install.precision,
        source=install.source,
    )


def _partial(store: ModelStore, name: str, entry: CatalogueEntry | None) -> ModelInfo:
    folder = store.folder / PARTIAL / name
    order = read_order(folder)
    return ModelInfo(
        name=name,
        state="partial",
        license=entry.license if entry is not None else "",
        selected=False,
        bytes=entry.download_bytes if entry is not None else None,
        bytes_present=fetched_bytes(folder),
        path=str(folder),
        repo=entry.repo if entry is not None else None,
        precision=order.precision if order is not None else None,
        source=order.source if order is not None else None,
    )


def _available(entry: CatalogueEntry) -> ModelInfo:
    return ModelInfo(
        name=entry.name,
        state="available",
        license=entry.license,
        selected=False,
        description=entry.description,
        bytes=entry.download_bytes,
        about_bytes=entry.about_bytes,
        repo=entry.repo,
    )
