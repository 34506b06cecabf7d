"""What interrupted installations left below `models/.partial/`: fetched files, and scratch to throw away."""

from __future__ import annotations

import contextlib
import logging
import shutil
from pathlib import Path

import msgspec

from lofi_broker.models.store import PARTIAL, folder_bytes, locked
from lofi_common.exchange import REPLACED, settle
from lofi_common.installs import ORDER_FILE, PartialOrder
from lofi_common.logs import fields

log = logging.getLogger(__name__)


def fetched_bytes(folder: Path) -> int:
    """Of the files that the next installation need not fetch again, whole or in part."""
    return folder_bytes(folder / "source") + folder_bytes(folder / "fetch", "*.part")


def read_order(folder: Path) -> PartialOrder | None:
    """What had been asked for; None when the installer had not come so far."""
    try:
        return msgspec.json.decode((folder / ORDER_FILE).read_bytes(), type=PartialOrder)
    except (OSError, msgspec.DecodeError, ValueError):
        return None


def drop_scratch(models: Path, name: str) -> None:
    """Delete the half-made model of an installer that has ended, and all of it when nothing was fetched.

    An exchange that was cut off is brought to its end.
    Nothing happens while another process installs that name. A disk that refuses is logged.
    """
    folder = models / PARTIAL / name
    if not folder.is_dir():
        return
    try:
        with contextlib.suppress(BlockingIOError), locked(models / ".lock" / name):
            settle(models / name, folder / REPLACED)
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder / "model")
            if not fetched_bytes(folder):
                shutil.rmtree(folder)
    except OSError as error:
        log.warning(fields("scratch_kept", model=name, reason=error))
