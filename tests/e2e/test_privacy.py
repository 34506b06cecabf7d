"""No telemetry, no network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.home import Home


def test_a_track_leaves_nothing_outside_our_own_folders(short_tmp: Path) -> None:
    home = Home(short_tmp, engine="onnx")
    elsewhere = short_tmp / "user"
    elsewhere.mkdir()
    environ = {
        "HOME": str(elsewhere),
        "XDG_CACHE_HOME": str(elsewhere / "cache"),
        "ORT_DISABLE_TELEMETRY": "0",
    }
    done = home.run("lofi_cli.submit", "x", "-d", "5", extra=environ)
    home.stop()
    assert done.returncode == 0, done.stderr
    assert list(elsewhere.rglob("*")) == []


def test_whoever_imports_the_worker_turns_the_runtime_s_telemetry_off() -> None:
    script = "import os, lofi_worker; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environ = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=30
    )
    assert done.stdout == "1\n"
