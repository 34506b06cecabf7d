"""What is told of a child process that ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
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


SHELL = "sleep 60 & echo $!; wait"
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
)


def test_what_a_child_has_started_dies_with_it() -> None:
    async def end() -> bool:
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        child = await ChildProcess.start("w0", ["sh", "-c", SHELL], lines.put_nowait)
        watch = asyncio.create_task(child.watch())
        grandchild = os.pidfd_open(int(await lines.get()))
        child.signal(signal.SIGKILL)
        try:
            async with asyncio.timeout(5):
                await watch  # ends with the streams, which the grandchild has as well
            return bool(select.select([grandchild], [], [], 5.0)[0])
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(grandchild, signal.SIGKILL)
            os.close(grandchild)

    assert asyncio.run(end())


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('up', flush=True); import sys; sys.stdin.read()", "exit code 0"),
        ("print('up', flush=True); import signal; signal.pause()", "killed by SIGTERM"),
        (DEAF, "killed by SIGKILL"),
    ],
)
def test_the_stop_ladder_goes_as_far_as_it_has_to(code: str, reason: str) -> None:
    async def stop() -> str:
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        child = await ChildProcess.start("w0", [sys.executable, "-c", code], lines.put_nowait)
        watch = asyncio.create_task(child.watch())
        await lines.get()
        async with asyncio.timeout(10):
            await child.stop(0.3)
            return await watch

    assert asyncio.run(stop()) == reason
