"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"lofi_common", "lofi_broker", "lofi_worker", "lofi_client", "lofi_cli", "lofi_player", "lofi_batch"}
FOLDERS = {
    "lofi_common": ROOT / "lofi_common",
    "lofi_broker": ROOT / "lofi_broker",
    "lofi_worker": ROOT / "lofi_worker",
    "lofi_client": ROOT / "clients/python/lofi_client",
    "lofi_cli": ROOT / "clients/cli/lofi_cli",
    "lofi_player": ROOT / "clients/player/lofi_player",
    "lofi_batch": ROOT / "clients/batch/lofi_batch",
}
MAY_IMPORT = {
    "lofi_common": set[str](),
    "lofi_broker": {"lofi_common"},
    "lofi_worker": {"lofi_common"},
    "lofi_client": {"lofi_common"},
    "lofi_cli": {"lofi_common", "lofi_client"},
    "lofi_player": {"lofi_common"},
    "lofi_batch": {"lofi_common", "lofi_client", "lofi_cli", "lofi_worker"},
}
LIBRARIES = {
    "lofi_common": {"msgspec", "msgpack", "platformdirs"},
    "lofi_broker": {"dbus_fast", "msgspec", "psutil", "zmq"},
    "lofi_client": {"msgspec", "zmq"},
    "lofi_cli": {"msgspec", "click", "numpy", "soundfile", "PIL", "tomlkit"},
    "lofi_player": {"msgspec", "miniaudio", "numpy", "soundfile"},
    "lofi_batch": {"msgspec", "click", "fsspec", "psutil", "ray"},
}


def imported(package: str) -> set[str]:
    """Top-level names of everything that a package's files import, anywhere in them."""
    names: set[str] = set()
    for file in FOLDERS[package].rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", FOLDERS)
def test_the_arrows_between_our_packages(package: str) -> None:
    assert imported(package) & OURS - {package} <= MAY_IMPORT[package]


@pytest.mark.parametrize("package", LIBRARIES)
def test_libraries(package: str) -> None:
    others = imported(package) - OURS - set(sys.stdlib_module_names)
    assert others <= LIBRARIES[package]


def test_every_package_is_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = {
        ".".join(file.parent.relative_to(folder.parent).parts)
        for folder in FOLDERS.values()
        for file in folder.rglob("__init__.py")
    }
    assert found <= set(project["tool"]["setuptools"]["packages"])


def test_importing_the_broker_loads_neither_numpy_nor_onnxruntime() -> None:
    script = (
        "import sys, lofi_broker.__main__; "
        "print([m for m in ('numpy', 'onnxruntime', 'tokenizers', 'lofi_worker') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout == "[]\n", done.stderr
