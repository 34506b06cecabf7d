"""A peer that is taken for the broker's first worker, and says what it likes."""

from __future__ import annotations

import time

from lofi_common import messages
from tests.support.home import Home
from tests.support.peers import Peer
from tests.support.stdio import WAIT_SEC, Stdio


def await_log(home: Home, words: str, count: int = 1) -> None:
    """Wait until so many lines of the broker's log hold these words."""
    log = home.paths.logs / "broker.log"
    deadline = time.monotonic() + WAIT_SEC
    while sum(words in line for line in log.read_text().splitlines()) < count:
        assert time.monotonic() < deadline, f"{words!r} is not in the log {count} times"
        time.sleep(0.005)


def done(home: Home, track_id: str, **changes: object) -> messages.Done:
    """What a worker says of a finished track, with changes."""
    values: dict[str, object] = {
        "job_id": track_id,
        "attempt": 1,
        "path": str(home.paths.spool / f"{track_id}.1.wav"),
        "sha256": "0" * 64,
        "bytes": 1,
        "sample_rate": 32_000,
        "samples": 160_000,
        "generation_sec": 1.0,
        "peak": 0.5,
        **changes,
    }
    return messages.Done(**values)  # type: ignore[arg-type]


class Impostor(Peer):
    """Has the identity of the first worker before that one comes, and so its word.

    For brokers whose first generation is 1.
    """

    def __init__(self, broker: Stdio, home: Home) -> None:
        super().__init__(home.paths.socket("workers"), b"w0.g1")
        self._broker = broker
        self._home = home
        self.send(messages.Heartbeat(rss=1))
        await_log(home, "stale_worker_message worker=w0 generation=1")  # it has the name now

    def load(self) -> None:
        """Get the first job, as a worker that is ready."""
        self._broker.call("generate", prompt="first", duration_sec=5, seed=1)
        while not self._broker.call("status")["workers"][0].get("pid"):
            pass
        (model,) = [each for each in self._broker.call("models_list")["models"] if each["selected"]]
        self.send(
            messages.Ready(model_version=model["model_version"], device="x", slots=1, load_sec=0.0, rss=1)
        )

    def job(self) -> messages.Run:
        order = self.order()
        assert isinstance(order, messages.Run)
        return order
