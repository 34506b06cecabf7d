"""What an answer of the Hub means for whoever waits: go on, try again, or what to do about it."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping

from lofi_common.errors import LofiError, ModelDownloadFailed, ModelNotFound

_TRANSIENT = {408, 425, 429}


class Transient(Exception):
    """This request failed, the next may not. `wait_sec`: what the server asked for, if it did."""

    def __init__(self, message: str, wait_sec: float | None = None) -> None:
        super().__init__(message)
        self.wait_sec = wait_sec


def refusal(
    status: int, headers: Mapping[str, str], what: str, repo: str, endpoint: str
) -> LofiError | Transient:
    """What an HTTP status of 400 and more means. what: the file or list that was asked for.

    The Hub tells apart what shares a status in its header X-Error-Code.
    """
    code = printable(headers.get("X-Error-Code", ""))
    answered = f"{endpoint} answered {status}" + (f" ({code})" if code else "")
    details = printable(headers.get("X-Error-Message", ""))
    if status in _TRANSIENT or status >= 500:
        return Transient(answered, retry_after(headers.get("Retry-After"), time.time()))
    if code == "GatedRepo" or status == 403:
        return ModelDownloadFailed(
            f"{repo} gives its files only to those who accepted its licence: {answered}",
            details=details,
            recovery=f"Accept the licence at {endpoint}/{repo}, create a token that may read it,"
            " set HF_TOKEN to it and ask again.",
        )
    if code == "RevisionNotFound":
        return ModelNotFound(
            f"{repo} has no such revision: {answered}",
            details=details,
            recovery=f"{endpoint}/{repo} lists its branches, tags and commits.",
        )
    if code == "EntryNotFound":
        return ModelNotFound(
            f"{repo} has no file {what}: {answered}",
            details=details,
            recovery="Another revision may have it (owner/name@revision).",
        )
    if status in (401, 404):
        return ModelNotFound(
            f"{repo} is not there, or is private: {answered}",
            details=details,
            recovery="Check the name. For a private repository set HF_TOKEN to a token that may read it;"
            " a token that has expired is refused for public ones too.",
        )
    return ModelDownloadFailed(f"{what} of {repo} can't be had: {answered}", details=details)


def no_answer(error: Exception) -> str:
    """Why none came, as the system says it: libraries wrap its words several times."""
    reason = str(error)
    each: BaseException | None = error
    while each is not None:
        if isinstance(each, TimeoutError):
            return "no answer came in time"
        if isinstance(each, OSError) and each.strerror:
            reason = each.strerror
        each = each.__cause__ or each.__context__
    return reason


def printable(text: str) -> str:
    """What a stranger wrote, fit for a terminal: no control characters, not too long."""
    return "".join(char if char.isprintable() else " " for char in text[:300]).strip()


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date; None when it is neither."""
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None
