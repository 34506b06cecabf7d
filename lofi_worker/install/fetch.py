"""One file over HTTP: resumed where it stopped, tried again while there is hope, checked by its hash."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx2

from lofi_common.errors import ModelDownloadFailed
from lofi_common.logs import fields
from lofi_worker.install.answers import Transient, refusal
from lofi_worker.install.partial import Partial
from lofi_worker.install.patience import Pace, Patience, PatienceSettings
from lofi_worker.install.remote import RemoteFile

log = logging.getLogger(__name__)

_CONNECT_SEC = 15.0
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_PARTIAL_CONTENT = 206
_RANGE_REFUSED = 416
_NO_RIGHT = (401, 403)


class Damaged(Exception):
    """What came is not what was meant; one more try from the first byte is worth it."""


@contextlib.contextmanager
def http_client(
    headers: Mapping[str, str], patience: PatienceSettings, *, offline: bool = False
) -> Iterator[httpx2.Client]:
    """Follows redirects; the token in `headers` stays with the host that it is for (httpx2 drops it).

    offline: it will not be used. Raises ModelDownloadFailed when the environment names an impossible proxy.
    """
    try:
        client = httpx2.Client(
            # Compressed answers could not be resumed by a byte range.
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(patience.stall_sec, connect=min(_CONNECT_SEC, patience.stall_sec)),
            follow_redirects=True,
            trust_env=not offline,
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as error:  # SOCKS; another scheme; no address
        raise ModelDownloadFailed(
            "the proxy that the environment names (ALL_PROXY, HTTPS_PROXY, HTTP_PROXY) can't be used",
            details=str(error),
            recovery="Set HTTPS_PROXY to an HTTP proxy and unset ALL_PROXY. A SOCKS proxy takes two more"
            " packages beside lofi: `pip install socksio pysocks`.",
        ) from error
    with client:
        yield client


def check_proxies() -> None:
    """Raises ModelDownloadFailed when the environment names an impossible proxy."""
    with http_client({}, PatienceSettings()):
        pass


class Fetcher:
    """Fetches files of one repository.

    folder: where parts and sidecars lie. target: the folder of complete files, on the same file system.
    """

    def __init__(
        self,
        client: httpx2.Client,
        *,
        repo: str,
        endpoint: str,
        folder: Path,
        target: Path,
        patience: PatienceSettings,
    ) -> None:
        self._client = client
        self._repo = repo
        self._endpoint = endpoint
        self._folder = folder
        self._target = target
        self._patience = patience

    def fetch(self, file: RemoteFile, identity: str, url: str, progress: Callable[[int], None]) -> None:
        """Returns when the file lies complete, checked and synced in the target folder.

        progress: called with the number of bytes that are there. Raises ModelDownloadFailed (nothing came
        for too long, or the wrong bytes twice), ModelNotFound, or OSError (a full disk).
        """
        part = Partial(self._folder, file, identity)
        try:
            damage = self._attempt(part, file, url, progress)
            if damage is not None:
                log.warning(fields("download_damaged", file=file.path, reason=damage))
                part.restart()
                again = self._attempt(part, file, url, progress)
                if again is not None:
                    part.restart()
                    raise ModelDownloadFailed(
                        f"{file.path} of {self._repo} came damaged twice: {again}",
                        details=f"the first time: {damage}",
                    )
            part.finish(self._target / file.name)
        finally:
            part.close()

    def _attempt(
        self, part: Partial, file: RemoteFile, url: str, progress: Callable[[int], None]
    ) -> Damaged | None:
        """Fetch what is missing. Returns what is wrong with the whole, None when nothing is."""
        patience = Patience(f"{file.path} of {self._repo}", self._patience)
        progress(part.size)
        most = part.size
        try:
            while part.size < file.bytes:
                try:
                    self._request(part, file, url, progress)
                except Transient as error:
                    # A server without byte ranges may begin anew each time: that alone is no progress.
                    patience.progressed(max(0, part.size - most))
                    most = max(most, part.size)
                    patience.failed(error)
        except Damaged as error:
            return error
        found = part.hexdigest()
        if file.expected is not None and found != file.expected:
            return Damaged(f"its hash is {found} instead of {file.expected}")
        return None

    def _request(self, part: Partial, file: RemoteFile, url: str, progress: Callable[[int], None]) -> None:
        """One request for all that is missing. Raises Transient when it ends too soon."""
        headers = {"Range": f"bytes={part.size}-"} if part.size else {}
        if part.size and file.expected is None:
            if part.etag is None:  # nothing could tell whether the rest belongs to the same file
                part.restart()
                headers = {}
            else:
                headers["If-Range"] = part.etag
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                self._check(response, part, file)
                pace = Pace(self._patience)
                for data in response.iter_raw():
                    if part.size + len(data) > file.bytes:
                        raise Damaged(f"it is longer than {file.bytes} bytes")
                    part.append(data)
                    progress(part.size)
                    if part.size < file.bytes:
                        pace.brought(len(data))
        except httpx2.TimeoutException as error:
            raise Transient(f"nothing came for {self._patience.stall_sec:g} s") from error
        except httpx2.TransportError as error:
            raise Transient(str(error) or type(error).__name__) from error
        except httpx2.TooManyRedirects as error:
            raise ModelDownloadFailed(f"{url} leads in circles: {error}") from error
        if part.size < file.bytes:
            raise Transient(f"the connection ended after {part.size} of {file.bytes} bytes")

    def _check(self, response: httpx2.Response, part: Partial, file: RemoteFile) -> None:
        """Whether the body that follows is the one that was asked for; an unasked whole one starts anew."""
        status = response.status_code
        if status == _RANGE_REFUSED:
            raise Damaged(f"the server has fewer than {part.size + 1} of its {file.bytes} bytes")
        if status in _NO_RIGHT and response.history:
            # The address that the Hub led to is good for a while only.
            raise Transient(f"{response.url.host} answered {status}")
        if status >= 400:
            raise refusal(status, response.headers, file.path, self._repo, self._endpoint)
        if status == _PARTIAL_CONTENT:
            match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != part.size:
                raise Damaged("the server answered with another range than asked for")
            if int(match[2]) != file.bytes:
                raise Damaged(f"it has {match[2]} bytes instead of {file.bytes}")
            return
        if status != 200:
            raise Damaged(f"the server answered with status {status}")
        length = response.headers.get("Content-Length")
        if length is not None and length != str(file.bytes):
            raise Damaged(f"it has {length} bytes instead of {file.bytes}")
        etag = response.headers.get("ETag")
        part.restart(None if etag is None or etag.startswith("W/") else etag)
