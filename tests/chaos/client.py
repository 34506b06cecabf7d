"""A client that submits, cancels, deletes, looks, follows, disconnects and comes back, until stdin ends."""

from __future__ import annotations

import argparse
import os
import random
import select
import sys
from pathlib import Path

import msgspec

from lofi_client.client import Lofi
from lofi_common.api import GenerateParams, GenerateResult, GenerationComplete
from lofi_common.errors import BrokerUnavailable, LofiError
from lofi_common.jobs import Priority
from tests.chaos.journal import Journal
from tests.chaos.requests import pool

_PAUSE_SEC = 0.06
_FOLLOWS = 0.15
_FOLLOW_SEC = 1.0
_WAIT_SEC = 0.02

# What a client does, and how often of a hundred times.
_ACTS = {"generate": 58, "cancel": 10, "delete": 20, "clear": 1, "look": 11}


class Client:
    """One client process. Everything that it asks and is answered goes into the journal."""

    def __init__(self, journal: Journal, engine: str, outputs: Path, rng: random.Random) -> None:
        self._journal = journal
        self._requests = pool(engine)
        self._outputs = outputs
        self._rng = rng
        self._known: list[str] = []

    def run(self) -> None:
        """Connect, do a few things, disconnect, over and over."""
        while not _over(0):
            try:
                with Lofi.connect(start=False, name="chaos") as lofi:
                    for _ in range(self._rng.randint(1, 40)):
                        self._act(lofi)
                        if _over(self._rng.uniform(0, _PAUSE_SEC)):
                            return
            except BrokerUnavailable:
                _over(_WAIT_SEC)

    def _act(self, lofi: Lofi) -> None:
        act = self._rng.choices(list(_ACTS), list(_ACTS.values()))[0]
        try:
            if act == "clear":
                self._journal.write("asked", "clear")
                lofi.clear_queue()
            elif act == "look":
                self._rng.choice([lofi.status, lofi.queue, lofi.tracks])()
            elif act == "generate" or not self._known:
                accepted = self.generate(lofi, self._request())
                if self._rng.random() < _FOLLOWS:
                    self.follow(lofi, accepted)
            elif act == "cancel":
                self.cancel(lofi, self._running(lofi) or self._rng.choice(self._known))
            else:
                self.delete(lofi, self._rng.choice(self._known))
        except BrokerUnavailable:
            raise
        except LofiError as error:
            self._journal.write("refused", act, error=f"{error.name}: {error}")

    def _running(self, lofi: Lofi) -> str | None:
        """Every other time the track that is made just now, if any: it may end first."""
        current = lofi.queue().current
        return current.track_id if current is not None and self._rng.random() < 0.5 else None

    def _request(self) -> GenerateParams:
        return msgspec.structs.replace(
            self._rng.choice(self._requests),
            priority=Priority.HIGH if self._rng.random() < 0.2 else Priority.NORMAL,
            output=str(self._outputs / f"{self._rng.randrange(40)}.wav")
            if self._rng.random() < 0.1
            else None,
            force=True,
        )

    def generate(self, lofi: Lofi, params: GenerateParams) -> GenerateResult:
        asked_at = self._journal.write("asked", "generate")
        accepted = lofi.submit(params)
        track_id, state = accepted.track_id, accepted.status
        self._journal.write("answered", "generate", track_id=track_id, state=state, asked_at=asked_at)
        if track_id not in self._known:
            self._known.append(track_id)
        return accepted

    def follow(self, lofi: Lofi, accepted: GenerateResult) -> None:
        """For a while: a client need not stay until the end."""
        try:
            for told in lofi.follow(accepted, _FOLLOW_SEC):
                if isinstance(told, GenerationComplete):
                    self._journal.write("told", "complete", track_id=told.track_id, sha256=told.sha256)
        except TimeoutError:
            return

    def cancel(self, lofi: Lofi, track_id: str) -> None:
        self._journal.write("asked", "cancel", track_id=track_id)
        lofi.cancel(track_id)

    def delete(self, lofi: Lofi, track_id: str) -> None:
        self._journal.write("asked", "delete", track_id=track_id)
        lofi.delete_track(track_id)


def _over(seconds: float) -> bool:
    """Wait so long; true as soon as the harness has closed stdin."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--outputs", type=Path, required=True)
    parser.add_argument("--seed", required=True)
    arguments = parser.parse_args()
    with Journal(arguments.journal) as journal:
        Client(journal, arguments.engine, arguments.outputs, random.Random(arguments.seed)).run()


if __name__ == "__main__":
    os.umask(0o077)
    main()
