"""What was set of the player and holds for the next broker too: volume, crossfade, device."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import msgspec

from lofi_common.api_playback import CrossfadeSec, Volume
from lofi_common.config import PlayerConfig
from lofi_common.logs import fields

log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is None was never set: the configured value holds, or the default device."""

    volume: Volume | None = None
    crossfade_sec: CrossfadeSec | None = None
    device: str | None = None


class Remembered:
    """What holds now, kept in a file."""

    def __init__(self, file: Path, config: PlayerConfig) -> None:
        self._file = file
        self._config = config
        self._kept = _read(file)

    @property
    def volume(self) -> float:
        """0 to 1."""
        return self._config.volume if self._kept.volume is None else self._kept.volume

    @property
    def crossfade_sec(self) -> float:
        return self._config.crossfade_sec if self._kept.crossfade_sec is None else self._kept.crossfade_sec

    @property
    def device(self) -> str | None:
        """The name of the sound device that was chosen; None: the default one."""
        return self._kept.device

    def keep(self, **changed: float | str | None) -> None:
        """From now on these values hold. A disk that refuses is logged: they are heard all the same."""
        self._kept = msgspec.structs.replace(self._kept, **changed)
        part = self._file.with_name(f".{self._file.name}.part")
        try:
            part.write_bytes(msgspec.json.encode(self._kept) + b"\n")
            part.replace(self._file)
        except OSError as error:
            log.warning(fields("player_settings_not_kept", file=self._file, reason=error))
            with contextlib.suppress(OSError):
                part.unlink()


def _read(file: Path) -> _Kept:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return _Kept()
    except (OSError, msgspec.DecodeError, ValueError) as error:
        log.warning(fields("player_settings_forgotten", file=file, reason=error))
        return _Kept()
