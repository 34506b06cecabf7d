"""A broker that serves many tests, as long as each leaves it as it was."""

from __future__ import annotations

import queue
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from lofi_client import Lofi, LofiError
from lofi_client.launch import find_broker
from tests.support.home import Home
from tests.support.stdio import Stdio

IDLE = {"current": None, "pending": []}


class Standing:
    """One home, a broker on stdio and a relay to it; all is made anew where something was left behind."""

    def __init__(self, engine: str = "fake") -> None:
        self._engine = engine
        self._home: Home | None = None
        self._broker: Stdio | None = None
        self._relay: Stdio | None = None

    @property
    def home(self) -> Home:
        """Another one when all was made anew. It may have a broker in the background instead."""
        if self._home is None:
            self._home = Home(Path(tempfile.mkdtemp(prefix="lofi-")), engine=self._engine)
        return self._home

    def broker(self) -> Stdio:
        """With nothing in `seen`."""
        if self._broker is None:
            self._broker = Stdio(self.home.environ)
        return _greeted(self._broker)

    def relay(self) -> Stdio:
        """The same for a relay to that broker."""
        self.broker()
        if self._relay is None:
            self._relay = Stdio(self.home.environ)
        return _greeted(self._relay)

    def look(self) -> None:
        """After a test: what has ended, does not answer or has work left serves no other one."""
        fronts = [front for front in (self._relay, self._broker) if front is not None]
        if not all(map(_is_idle, fronts)) or (self._broker is None and not self._background_is_idle()):
            self.end()

    def _background_is_idle(self) -> bool:
        if self._home is None or find_broker(self._home.paths) is None:
            return True
        try:
            with Lofi.connect(start=False, paths=self._home.paths) as lofi:
                queue = lofi.queue()
        except LofiError:
            return False
        return queue.current is None and not queue.pending

    def end(self) -> None:
        for front in (self._relay, self._broker):
            if front is not None:
                front.__exit__(None, None, None)
        if self._home is not None:
            self._home.stop()
            shutil.rmtree(self._home.root, ignore_errors=True)
        self._home = self._broker = self._relay = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def _greeted(front: Stdio) -> Stdio:
    assert front.call("queue_status") == IDLE
    front.seen.clear()
    return front


def _is_idle(front: Stdio) -> bool:
    """Whether it answers; what it has said before is read then."""
    try:
        return front.call("queue_status") == IDLE
    except (AssertionError, queue.Empty, OSError, ValueError):
        return False
