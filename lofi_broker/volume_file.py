"""The volume that was set last, for the next broker."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from lofi_common.logs import fields

log = logging.getLogger(__name__)


def read_volume(file: Path, default: float) -> float:
    """The remembered volume, 0 to 1; `default` where there is none, or none that can be read."""
    try:
        volume = float(file.read_text())
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as error:
        log.warning(fields("volume_forgotten", file=file, reason=error))
        return default
    return volume if 0.0 <= volume <= 1.0 else default


def write_volume(file: Path, volume: float) -> None:
    """Remember it. A disk that refuses is logged: it is heard all the same."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(f"{volume!r}\n")
        part.replace(file)
    except OSError as error:
        log.warning(fields("volume_not_kept", file=file, reason=error))
        with contextlib.suppress(OSError):
            part.unlink()
