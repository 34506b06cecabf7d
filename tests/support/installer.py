"""Runs the real installer as a child process and reads what it says."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, TypedDict, Unpack

from lofi_common.api_models import Precision
from lofi_common.errors import ErrorInfo
from lofi_common.installs import Done, Failed, Line, Plan, decode_line, installer_command

FAST = ["--retry-pause-sec", "0.01", "--stall-sec", "0.5"]
"""Pauses for tests."""


class Options(TypedDict, total=False):
    """extra: more options of the installer. wrapper: a command that runs the installer."""

    action: Literal["resolve", "install"]
    name: str
    precision: Precision
    catalogue: Path
    keep_source: bool
    extra: list[str]
    wrapper: list[str]
    cwd: Path


class Installer:
    """One process. Its stdin stays open until the block ends."""

    def __init__(
        self, source: str, models: Path, environ: Mapping[str, str], **options: Unpack[Options]
    ) -> None:
        command = installer_command(
            options.get("action", "install"),
            source,
            models,
            name=options.get("name"),
            precision=options.get("precision", "fp32"),
            catalogue=options.get("catalogue"),
            keep_source=options.get("keep_source", False),
        )
        dash = command.index("--")
        command[dash:dash] = [*FAST, *options.get("extra", [])]
        command = [*options.get("wrapper", []), *command]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        self.process = subprocess.Popen(
            command,
            env={**clean, **environ},
            cwd=options.get("cwd"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[Line] = []
        self.stderr = ""

    def __enter__(self) -> Installer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def read(self) -> Iterator[Line]:
        """The lines as they come."""
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self.lines.append(decode_line(raw))
            yield self.lines[-1]

    def end(self) -> int:
        """Wait for the end; returns the exit code."""
        list(self.read())
        assert self.process.stderr is not None
        self.stderr = self.process.stderr.read().decode()
        return self.process.wait()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def error(self) -> ErrorInfo:
        """What the last line says went wrong."""
        last = self.lines[-1]
        assert isinstance(last, Failed), (self.lines, self.stderr)
        return last.error

    @property
    def plan(self) -> Plan:
        plans = [line for line in self.lines if isinstance(line, Plan)]
        assert len(plans) == 1, (self.lines, self.stderr)
        return plans[0]

    @property
    def done(self) -> Done:
        last = self.lines[-1]
        assert isinstance(last, Done), (self.lines, self.stderr)
        return last
