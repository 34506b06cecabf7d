"""The models that can be had by name: one file each in `configs/models`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lofi_common.errors import LofiError


class CatalogueFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """name: path in the repository. What is not known is left out, and told by the Hub's metadata."""

    name: str
    bytes: Annotated[int, Meta(ge=0)] | None = None
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model on the Hub. revision: branch, tag or commit; files: empty when the format tells which ones."""

    name: str
    repo: str
    format: Literal["safetensors", "optimum"]
    license: str
    description: str
    revision: str = "main"
    subfolder: str = ""
    about_bytes: Annotated[int, Meta(gt=0)] | None = None
    """Of all files, where the exact size is not known: the weights of the published shapes in float32, or in
    float16 where the name says so. For people, never for a check."""
    files: list[CatalogueFile] = []

    @property
    def download_bytes(self) -> int | None:
        """Of all files; None where the size of one is not known."""
        sizes = [file.bytes for file in self.files if file.bytes is not None]
        return sum(sizes) if sizes and len(sizes) == len(self.files) else None


def catalogue_folder() -> Path:
    """`configs/models`: the package `lofi_catalogue` of an installed lofi, beside this one in a checkout.

    Raises LofiError when there is neither.
    """
    spec = importlib.util.find_spec("lofi_catalogue")
    places = list(spec.submodule_search_locations or ()) if spec else []
    places.append(str(Path(__file__).parents[1] / "configs/models"))
    for place in places:
        if any(Path(place).glob("*.toml")):
            return Path(place)
    raise LofiError("the catalogue of models is missing: no *.toml in " + " or ".join(places))


def read_catalogue(folder: Path) -> dict[str, CatalogueEntry]:
    """All entries by name, in the order of their files' names. Raises LofiError naming the broken file."""
    entries: dict[str, CatalogueEntry] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            entry = msgspec.toml.decode(path.read_bytes(), type=CatalogueEntry)
        except (OSError, ValueError) as error:
            raise LofiError(f"{path} is no entry of the catalogue: {error}") from error
        entries[entry.name] = entry
    return entries
