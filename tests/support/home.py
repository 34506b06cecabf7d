"""A LOFI_HOME of its own for each test, short enough for socket paths, and a tiny model folder."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lofi_client.launch import find_broker
from lofi_common.paths import Paths, find_paths

MODEL_TOML = """
layout = 1
name = "test-model"
license = "MIT"
description = "A manifest without files, enough for the scripted engine."
[text]
max_tokens = 64
[decoder]
layers = 1
heads = 1
head_dim = 8
codebooks = 4
codebook_size = 64
delays = [0, 1, 2, 3]
max_steps = 8192
[codec]
sample_rate = 32000
channels = 1
frames_per_second = 50.0
chunk_frames = 50
[sampling]
temperature = 1.0
top_k = 16
top_p = 0.0
guidance_scale = 3.0
[files]
"""


class Home:
    """Where one test's broker, queue and tracks live."""

    def __init__(self, root: Path, *, engine: str = "fake") -> None:
        self.root = root
        self.wrapper: list[str] = []
        """A command that runs the commands of `run`."""
        self.environ = {"LOFI_HOME": str(root), "LOFI_WORKER_ENGINE": engine}
        if engine == "fake":
            model = root / "model"
            model.mkdir()
            (model / "model.toml").write_text(MODEL_TOML)
            self.environ["LOFI_MODEL_FOLDER"] = str(model)

    @property
    def paths(self) -> Paths:
        return find_paths(self.environ)

    def run(
        self,
        module: str,
        *arguments: str,
        extra: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m module` to its end."""
        return subprocess.run(
            [*self.wrapper, sys.executable, "-m", module, *arguments],
            env={**os.environ, **self.environ, **(extra or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
        )

    def submit(self, *arguments: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        return self.run("lofi_cli.submit", *arguments, timeout=timeout)

    def lofi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("lofi_cli.main", *arguments)

    def stop(self) -> None:
        """End a background broker that the test left behind."""
        found = find_broker(self.paths)
        if found is None:
            return
        try:
            process = os.pidfd_open(found.pid)
        except ProcessLookupError:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(process, number)
            if select.select([process], [], [], 10.0)[0]:
                break
        os.close(process)
