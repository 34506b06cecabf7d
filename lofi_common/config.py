"""One frozen tree of settings, read once.

Flags go before `LOFI_<SECTION>_<KEY>` in the environment, that before config.toml, that before the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from lofi_common.errors import LofiError
from lofi_common.jobs import MAX_DURATION_SEC, MIN_DURATION_SEC
from lofi_common.refusals import did_you_mean, in_words

Origin = Literal["default", "file", "environment"]
"""Of a setting, as a file and an environment make it; flags belong to one run of `lofi-broker`."""

Positive = Annotated[int, Meta(ge=1)]
PositiveSeconds = Annotated[float, Meta(gt=0)]

_TCP = r"^(tcp://\S+:\d+)?\Z"
_FOLDER = r"^[^\0]*\Z"
_SINK = r"^(null|(paced-)?file:/[^\0]+)?\Z"
_IN_WORDS = {
    _TCP: 'write tcp://address:port, or "" for none',
    _FOLDER: "write a path without NUL",
    _SINK: 'write "" for the default sound device, null, or file:/absolute/path.wav',
}


class ConfigError(LofiError):
    """A setting is wrong; the message names where it came from, the setting and what it should be."""

    name = "CONFIG_ERROR"
    hint = "Mend that; `lofi config show` then lists all settings."


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class BrokerConfig(_Section, frozen=True, kw_only=True):
    idle_exit_sec: PositiveSeconds = 600.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    tcp: Annotated[str, Meta(pattern=_TCP)] = ""


class QueueConfig(_Section, frozen=True, kw_only=True):
    max_pending: Annotated[int, Meta(ge=1, le=1_000)] = 10
    max_attempts: Positive = 2
    durable: bool = True
    keep_ended: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    max_duration_sec: Annotated[int, Meta(ge=MIN_DURATION_SEC, le=MAX_DURATION_SEC)] = 120


class WorkerConfig(_Section, frozen=True, kw_only=True):
    engine: Literal["onnx", "fake"] = "onnx"
    count: Annotated[int, Meta(ge=1, le=64)] = 1
    slots: Annotated[int, Meta(ge=1, le=64)] = 1
    device: Literal["auto", "cpu", "cuda", "coreml", "metal"] = "auto"
    threads: Annotated[int, Meta(ge=0, le=1024)] = 0
    nice: Annotated[int, Meta(ge=0, le=19)] = 5
    spin: bool = True
    load_timeout_sec: PositiveSeconds = 120.0
    silence_sec: PositiveSeconds = 15.0
    max_rss_mb: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    idle_unload_sec: PositiveSeconds = 300.0
    stall_sec: PositiveSeconds = 60.0
    stop_grace_sec: PositiveSeconds = 2.0


class ModelConfig(_Section, frozen=True, kw_only=True):
    folder: Annotated[str, Meta(pattern=_FOLDER)] = ""


class CacheConfig(_Section, frozen=True, kw_only=True):
    max_mb: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 500
    max_tracks: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class PlayerConfig(_Section, frozen=True, kw_only=True):
    device: Annotated[str, Meta(pattern=_SINK)] = ""
    volume: Annotated[float, Meta(ge=0, le=1)] = 0.3
    crossfade_sec: Annotated[float, Meta(ge=0, le=12)] = 2.0
    loudness_lufs: Annotated[float, Meta(ge=-40, le=0)] = -14.0
    idle_unload_sec: PositiveSeconds = 60.0


class RadioConfig(_Section, frozen=True, kw_only=True):
    mode: Literal["playlist", "stream"] = "playlist"
    strategy: Literal["auto", "same_prompt", "preset_cycle", "random_preset"] = "auto"
    track_sec: Annotated[int, Meta(ge=5, le=3600)] = 60
    ahead_sec: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    polite: bool = True


class Config(_Section, frozen=True, kw_only=True):
    broker: BrokerConfig = BrokerConfig()
    queue: QueueConfig = QueueConfig()
    worker: WorkerConfig = WorkerConfig()
    model: ModelConfig = ModelConfig()
    cache: CacheConfig = CacheConfig()
    player: PlayerConfig = PlayerConfig()
    radio: RadioConfig = RadioConfig()


def load_config(file: Path, environ: Mapping[str, str], flags: Sequence[str] = ()) -> Config:
    """Merge the sources into a checked Config.

    `flags` are `section.key=value`. A missing file means defaults. Raises ConfigError.
    """
    config = parse_config(read_config(file), file)
    config = _apply(config, _from_environment(environ), "the environment")
    return _apply(config, [_from_flag(flag) for flag in flags], "--set")


def find_origins(file: Path, environ: Mapping[str, str]) -> dict[str, Origin]:
    """Where `load_config` has each `section.key` from. Raises ConfigError."""
    load_config(file, environ)
    origins: dict[str, Origin] = dict.fromkeys(setting_kinds(), "default")
    for section, keys in msgspec.toml.decode(read_config(file), type=dict[str, dict[str, Any]]).items():
        origins |= {f"{section}.{key}": "file" for key in keys}
    return origins | {f"{section}.{key}": "environment" for section, key, _ in _from_environment(environ)}


def setting_kinds() -> dict[str, Any]:
    """The type of each `section.key`, with its bounds."""
    return {
        f"{section}.{key}": kind
        for section in Config.__struct_fields__
        for key, kind in get_type_hints(type(getattr(Config(), section)), include_extras=True).items()
    }


def parse_setting(name: str, text: str) -> Any:
    """The value of the known setting `section.key` that a text stands for. Raises ConfigError."""
    section, _, key = name.partition(".")
    return getattr(getattr(_apply(Config(), [(section, key, text)], "refused"), section), key)


def read_config(file: Path) -> str:
    """The text of config.toml, none where there is no such file. Raises ConfigError."""
    try:
        return file.read_bytes().decode()  # line ends as they are
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} can't be read: {error}") from error


def parse_config(text: str, file: Path) -> Config:
    """The settings that the text of `file` makes, alone. Raises ConfigError."""
    try:
        return msgspec.toml.decode(text, type=Config)
    except RecursionError as error:
        raise ConfigError(f"{file}: nested too deeply") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{file}: {in_words(str(error), Config, _IN_WORDS, noun='setting')}") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"{file}: {_with_its_line(str(error), text)}") from error


def _with_its_line(reason: str, text: str) -> str:
    """tomllib's "Invalid value (at line 2, column 5)", with what stands there."""
    found = re.search(r" \(at line (\d+), column \d+\)$", reason)
    if found is None:
        return reason
    line = text.split("\n")[int(found[1]) - 1].strip()
    return f"line {found[1]}, `{line}`: {reason[: found.start()]}"


