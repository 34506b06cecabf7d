"""The part of the protocol that is about models: what there is, what is being installed, what was checked."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lofi_common.api_base import Params, Result
from lofi_common.errors import ErrorInfo
from lofi_common.installs import Agreement

Precision = Literal["fp32", "fp16", "int8", "int4", "mixed"]
"""How the decoder's weights are stored (`lofi_worker/importer/precision.py` says what each means)."""

ModelState = Literal["installed", "damaged", "installing", "partial", "available"]
"""partial: an interrupted download, kept for the next try. available: in the catalogue only."""

Source = Annotated[str, Meta(min_length=1, max_length=4096)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]


class ModelInfo(Result, frozen=True, kw_only=True):
    name: str
    state: ModelState
    license: str
    selected: bool
    description: str | None = None
    model_version: str | None = None
    bytes: int | None = None
    """Of all files when installed, else of the download where the catalogue knows it."""
    about_bytes: int | None = None
    """Of a download whose exact size only the Hub knows: computed, for people."""
    bytes_present: int | None = None
    """Of an interrupted or running installation."""
    path: str | None = None
    repo: str | None = None
    precision: str | None = None
    max_duration_sec: int | None = None
    """The longest track of an installed one."""
    agreement: Agreement | None = None
    """With the same model in fp32."""
    reason: str | None = None
    """Why a damaged one can't be used."""
    source: str | None = None
    """What an installation that was interrupted, or is under way, was asked for."""
    being_replaced: bool = False
    """An installed one whose name is being installed anew; it stays as it is until that succeeds."""


class ModelsListResult(Result, frozen=True, kw_only=True):
    models: list[ModelInfo]
    ended: list[ModelStatus] = msgspec.field(default_factory=list)
    """How the latest installations since the broker's start ended (installed, install_failed, cancelled),
    the newest last."""


class ModelParams(Params, frozen=True, kw_only=True):
    model: Name
    """Name, or version, of a model."""


class ModelDownloadParams(Params, frozen=True, kw_only=True):
    model: Source
    """A name of the catalogue, `owner/name[@revision][:subfolder]` on the Hub, or the path of a folder."""
    consent: bool = False
    precision: Precision | None = None
    name: Name | None = None
    """What the installed model is to be called."""
    replace: bool = False
    """Whether it may take the place of an installed model of that name."""


class DownloadOffer(Result, frozen=True, kw_only=True):
    """What a yes is asked for: `details` of DOWNLOAD_CONSENT_REQUIRED, as JSON."""

    model: str
    source: str
    license: str
    destination: str
    repo: str | None = None
    revision: str | None = None
    bytes_total: int | None = None
    """Absent where only the Hub knows it and was not asked."""
    about_bytes: int | None = None
    """In its place, where the catalogue can tell roughly."""
    bytes_present: int | None = None
    bytes_needed: int | None = None
    """Of free disk until it is installed, at least, as far as the list of files tells: what is still to be
    fetched, and what the import writes beside it. Absent where the Hub was not asked."""


class ModelDownloadResult(Result, frozen=True, kw_only=True):
    model: str
    state: Literal["installing", "queued", "installed"]
    """installed: it was there already."""


class ModelCancelResult(Result, frozen=True, kw_only=True):
    model: str


class ModelSelectResult(Result, frozen=True, kw_only=True):
    model: str
    model_version: str


class ModelRemoveResult(Result, frozen=True, kw_only=True):
    model: str
    bytes: int


class ModelVerifyParams(Params, frozen=True, kw_only=True):
    model: Name | None = None
    full: bool = False
    """Load the model as well, and run it."""


class VerifiedFile(Result, frozen=True, kw_only=True):
    name: str
    bytes: int
    ok: bool
    reason: str | None = None


class GoldenCheck(Result, frozen=True, kw_only=True):
    """The most likely token of each codebook at the first step, against the published values."""

    prompt: str
    expected: list[int]
    found: list[int]


class TrialRun(Result, frozen=True, kw_only=True):
    device: str
    threads: int
    load_sec: float
    steps: int
    step_ms: float
    rss: int
    golden: GoldenCheck | None = None
    """Only where published values are known."""


class ModelVerifyResult(Result, frozen=True, kw_only=True):
    model: str
    model_version: str
    ok: bool
    files: list[VerifiedFile]
    run: TrialRun | None = None
    error: ErrorInfo | None = None
    """Why it did not run."""


# notifications


class DownloadProgress(Result, frozen=True, kw_only=True):
    """Bytes of all files together, those of earlier tries included."""

    model: str
    file_name: str
    bytes_downloaded: int
    bytes_total: int
    files_completed: int
    files_total: int


class ModelStatus(Result, frozen=True, kw_only=True):
    """In a worker: loading, ready, unloaded, failed. On disk: asking (the Hub, what there is to agree to),
    queued, installing, installed, install_failed, cancelled, removed."""

    model: str
    state: str
    model_version: str | None = None
    load_sec: float | None = None
    stage: str | None = None
    """Of an import, `done` of `total`."""
    done: int | None = None
    total: int | None = None
    host: str | None = None
    """Who is asked for the list of files, while that is all that happens."""
    failures: int | None = None
    """Of the tries before, to get that list."""
    reason: str | None = None
    """Of the last such failure."""
    error: ErrorInfo | None = None
