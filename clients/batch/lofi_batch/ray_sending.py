"""A model on its way from the driver to the nodes that have not got it, once to each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lofi_batch.ray_cluster import words_of
from lofi_batch.ray_crew import Member
from lofi_batch.ray_messages import Source, pack
from lofi_common.errors import ModelDownloadFailed
from lofi_common.manifest import read_manifest

PART_BYTES = 32 * 2**20
"""What is in memory at a time, here and in the object store of each node, which hand it on to one another."""
_MOST_WAVES = 3
"""In which no node has got the model."""
_PAUSE_SEC = 1.0
"""From one wave to the next: another driver may be bringing the model to the same nodes."""


class Sending:
    """One wave at a time, in a thread beside the driver's loop."""

    def __init__(self, ray: Any, actor_of: Callable[[Member], Any], folders: Mapping[str, Path]) -> None:
        """folders: where each version is."""
        self._ray, self._actor_of, self._folders = ray, actor_of, folders
        self._thread = ThreadPoolExecutor(1, "model-sending")
        self._wave: Future[str] | None = None
        self._receivers: list[Member] = []
        self._failures = 0
        self._began = 0.0

    def look(self, members: Sequence[Member]) -> list[Member]:
        """Begin a wave where none runs; the members that were waiting for one that has just ended. Those that
        one after another did not help are unable to load the model.

        Raises OSError when the model can't be read here.
        """
        waiting = [member for member in members if member.missing]
        due = time.monotonic() - self._began > _PAUSE_SEC
        if self._wave is None and due and waiting and waiting[0].source is not None:
            self._began = time.monotonic()
            source = waiting[0].source
            self._receivers = [member for member in waiting if member.source == source]
            one_a_node = {member.node: member for member in self._receivers}.values()
            self._wave = self._thread.submit(
                self._send, [self._actor_of(each) for each in one_a_node], source
            )
        if self._wave is None or not self._wave.done():
            return []
        words, self._wave = self._wave.result(), None
        waited = [member for member in self._receivers if member.missing]
        self._failures = self._failures + 1 if words else 0
        if self._failures < _MOST_WAVES:
            return waited
        self._failures = 0
        for member in waited:
            assert member.source is not None
            told = f"the model does not get to the node: {words}"
            member.unable[member.source.version], member.missing = ModelDownloadFailed(told), False
        return []

    def close(self) -> None:
        """What is on its way is left; its actors are gone already."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _send(self, actors: list[Any], source: Source) -> str:
        """Why nobody has got it; empty when somebody has, or when the nodes have it from others."""
        folder = self._folders[source.version]
        told = [_call(actor.begin, pack(source)) for actor in actors]
        answers, words = self._gather(actors, told)
        receivers = [actor for actor, takes in answers if takes]
        if not receivers:
            return words
        for name in read_manifest(folder).manifest.files:
            with (folder / name).open("rb") as file:
                while receivers and (part := file.read(PART_BYTES)):
                    stored = self._ray.put(part)
                    answers, failed = self._gather(
                        receivers, [_call(a.receive, name, stored) for a in receivers]
                    )
                    receivers, words = [actor for actor, _ in answers], failed or words
        answers, failed = self._gather(receivers, [_call(actor.finish) for actor in receivers])
        return "" if answers else failed or words

    def _gather(self, actors: Sequence[Any], calls: Sequence[Any]) -> tuple[list[tuple[Any, Any]], str]:
        """Those that have answered, with what they said, and the words of one that has not."""
        answers, words = [], ""
        for actor, call in zip(actors, calls, strict=True):
            try:
                answers.append((actor, self._ray.get(call)))
            except self._ray.exceptions.RayError as error:
                words = words_of(error)
        return answers, words


def _call(method: Any, *arguments: Any) -> Any:
    """Not again on a process that knows nothing of what came before."""
    return method.options(max_task_retries=0).remote(*arguments)
