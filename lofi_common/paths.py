"""Where things lie: the platform's usual directories, or all of them under `LOFI_HOME`."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec
import platformdirs

from lofi_common.errors import LofiError
from lofi_common.keys import Keys

STARTER = "lofi-tiny"
MODELS = "models"
"""The folder of the installed models."""
_IPC_LIMIT = 107


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    config: Path
    state: Path
    data: Path

    @property
    def runtime(self) -> Path:
        """Lock, sockets and `broker.json`: beside the database that the lock guards, since a runtime
        directory taken from the environment would differ between a desktop and a cron job."""
        return self.state / "run"

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def keys(self) -> Keys:
        return Keys(folder=self.config / "keys")

    @property
    def database(self) -> Path:
        return self.state / "queue.sqlite"

    @property
    def player(self) -> Path:
        """What was set of the player last: volume, crossfade, device."""
        return self.state / "player.json"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def tracks(self) -> Path:
        return self.data / "tracks"

    @property
    def models(self) -> Path:
        """Installed models, a folder each; made when the first one comes."""
        return self.data / MODELS

    @property
    def spool(self) -> Path:
        """Beside the tracks, so that a finished file is renamed into the library, never copied."""
        return self.data / "spool"

    @property
    def broker_file(self) -> Path:
        return self.runtime / "broker.json"

    @property
    def broker_lock(self) -> Path:
        return self.runtime / "broker.lock"

    def socket(self, name: str) -> str:
        """ZeroMQ endpoint of one of the broker's sockets. Raises LofiError when the path is too long."""
        path = str(self.runtime / f"{name}.ipc")
        if len(os.fsencode(path)) > _IPC_LIMIT:
            raise LofiError(
                f"the socket path {path} is over {_IPC_LIMIT} bytes long: set LOFI_HOME to a shorter folder"
            )
        return f"ipc://{path}"

    def make(self) -> None:
        """Create the folders, for this user only; what was open to others is closed. Raises LofiError
        naming the folder that can't be made, or that is another user's."""
        for folder in (self.state, self.logs, self.data, self.tracks, self.spool, self.runtime):
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                if folder.stat().st_uid != os.getuid():
                    raise LofiError(f"{folder} belongs to another user")
                _narrow(folder, 0o700)
                for file in self._own_files(folder):
                    with contextlib.suppress(FileNotFoundError):  # another process was just done with it
                        _narrow(file, 0o600)
            except OSError as error:
                raise LofiError(
                    f"can't make the folder {folder}, or make it private: {error.strerror}",
                    recovery="Set LOFI_HOME to a folder that you may write to.",
                ) from error

    def _own_files(self, folder: Path) -> list[Path]:
        """The files of a folder that has few. Tracks are private by their folder and their umask."""
        if folder not in (self.state, self.logs, self.runtime):
            return []
        return [file for file in folder.iterdir() if file.is_file() and not file.is_symlink()]


def _narrow(path: Path, mode: int) -> None:
    """Give it this mode, unless it has it: on a disk that is read-only even that would be refused."""
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def sync_folder(folder: Path) -> None:
    """Return once the names in the folder are on disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def find_paths(environ: Mapping[str, str]) -> Paths:
    """The folders for this user; `LOFI_HOME` moves all of them under one."""
    home = environ.get("LOFI_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return Paths(config=root / "config", state=root / "state", data=root / "data")
    dirs = platformdirs.PlatformDirs("lofi", appauthor=False)
    return Paths(
        config=Path(dirs.user_config_dir),
        state=Path(dirs.user_state_dir),
        data=Path(dirs.user_data_dir),
    )


def find_cache(environ: Mapping[str, str]) -> Path:
    """The folder for what can be had again, of this user on this machine."""
    home = environ.get("LOFI_HOME")
    if home:
        return Path(home).expanduser().absolute() / "cache"
    return Path(platformdirs.PlatformDirs("lofi", appauthor=False).user_cache_dir)


def starter_folder() -> Path:
    """The folder of the model that ships inside the package; found without importing the worker."""
    spec = importlib.util.find_spec("lofi_worker")
    if spec is None or not spec.submodule_search_locations:
        raise LofiError("the package lofi_worker is not installed beside lofi_common")
    return Path(spec.submodule_search_locations[0]) / "models" / STARTER
