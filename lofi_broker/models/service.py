"""What clients may do with models: look, install, cancel, choose, remove. Consent is asked for in here."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lofi_broker.models.consents import Consent, record_consent
from lofi_broker.models.helpers import resolve
from lofi_broker.models.installs import Install, Installs, Publish
from lofi_broker.models.listing import list_models
from lofi_broker.models.store import Installed, ModelStore
from lofi_common import installs
from lofi_common.api_models import (
    DownloadOffer,
    ModelDownloadParams,
    ModelDownloadResult,
    ModelRemoveResult,
    ModelsListResult,
    ModelStatus,
)
from lofi_common.catalogue import CatalogueEntry, catalogue_folder, read_catalogue
from lofi_common.config import Config
from lofi_common.errors import ConsentRequired, InvalidParams, ModelNotFound
from lofi_common.manifest import Model
from lofi_common.paths import Paths
from lofi_common.refusals import did_you_mean
from lofi_common.units import human_bytes

CONSENTS = "consents.json"


class ModelService:
    """One broker's models."""

    def __init__(self, config: Config, paths: Paths, publish: Publish) -> None:
        self.store = ModelStore(config, paths)
        self.installs = Installs(paths.models, config.worker, publish, self._agreed)
        self._publish = publish
        self._offers: dict[tuple[str, str], installs.Plan] = {}
        """(source, name) → what was shown to whoever was asked for consent."""

    def catalogue(self) -> dict[str, CatalogueEntry]:
        return read_catalogue(catalogue_folder())

    def list(self) -> ModelsListResult:
        """As `list_models` orders them.

        Raises LofiError when the catalogue or the folder of installed models can't be read.
        """
        found = list_models(self.store, self.installs.active, self.catalogue())
        return ModelsListResult(models=found, ended=list(self.installs.ended))

    def for_job(self, wanted: str | None) -> Model:
        """The model that a job is to use.

        Raises ConsentRequired for one of the catalogue that is not installed (without asking the Hub: nothing
        goes over the network before a yes), ModelNotFound, or what is wrong with its files.
        """
        if wanted is None:
            return self._not_replaced(self.store.selected())
        self._check_installed(wanted)
        return self._not_replaced(self.store.find(wanted))

    def _check_installed(self, wanted: str) -> None:
        """Raises ConsentRequired or ModelNotFound for what is known, but not installed: how to get it."""
        if self.store.has(wanted):
            return
        if self.installs.get(wanted) is not None:
            raise ModelNotFound(
                f"{wanted} is still being installed",
                recovery="Ask again when that has ended: `lofi models list` shows how far it is.",
            )
        entry = self.catalogue().get(wanted)
        if entry is not None:
            raise _consent_required(self._offer_of(entry))
        if self.store.partial(wanted) is not None:
            raise ModelNotFound(
                f"{wanted} is not installed: its installation was interrupted",
                recovery="`lofi models list` shows the command that goes on with it.",
            )

    def _not_replaced(self, model: Model) -> Model:
        """A job that waits would lose its model at the exchange."""
        name = model.manifest.name
        if self.installs.get(name) is not None:
            raise ModelNotFound(
                f"{name} is being replaced",
                recovery=f"Ask again when that has ended, or stop it: `lofi models cancel {name}`.",
            )
        return model

    def for_check(self, wanted: str | None) -> Path:
        """The folder of the installed model of this name or version, else of the selected one.

        Raises ConsentRequired or ModelNotFound.
        """
        if wanted is not None:
            self._check_installed(wanted)
        return self.store.to_check(wanted)

    def select(self, wanted: str) -> Model:
        """Choose the installed model of this name or version for later jobs. Raises as `store.select` does,
        and ConsentRequired."""
        self.store.check_choice()
        self._check_installed(wanted)
        return self.store.select(wanted)

    async def download(
        self, params: ModelDownloadParams, needed: Callable[[], frozenset[str]]
    ) -> ModelDownloadResult:
        """Start an installation, or join the same one under way. Without consent, raises ConsentRequired.

        `needed` tells the versions that queued or running jobs use. Raises InvalidParams, ModelNotFound,
        ModelDownloadFailed, CacheWriteError or QueueFull too.
        """
        source = installs.parse_source(params.model)
        if isinstance(source, installs.LocalFolder) and not params.model.startswith(("/", "~")):
            raise InvalidParams(
                f"{params.model} is a relative path, and the broker works in another folder",
                recovery="Give the whole path, from / or ~ on.",
            )
        name = params.name or installs.default_name(source)
        installs.check_name(name)
        catalogue = self.catalogue()
        if isinstance(source, installs.CatalogueName) and source.name not in catalogue:
            raise ModelNotFound(
                f"the catalogue has no model {source.name!r}{did_you_mean(source.name, catalogue)}",
                recovery=f"It has: {', '.join(catalogue)}."
                f" Or give owner/name, or the whole path of a folder.",
            )
        if name in catalogue and not _is_source_of(catalogue[name], source):
            raise InvalidParams(
                f"{name} is the name of a model of the catalogue", recovery="Choose another with --name."
            )
        while (running := self.installs.get(name)) is not None and running.cancelled:
            await running.ended.wait()
        if running is not None:
            # What has a name of the catalogue is its own model, however it was named.
            same = name in catalogue or installs.parse_source(running.source) == source
            _check_same(running, params.precision, same_source=same)
            state = "installing" if running is self.installs.active[0] else "queued"
            return msgspec.convert({"model": name, "state": state}, ModelDownloadResult)
        if self._is_there(source, name, params.precision) and not params.replace:
            return ModelDownloadResult(model=name, state="installed")
        self._check_free(source, name, needed, replace=params.replace)
        self.store.check_place()
        key = (params.model, name)
        if not isinstance(source, installs.LocalFolder) and not params.consent:
            plan = await resolve(
                params.model,
                self.store.folder,
                name,
                params.precision,
                lambda asking: self._publish("model_status", _asking(name, asking)),
            )
            self._offers[key] = plan
            raise _consent_required(_offer_of(plan))
        install = Install(
            name=name,
            source=params.model,
            precision=params.precision,
            offered=self._offers.pop(key, None),
        )
        return ModelDownloadResult(model=name, state=self.installs.add(install))

    def _is_there(self, source: installs.Source, name: str, precision: str | None) -> bool:
        """Whether this model of the catalogue is installed, whole, and in the precision that is asked for."""
        if not isinstance(source, installs.CatalogueName) or not self.store.is_whole(name):
            return False
        # Under another name it may be another model; in the catalogue's own, nothing else can be.
        same = source.name == name
        return same and precision in (None, self.store.find(name).manifest.precision)

    def _check_free(
        self, source: installs.Source, name: str, needed: Callable[[], frozenset[str]], *, replace: bool
    ) -> None:
        """Raises InvalidParams when an installed model has the name and has to keep it."""
        found = self.store.named(name)
        if found is None:
            return
        repairs = found.model is None and isinstance(source, installs.CatalogueName)
        if not replace and not repairs:
            how = found.model.manifest.precision if found.model is not None else "damaged"
            raise InvalidParams(
                f"{name} is installed{f' ({how})' if how else ''}",
                recovery="Choose another name with --name, or --replace.",
            )
        if found.folder.parent != self.store.folder:
            raise InvalidParams(
                f"{found.folder} has the name {name}", recovery="Choose another name with --name."
            )
        _check_unused(found, needed())

    def _agreed(self, install: Install, plan: installs.Plan) -> None:
        if plan.repo is None:
            return
        consent = Consent(
            at=round(time.time(), 3),
            uid=os.getuid(),
            model=install.name,
            repo=plan.repo,
            revision=plan.revision,
            license=plan.license,
            bytes=plan.bytes_total,
        )
        record_consent(self.store.folder / CONSENTS, consent)

    async def remove(self, wanted: str, needed: frozenset[str]) -> ModelRemoveResult:
        """Delete an installed model, and what a half-made installation of that name left.

        `needed`: versions that queued or running jobs use. Raises InvalidParams, ModelNotFound or LofiError.
        """
        self._check_at_rest(wanted)
        there = self.store.has(wanted) or self.store.partial(wanted) is not None
        if not there and wanted in self.catalogue():
            raise ModelNotFound(
                f"{wanted} is not installed: there is nothing to delete",
                recovery=f"`lofi models pull {wanted}` would install it.",
            )
        found = self.store.removable(wanted)
        name = found.folder.name if found is not None else wanted
        self._check_at_rest(name)
        if found is not None:
            _check_unused(found, needed)
        freed = await asyncio.to_thread(self.store.delete, name)
        self._publish("model_status", ModelStatus(model=name, state="removed"))
        return ModelRemoveResult(model=name, bytes=freed)

    def _check_at_rest(self, name: str) -> None:
        """Raises InvalidParams while the model is being installed."""
        if self.installs.get(name) is not None:
            raise InvalidParams(
                f"{name} is being installed", recovery=f"Stop that first: `lofi models cancel {name}`."
            )

    def _offer_of(self, entry: CatalogueEntry) -> DownloadOffer:
        return DownloadOffer(
            model=entry.name,
            source=entry.name,
            license=entry.license,
            destination=str(self.store.folder / entry.name),
            repo=entry.repo,
            revision=entry.revision,
            bytes_total=entry.download_bytes,
            about_bytes=entry.about_bytes,
        )


