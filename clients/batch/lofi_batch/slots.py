"""The broker's slots as a batch wants them, beside other batches that want some too."""

from __future__ import annotations

from contextlib import suppress

from lofi_client import Lofi
from lofi_common.errors import BrokerUnavailable, ConsentRequired, ModelLoadFailed, ModelNotFound

NO_MODEL = (ModelNotFound, ModelLoadFailed, ConsentRequired)


class Slots:
    """Asked for, held, given back."""

    def __init__(self, wanted: int | None, model: str | None) -> None:
        """wanted: None leaves the broker what it has. model: for which their memory is looked at."""
        self._wanted = wanted
        self._model = model
        self._before: int | None = None
        """What the broker had; None while nothing was got from it."""

    def ask(self, lofi: Lofi) -> None:
        """Raises InvalidParams when there is no memory for so many."""
        if self._wanted is None:
            return
        with suppress(*NO_MODEL):  # its rows tell
            before = lofi.worker_slots(self._wanted, model=self._model).before
            self._before = before if self._before is None else self._before

    def hold(self, lofi: Lofi) -> None:
        """Ask again: somebody else may have changed them. Where that was another batch, for more, both get
        those: else each would take the other's away for ever."""
        if self._wanted is None or self._before is None:
            return
        with suppress(*NO_MODEL):
            before = lofi.worker_slots(self._wanted, model=self._model).before
            if before > self._wanted:
                lofi.worker_slots(before, model=self._model)
                self._wanted = before

    def number(self, lofi: Lofi) -> int:
        """Tracks that are made side by side."""
        workers = lofi.status().workers
        # A worker that is to be replaced still tells its old number.
        return sum(self._wanted or worker.slots or 1 for worker in workers)

    def give_back(self, lofi: Lofi) -> None:
        """What was got. While others are at work they keep what they had before; else, and so also after a
        batch that was killed, the broker's own number holds again."""
        if self._before is None:
            return
        with suppress(BrokerUnavailable, *NO_MODEL):
            queue = lofi.queue()
            at_work = queue.current is not None or queue.pending
            lofi.worker_slots(self._before if at_work else None)
