"""`lofi doctor`: each thing that must be right, checked as the broker and the worker will use it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

import msgspec

from lofi_client import Lofi
from lofi_client.client import BROKER_VARIABLE
from lofi_client.launch import find_broker
from lofi_common.broker_file import BrokerFile
from lofi_common.config import Config, load_config
from lofi_common.errors import ErrorInfo, LofiError
from lofi_common.manifest import check_large_file, read_model
from lofi_common.paths import Paths, find_paths
from lofi_common.selection import selected_folder

_PACKAGES = (
    "lofi-daemon",
    "onnxruntime",
    "numpy",
    "tokenizers",
    "soundfile",
    "miniaudio",
    "pyzmq",
    "msgpack",
    "msgspec",
)
_ROOM_BYTES = 50_000_000
"""For the queue, its log and a few tracks."""
_OTHER_FOLDER = "Mend that, or set LOFI_HOME to another folder."


_SOUND_SEC = 10.0
_CONNECT = "Connect a sound device, or start the sound server (PipeWire, PulseAudio)."
_NO_SOUND = "Tracks are made and saved all the same; only `play` needs a sound device."


class Check(NamedTuple):
    """`ok` with an `advice` is a note: something is amiss that most of lofi does without."""

    name: str
    """For scripts: the same from version to version."""
    ok: bool
    what: str
    advice: str = ""


def examine() -> Iterator[Check]:
    """Everything, in the order in which one thing needs the other."""
    yield Check(
        "python", True, f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    )
    yield from (_package(name) for name in _PACKAGES)
    paths = find_paths(os.environ)
    yield _folders(paths)
    yield _room(paths)
    yield Check("log", True, f"log: {paths.logs / 'broker.log'}")
    try:
        config = load_config(paths.config_file, os.environ)
    except LofiError as error:
        yield Check("settings", False, str(error), error.recovery)
        return
    there = "" if paths.config_file.exists() else " (not there: all defaults)"
    yield Check("settings", True, f"settings: {paths.config_file}{there}")
    yield _model(paths, config)
    yield _device(config)
    yield _sound(config)
    elsewhere = os.environ.get(BROKER_VARIABLE)
    yield _elsewhere(elsewhere) if elsewhere else _broker(find_broker(paths))


def _package(name: str) -> Check:
    try:
        return Check(name, True, f"{name} {metadata.version(name)}")
    except metadata.PackageNotFoundError:
        return Check(name, False, f"{name} is not installed", "Install lofi-daemon again with pip.")


def _folders(paths: Paths) -> Check:
    try:
        paths.make()
        paths.socket("clients")
    except LofiError as error:
        return Check(
            "folders", False, str(error), "Set LOFI_HOME to a folder with a short path that you may write to."
        )
    used = [paths.state, paths.tracks, paths.runtime]
    if os.path.lexists(paths.models):
        used.append(paths.models)
    refused = [path for path in used if not (path.is_dir() and os.access(path, os.R_OK | os.W_OK | os.X_OK))]
    if refused:
        return Check(
            "folders", False, f"{refused[0]} is no folder that you may read and write", _OTHER_FOLDER
        )
    return Check("folders", True, f"folders: {paths.data}, {paths.state}, {paths.runtime}")


def _room(paths: Paths) -> Check:
    try:
        free = min(shutil.disk_usage(folder).free for folder in (paths.state, paths.tracks))
    except OSError as error:
        return Check("disk", False, f"the disk can't be asked for its room: {error}", _OTHER_FOLDER)
    words = f"{free / 1e6:.0f} MB of disk space free"
    if free < _ROOM_BYTES:
        return Check("disk", False, words, "Free some: tracks can't be made without.")
    return Check("disk", True, words)


def _model(paths: Paths, config: Config) -> Check:
    try:
        folder = selected_folder(paths, config.model.folder)
        model = read_model(folder)
        for name in model.manifest.files:
            check_large_file(model, name)
    except LofiError as error:
        return Check("model", False, str(error), error.recovery)
    size = sum(file.bytes for file in model.manifest.files.values())
    return Check("model", True, f"model: {model.version}, {size / 1e6:.1f} MB, all files whole, in {folder}")


def _device(config: Config) -> Check:
    """Asked of the module that chooses it for a worker, in a process of its own: ONNX Runtime stays out."""
    command = [sys.executable, "-P", "-m", "lofi_worker.musicgen.device", config.worker.device]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        return Check(
            "device", True, f"device: {done.stdout.strip()} (worker.device = {config.worker.device})"
        )
    try:
        error = msgspec.json.decode(done.stdout, type=ErrorInfo)
    except msgspec.DecodeError:
        why = (done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1]
        return Check(
            "device", False, f"onnxruntime can't be used: {why}", "Install lofi-daemon again with pip."
        )
    return Check("device", False, error.message, error.recovery)


class _Device(msgspec.Struct, frozen=True):
    name: str
    default: bool = False


class _Sound(msgspec.Struct, frozen=True):
    """What `lofi_player.devices` prints: the devices, or why there are none."""

    devices: list[_Device] = []
    error: ErrorInfo | None = None


def _sound(config: Config) -> Check:
    """Asked of the player, in a process of its own: a sound library that crashes or hangs stays there."""
    if config.player.device:
        return Check("sound", True, f"sound: goes to {config.player.device} (player.device)")
    command = [sys.executable, "-P", "-m", "lofi_player.devices"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_SOUND_SEC
        )
        found = msgspec.json.decode(done.stdout, type=_Sound)
    except subprocess.TimeoutExpired:
        return Check("sound", True, f"sound: the system did not answer within {_SOUND_SEC:g} s", _NO_SOUND)
    except msgspec.DecodeError:
        why = (done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1]
        return Check("sound", True, f"sound: the player can't be used: {why}", _NO_SOUND)
    if found.error is not None:
        return Check("sound", True, f"sound: {found.error.message}", f"{_CONNECT} {_NO_SOUND}")
    if not found.devices:
        return Check("sound", True, "sound: there is no output device", f"{_CONNECT} {_NO_SOUND}")
    names = [device.name for device in sorted(found.devices, key=lambda device: not device.default)]
    return Check("sound", True, f"sound: {', '.join(names)}")


def _elsewhere(address: str) -> Check:
    """The broker that LOFI_BROKER names, in the place of this machine's own."""
    where = f"commands go to {BROKER_VARIABLE}={address}"
    try:
        with Lofi.connect(name="lofi doctor") as lofi:
            broker = lofi.status().broker
    except LofiError as error:
        return Check("broker", False, f"{where}: {error}", error.recovery)
    return Check("broker", True, f"{where}: it answers, pid {broker.pid} there, version {broker.version}")


def _broker(found: BrokerFile | None) -> Check:
    if found is None:
        return Check("broker", True, "broker: not running (started when needed)")
    try:
        with Lofi.connect(start=False, name="lofi doctor") as lofi:
            status = lofi.status()
    except LofiError as error:
        return Check("broker", False, str(error), error.recovery)
    bad = [worker for worker in status.workers if worker.state in ("backoff", "disabled")]
    if bad:
        return Check(
            "broker", False, f"worker {bad[0].worker}: {bad[0].reason}", f"Its log: {status.broker.log}"
        )
    return Check("broker", True, f"broker: running, pid {found.pid}, version {found.version}")
