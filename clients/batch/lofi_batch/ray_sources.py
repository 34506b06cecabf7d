"""Which model a row stands for: one on the driver's machine, or the one at a URL."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from lofi_batch.errors import without_secrets
from lofi_batch.ray_messages import Source
from lofi_common.config import Config
from lofi_common.errors import LofiError, ModelDownloadFailed, ModelNotFound
from lofi_common.manifest import MANIFEST_NAME, Model, for_engine, read_manifest, read_model
from lofi_common.paths import Paths, starter_folder
from lofi_common.selection import selected_folder

_KEPT = (
    "A batch keeps the model that its first tracks were made with: give that one (--model, --model-url), or"
    " another folder."
)


class Sources:
    """Looked up once for each name."""

    def __init__(
        self,
        paths: Paths,
        config: Config,
        versions: Mapping[str | None, str],
        url: str | None,
        *,
        one_machine: bool,
    ) -> None:
        """versions: what each name stood for in earlier runs: a batch keeps to that.
        url: of the one model that the batch uses, or a path that all nodes have.
        one_machine: the nodes see the driver's folders."""
        self._paths, self._config, self._versions, self._url = paths, config, versions, url
        self._one_machine = one_machine
        self._found: dict[str | None, tuple[Model, Source] | LofiError] = {}
        self.folders: dict[str, Path] = {}
        """By version: where the driver has it."""

    def of(self, name: str | None) -> tuple[Model, Source]:
        """name: of a model, or its version; None: the selected one. Raises LofiError when there is none."""
        if name not in self._found:
            try:
                self._found[name] = self._find(self._versions.get(name, name), kept=name in self._versions)
            except LofiError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, LofiError):
            raise found
        return found

    def _find(self, wanted: str | None, *, kept: bool) -> tuple[Model, Source]:
        """kept: it is what earlier runs used. Raises LofiError."""
        if self._url is not None and "://" in self._url:
            with _at_url(self._url) as model:
                return self._given(wanted, model, kept=kept), source_of(model, url=self._url)
        if self._url is not None:
            model = read_model(Path(self._url).absolute())
            self._given(wanted, model, kept=kept)
        else:
            model = self._installed(wanted, kept=kept)
        self.folders[model.version] = model.folder
        seen = self._one_machine or self._url is not None
        return for_engine(model, self._config.worker.engine), source_of(
            model, folder=str(model.folder.absolute()) if seen else None
        )

    def _given(self, wanted: str | None, model: Model, *, kept: bool) -> Model:
        """The model of the URL, if it is the one that is wanted. Raises ModelNotFound."""
        known = for_engine(model, self._config.worker.engine)
        if wanted not in (None, model.manifest.name, known.version):
            given = without_secrets(str(self._url))
            other = f"Give --model {model.manifest.name}, or the --model-url of {wanted}."
            raise ModelNotFound(
                f"{given} has {known.version}, not {wanted}", recovery=_KEPT if kept else other
            )
        return known

    def _installed(self, wanted: str | None, *, kept: bool) -> Model:
        """Raises LofiError."""
        setting = self._config.model.folder
        if wanted is None:
            return read_model(selected_folder(self._paths, setting))
        folders = [Path(setting)] if setting else []
        folders.append(starter_folder())
        if self._paths.models.is_dir():
            folders += sorted(folder for folder in self._paths.models.iterdir() if folder.is_dir())
        installed: list[str] = []
        for folder in folders:
            names = self._names(folder)
            if wanted in names:
                return read_model(folder)
            installed += names[:1]
        if kept:
            raise ModelNotFound(f"the model {wanted} is not installed", recovery=_KEPT)
        known = ", ".join(dict.fromkeys(installed)) or "none"
        raise ModelNotFound(
            f"there is no model {wanted!r}",
            recovery=f"Installed: {known}. `lofi models list` shows what else can"
            " be had; --model-url names the folder of one that is not installed.",
        )

    def _names(self, folder: Path) -> tuple[str, ...]:
        """By which the model of a folder may be asked for; none where it has no manifest."""
        try:
            model = read_manifest(folder)
        except LofiError:
            return ()
        return model.manifest.name, for_engine(model, self._config.worker.engine).version


def source_of(model: Model, *, folder: str | None = None, url: str | None = None) -> Source:
    """What nodes are told of a model that is here. Raises OSError."""
    return Source(
        name=model.manifest.name,
        version=model.version,
        manifest=(model.folder / MANIFEST_NAME).read_bytes(),
        folder=folder,
        url=url,
    )


@contextlib.contextmanager
def _at_url(url: str) -> Iterator[Model]:
    """As its manifest tells; its files are not fetched. Raises ModelDownloadFailed, ModelLoadFailed."""
    with tempfile.TemporaryDirectory(prefix="lofi-model-") as folder:
        try:
            import fsspec

            files, root = fsspec.url_to_fs(url)
            (Path(folder) / MANIFEST_NAME).write_bytes(files.cat_file(f"{root.rstrip('/')}/{MANIFEST_NAME}"))
        except Exception as error:  # servers and stores have errors of their own
            words = without_secrets(f"there is no model at {url}: {error}")
            raise ModelDownloadFailed(words) from error
        yield read_manifest(Path(folder))
