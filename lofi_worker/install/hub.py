"""The Hub, through huggingface_hub: lists of files, addresses, tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx2
from huggingface_hub import HfApi, constants, get_token, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import ModelInfo

from lofi_common import __version__
from lofi_common.catalogue import CatalogueEntry
from lofi_common.errors import LofiError, ModelDownloadFailed
from lofi_common.installs import Asking, HubRepo
from lofi_worker.install.answers import Transient, no_answer, printable, refusal
from lofi_worker.install.cache import cached_snapshot
from lofi_worker.install.choose import check_names, choose_files
from lofi_worker.install.fetch import check_proxies
from lofi_worker.install.patience import Patience, PatienceSettings
from lofi_worker.install.remote import Listed, RemoteFile, RemoteModel

_METADATA_SEC = 20.0
_METADATA_TRIES = 4  # somebody waits for the answer, and there are no bytes to lose
_MAIN = "main"
_COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class Wanted:
    """A model on the Hub, with what the catalogue knows of it."""

    repo: HubRepo
    entry: CatalogueEntry | None = None


def wanted_entry(entry: CatalogueEntry) -> Wanted:
    repo = HubRepo(repo=entry.repo, revision=entry.revision, subfolder=entry.subfolder)
    return Wanted(repo=repo, entry=entry)


class Hub:
    """The endpoint that HF_ENDPOINT names, with HF_TOKEN and the cache of HF_HUB_CACHE.

    `tell` is called before each try to get a list of files.
    """

    def __init__(self, patience: PatienceSettings, tell: Callable[[Asking], None]) -> None:
        self._tell = tell
        self._patience = replace(patience, tries=min(patience.tries, _METADATA_TRIES))
        self.endpoint: str = constants.ENDPOINT.rstrip("/")
        self.public_endpoint = _public(self.endpoint)
        """What messages say."""
        self.offline: bool = constants.HF_HUB_OFFLINE

    def resolve(self, wanted: Wanted) -> RemoteModel:
        """The model's files at the commit that its revision means; from the cache alone when offline.

        Raises ModelNotFound, ModelLoadFailed (no such model in there) or ModelDownloadFailed.
        """
        repo, entry = wanted.repo, wanted.entry
        if self.offline:
            commit, listed, license = *cached_snapshot(repo.repo, repo.revision or _MAIN), ""
        else:
            check_proxies()
            info = self._model_info(repo)
            commit, listed, license = info.sha or "", _listed(info), _license(info)
            if not _COMMIT.fullmatch(commit):
                raise ModelDownloadFailed(f"{self.public_endpoint} does not tell the commit of {repo.repo}")
        paths = choose_files(list(listed), repo.subfolder, entry.format if entry else None)
        check_names(paths)
        return RemoteModel(
            repo=repo.repo,
            commit=commit,
            license=entry.license if entry else license,
            description=entry.description if entry else f"{repo.repo} at {commit[:12]}",
            files=[_remote_file(path, listed[path], wanted) for path in paths],
        )

    def url(self, model: RemoteModel, file: RemoteFile) -> str:
        return hf_hub_url(model.repo, file.path, revision=model.commit, endpoint=self.endpoint)

    def headers(self) -> dict[str, str]:
        """Of a request to the endpoint: our name, and the token that HF_TOKEN or `hf auth login` left."""
        headers = {"User-Agent": f"lofi/{__version__}"}
        token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _model_info(self, repo: HubRepo) -> ModelInfo:
        api = HfApi(endpoint=self.endpoint, library_name="lofi", library_version=__version__)
        patience = Patience(f"the list of files of {repo.repo}", self._patience)
        asking = Asking(host=_host(self.endpoint), failures=0)
        while True:
            self._tell(asking)
            try:
                return api.model_info(
                    repo.repo, revision=repo.revision or _MAIN, files_metadata=True, timeout=_METADATA_SEC
                )
            except HfHubHTTPError as error:
                failure = self._transient(error, repo)
            except (OSError, httpx2.TransportError) as error:  # OSError: huggingface_hub before 1.0
                failure = Transient(f"{self.public_endpoint} can't be reached: {no_answer(error)}")
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise ModelDownloadFailed(
                    f"{self.public_endpoint} does not answer as the Hub does: {error!r}",
                    recovery="Open that page in a browser: this network may want you to log in."
                    " HF_ENDPOINT decides who is asked.",
                ) from error
            patience.failed(failure)
            asking = Asking(host=asking.host, failures=asking.failures + 1, reason=printable(str(failure)))

    def _transient(self, error: HfHubHTTPError, repo: HubRepo) -> Transient:
        """Raises the error that there is no point in trying again for."""
        response = error.response
        if response is None:
            return Transient(str(error))
        meaning = refusal(
            response.status_code, response.headers, "the list of files", repo.repo, self.public_endpoint
        )
        if isinstance(meaning, LofiError):
            raise meaning from error
        return meaning


def _public(endpoint: str) -> str:
    """The endpoint without what may stand before its host: a name and a password."""
    scheme, slashes, rest = endpoint.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _host(endpoint: str) -> str:
    return _public(endpoint).rpartition("//")[2].partition("/")[0]


def _listed(info: ModelInfo) -> dict[str, Listed]:
    listed: dict[str, Listed] = {}
    for sibling in info.siblings or []:
        sha256 = sibling.lfs.sha256 if sibling.lfs else None
        # What LFS holds is a pointer in git: its SHA-1 says nothing about the file.
        listed[sibling.rfilename] = Listed(sibling.size, sha256, None if sha256 else sibling.blob_id)
    return listed


def _remote_file(path: str, listed: Listed, wanted: Wanted) -> RemoteFile:
    """What the Hub and the catalogue know of a file. Raises ModelDownloadFailed when they differ."""
    known = {file.name: file for file in wanted.entry.files}.get(path) if wanted.entry else None
    size, sha256 = listed.bytes, listed.sha256
    if known is not None:
        for ours, theirs in ((known.bytes, size), (known.sha256, sha256)):
            if ours is not None and theirs is not None and ours != theirs:
                raise ModelDownloadFailed(
                    f"{path} of {wanted.repo.repo} is not the file that the catalogue means:"
                    f" the Hub has {theirs} instead of {ours}",
                    recovery=f"If you trust what is there, ask for it by its repository: {wanted.repo.repo}.",
                )
        size, sha256 = known.bytes if size is None else size, sha256 or known.sha256
    if size is None:
        raise ModelDownloadFailed(f"the Hub does not tell the size of {path} in {wanted.repo.repo}")
    return RemoteFile(path=path, bytes=size, sha256=sha256, git_sha1=listed.git_sha1)


def _license(info: ModelInfo) -> str:
    """As the model card says it, else as the Hub tagged it; empty when neither does."""
    card = info.card_data.get("license") if info.card_data else None
    if isinstance(card, str):
        return printable(card)
    return next((printable(t.partition(":")[2]) for t in info.tags or [] if t.startswith("license:")), "")