def _check_unused(found: Installed, needed: frozenset[str]) -> None:
    """Raises InvalidParams when a job needs the model."""
    if found.model is not None and found.model.version in needed:
        raise InvalidParams(
            f"tracks that wait or run need {found.name}",
            recovery="Let them end, or cancel them, then try again.",
        )


def _is_source_of(entry: CatalogueEntry, source: installs.Source) -> bool:
    """Whether `source` names the catalogue's model, by its name or by its repository."""
    match source:
        case installs.CatalogueName(name=name):
            return name == entry.name
        case installs.HubRepo(repo=repo, revision=revision, subfolder=subfolder):
            return (repo, revision or "main", subfolder) == (entry.repo, entry.revision, entry.subfolder)
        case installs.LocalFolder():
            return False


def _check_same(running: Install, precision: str | None, *, same_source: bool) -> None:
    """Raises InvalidParams unless the installation under way is the one that is asked for."""
    under_way = running.precision or installs.DEFAULT_PRECISION
    if not same_source or (precision or installs.DEFAULT_PRECISION) != under_way:
        raise InvalidParams(
            f"{running.name} is being installed from {running.source} ({under_way})",
            recovery=f"Choose another name with --name, or stop it: `lofi models cancel {running.name}`.",
        )


def _offer_of(plan: installs.Plan) -> DownloadOffer:
    return DownloadOffer(
        model=plan.name,
        source=plan.source,
        license=plan.license,
        destination=plan.destination,
        repo=plan.repo,
        revision=plan.revision,
        bytes_total=plan.bytes_total,
        bytes_present=plan.bytes_present,
        bytes_needed=plan.bytes_needed,
    )


def _asking(name: str, asking: installs.Asking) -> ModelStatus:
    return ModelStatus(
        model=name, state="asking", host=asking.host, failures=asking.failures, reason=asking.reason
    )


def _consent_required(offer: DownloadOffer) -> ConsentRequired:
    size = ""
    if offer.bytes_total is not None:
        size = f", {human_bytes(offer.bytes_total)}"
    elif offer.about_bytes is not None:
        size = f", about {human_bytes(offer.about_bytes)}"
    licence = offer.license or "not stated"
    return ConsentRequired(
        f"{offer.model} is not installed: {offer.repo}{size}, licence {licence}, to {offer.destination}",
        details=msgspec.json.encode(offer).decode(),
        recovery=f"`lofi models pull {offer.source}` installs it; then ask again.",
    )