_Setting = tuple[str, str, str]  # section, key, value as text


def _from_environment(environ: Mapping[str, str]) -> list[_Setting]:
    """`LOFI_WORKER_ENGINE=fake` → ("worker", "engine", "fake"), known or not: a typing error is told."""
    found = []
    for section in Config.__struct_fields__:
        prefix = f"LOFI_{section.upper()}_"
        found += [
            (section, name.removeprefix(prefix).lower(), value)
            for name, value in environ.items()
            if name.startswith(prefix)
        ]
    return found


def _from_flag(flag: str) -> _Setting:
    name, equals, value = flag.partition("=")
    section, dot, key = name.partition(".")
    if not (equals and dot):
        raise ConfigError(f"--set {flag}: give section.key=value")
    return section, key, value


def _apply(config: Config, settings: Sequence[_Setting], origin: str) -> Config:
    tree: dict[str, dict[str, Any]] = msgspec.to_builtins(config)
    for section, key, text in settings:
        if key not in tree.get(section, {}):
            close = did_you_mean(f"{section}.{key}", setting_kinds())
            raise ConfigError(f"{origin}: there is no setting {section}.{key}{close}")
        kind = get_type_hints(type(getattr(config, section)), include_extras=True)[key]
        try:
            tree[section][key] = msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError as error:
            told = in_words(str(error), kind, _IN_WORDS)
            raise ConfigError(f"{origin}: {section}.{key}={text}: {told}") from error
    return msgspec.convert(tree, Config)
