"""What is told of a child process that ended."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from lofi_broker import memory
from lofi_broker.process import ChildProcess


@pytest.mark.parametrize(
    ("kills", "reason"),
    [(3, "killed by SIGKILL"), (4, "killed by SIGKILL while the machine was out of memory")],
)
def test_a_child_that_the_kernel_ended_for_want_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, reason: str
) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("pgfault 12\noom_kill 3\n")
    monkeypatch.setattr(memory, "_VMSTAT", vmstat)

    async def end() -> str:
        child = await ChildProcess.start("w0", ["sleep", "60"])
        vmstat.write_text(f"pgfault 12\noom_kill {kills}\n")
        child.signal(signal.SIGKILL)
        return await child.watch()

    assert asyncio.run(end()) == reason
