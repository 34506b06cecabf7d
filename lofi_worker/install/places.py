"""Where an installation lies while it is made, and how it takes its place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lofi_common.exchange import REPLACED, settle
from lofi_common.installs import ORDER_FILE
from lofi_worker.install.partial import DRAFT, sync


class Places:
    """The folders of one model, under the folder of installed models.

    `.partial/<name>/source`: complete files as fetched; `fetch`: parts and sidecars; `model`: what the
    importer writes; `order.json`: what was asked for; `replaced`: the installed one, for the moment in which
    the other takes its place.
    """

    def __init__(self, models: Path, name: str) -> None:
        self.models = models
        self.installed = models / name
        self.partial = models / ".partial" / name
        self.source = self.partial / "source"
        self.fetch = self.partial / "fetch"
        self.model = self.partial / "model"
        self.order = self.partial / ORDER_FILE
        self._replaced = self.partial / REPLACED

    def make(self) -> None:
        """Create what is missing; bring an interrupted exchange to its end."""
        for folder in (self.source, self.fetch):
            folder.mkdir(parents=True, exist_ok=True)
        self.drop_model()
        self._settle()

    def drop_model(self) -> None:
        if self.model.exists():
            shutil.rmtree(self.model)

    def drop_source(self) -> None:
        """Of what was fetched nothing can be used."""
        for folder in (self.source, self.fetch):
            shutil.rmtree(folder)

    def drop_strangers(self, names: set[str]) -> None:
        """Remove what an earlier installation of this name left and this one does not need."""
        ours = {*names, *(f"{name}.part" for name in names), *(f"{name}.json" for name in names)}
        for folder in (self.source, self.fetch):
            for path in folder.iterdir():
                if path.name not in (names if folder == self.source else ours):
                    path.unlink()

    def exchange(self) -> None:
        """The finished model takes the installed one's place; it is on the disk when this returns."""
        for path in (*self.model.iterdir(), self.model):
            sync(path)
        if os.path.lexists(self.installed):
            self.installed.rename(self._replaced)
        self.model.rename(self.installed)
        sync(self.models)
        self._settle()

    def clean(self, *, keep_source: bool) -> None:
        """Remove what was needed on the way."""
        if keep_source:
            self.drop_model()
        else:
            shutil.rmtree(self.partial)

    def tidy_up(self) -> None:
        """After an end without success: nothing but what a next call can use remains."""
        self._settle()
        self.drop_model()
        for draft in self.fetch.glob(f"*{DRAFT}"):
            draft.unlink()
        for folder in (self.source, self.fetch):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        if self.partial.is_dir() and all(path == self.order for path in self.partial.iterdir()):
            shutil.rmtree(self.partial)

    def _settle(self) -> None:
        settle(self.installed, self._replaced)
