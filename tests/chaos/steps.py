"""The named steps at which a process can be made to die; `hook/sitecustomize.py` is the other side."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

HOOK = Path(__file__).parent / "hook"

_AROUND = ("before", "after")

BROKER_STEPS = (
    "save.inside",
    "write.half",
    *(f"{name}.{side}" for name in ("save", "fsync", "rename", "unlink", "spawn") for side in _AROUND),
    *(f"send.{kind}.{side}" for kind in ("run", "cancel", "response", "event") for side in _AROUND),
)
WORKER_STEPS = (
    "write.half",
    *(f"fsync.{side}" for side in _AROUND),
    *(
        f"send.{kind}.{side}"
        for kind in ("hello", "ready", "heartbeat", "started", "progress", "done", "failed")
        for side in _AROUND
    ),
)


class Steps:
    """Orders to die, for the processes that are started with `environ`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        path = [str(HOOK), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environ = {"CHAOS_ARMED": str(folder), "PYTHONPATH": os.pathsep.join(path)}

    def arm(self, role: str, step: str, count: int) -> None:
        """The process of this role that passes the step for the `count`-th time dies there."""
        part = self._folder / f".{role}"
        part.write_text(f"{step} {count}")
        part.replace(self._folder / role)

    def armed(self, role: str) -> bool:
        """True until somebody dies of it."""
        return (self._folder / role).exists()

    def disarm(self, role: str) -> bool:
        """Call it off; False when somebody died of it before."""
        try:
            (self._folder / role).unlink()
        except FileNotFoundError:
            return False
        return True

    def hits(self) -> Counter[str]:
        """How often each step killed: `role step`."""
        try:
            return Counter((self._folder / "hits").read_text().splitlines())
        except FileNotFoundError:
            return Counter()
