"""Reading and writing config.toml for `lofi config`."""

from __future__ import annotations

import contextlib
import os
import stat
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError

from lofi_cli.look import coloured
from lofi_client.launch import is_running
from lofi_common.config import (
    Config,
    ConfigError,
    Origin,
    find_origins,
    load_config,
    parse_config,
    parse_setting,
    read_config,
    setting_kinds,
)
from lofi_common.paths import Paths, find_paths, sync_folder


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    """`section.key`"""
    value: Any
    origin: Origin
    default: Any

    def in_words(self) -> str:
        """As `lofi config set` takes it."""
        return _as_text(self.value)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    settings: list[Setting]


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def variable_of(name: str) -> str:
    """`queue.max_pending` → "LOFI_QUEUE_MAX_PENDING"."""
    return f"LOFI_{name.replace('.', '_').upper()}"


def broker_runs() -> bool:
    return is_running(find_paths(os.environ))


def read_settings() -> Settings:
    """All of them, as commands of this shell see them. Raises ConfigError."""
    file = find_paths(os.environ).config_file
    merged, default = load_config(file, os.environ), Config()
    origins = find_origins(file, os.environ)
    return Settings(
        path=str(file),
        settings=[
            Setting(key=name, value=_value(merged, name), origin=origin, default=_value(default, name))
            for name, origin in origins.items()
        ],
    )


def _value(config: Config, name: str) -> Any:
    section, _, key = name.partition(".")
    return getattr(getattr(config, section), key)


def find_setting(name: str) -> Setting:
    """One of them. Raises ConfigError, with the name that may be meant, where there is none."""
    found = {setting.key: setting for setting in read_settings().settings}
    return found[_known(name)]


def _known(name: str) -> str:
    names = list(setting_kinds())
    if name in names:
        return name
    meant = [each for each in names if each.partition(".")[2] == name] or get_close_matches(name, names, n=2)
    advice = f"Did you mean {' or '.join(meant)}?" if meant else "`lofi config show` lists all of them."
    raise ConfigError(f"there is no setting {name}", recovery=advice)


def show_settings(found: Settings) -> str:
    """Section by section, what is not a default brought out."""
    there = "" if os.path.exists(found.path) else " (not there: nothing is set in it)"
    lines = [f"# {found.path}{there}"]
    section = ""
    for setting in found.settings:
        part, _, key = setting.key.partition(".")
        if part != section:
            section = part
            lines += ["", f"[{section}]"]
        value = tomlkit.item(setting.value).as_string()
        origin = variable_of(setting.key) if setting.origin == "environment" else setting.origin
        line = f"{key + ' = ' + value:<36} # {origin}"
        if setting.origin == "default":
            lines.append(coloured(line, dim=True))
        else:
            before = tomlkit.item(setting.default).as_string()
            lines.append(coloured(f"{line}, default {before}", "green"))
    return "\n".join(lines)


def change_setting(name: str, text: str | None) -> bool:
    """Write a setting into the file, None to take it out of there; whether that changed the file.

    Raises ConfigError, the file is then as it was.
    """
    section, _, key = _known(name).partition(".")
    paths = find_paths(os.environ)
    before = read_config(paths.config_file)
    parse_config(before, paths.config_file)  # a file that is wrong already is named before it is changed
    value = None if text is None else parse_setting(name, text)
    try:
        document: Any = tomlkit.parse(before)
        if value is not None:
            document.setdefault(section, tomlkit.table())[key] = value
        elif key in document.get(section, {}):
            del document[section][key]
        after = document.as_string()
    except TOMLKitError as error:
        raise ConfigError(f"{paths.config_file}: {error}") from error
    parse_config(after, paths.config_file)  # no editor of files is trusted with the only copy
    if after == before:
        return False
    _write(paths, after)
    return True


def _write(paths: Paths, text: str) -> None:
    """Whole or not at all, through a link to where the file really is, with the mode that it had."""
    file = Path(os.path.realpath(paths.config_file))
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o600
        try:
            with part.open("w", newline="") as opened:
                os.fchmod(opened.fileno(), mode)
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
            part.replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        sync_folder(file.parent)
    except OSError as error:
        raise ConfigError(
            f"{file} can't be written: {error.strerror}", recovery="Nothing was changed."
        ) from error
