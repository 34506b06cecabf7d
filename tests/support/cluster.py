"""A Ray cluster of several nodes on this machine, each with a home of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil

_STORE_BYTES = 80_000_000
_QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_timeout_ms": 600,
    "health_check_failure_threshold": 3,
}
"""A node that was removed is missed within seconds, not within a quarter of a minute."""


class Nodes:
    """The first node is the head; it can't be removed."""

    def __init__(self, root: Path, *, pinned: bool = False) -> None:
        """pinned: the processes of each node have a core of their own."""
        from ray.cluster_utils import Cluster

        self._root, self._pinned = root, pinned
        self._homes: dict[Any, Path] = {}
        self.there: list[Any] = []
        """The head first."""
        self._cluster: Any = Cluster()
        self._number = 0
        self.add(include_dashboard=False, temp_dir=str(root / "ray"), _system_config=_QUICK)

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add(self, **more: object) -> Any:
        """One core."""
        self._number += 1
        home = self._root / f"node{self._number}"
        (home / "tmp").mkdir(parents=True)
        environ = {"LOFI_HOME": str(home), "TMPDIR": str(home / "tmp")}
        with self._on_a_core():
            node = self._cluster.add_node(
                num_cpus=1, object_store_memory=_STORE_BYTES, env_vars=environ, **more
            )
        self._homes[node] = home
        self.there.append(node)
        return node

    @contextmanager
    def _on_a_core(self) -> Iterator[None]:
        """What is started meanwhile has the next core; this process, and its later children, the rest."""
        if not self._pinned:
            yield
            return
        core, *rest = sorted(os.sched_getaffinity(0), reverse=True)
        os.sched_setaffinity(0, {core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, rest)

    def services(self, node: Any) -> list[psutil.Process]:
        """Ray's own processes on a node."""
        return [
            process
            for each in node.live_processes()
            for process in (
                psutil.Process(each[1].pid),
                *psutil.Process(each[1].pid).children(recursive=True),
            )
            if not self._is_actor(process)
        ]

    def home(self, node: Any) -> Path:
        """Its LOFI_HOME."""
        return self._homes[node]

    def remove(self, node: Any) -> None:
        """As if its power were cut."""
        self._cluster.remove_node(node, allow_graceful=False)
        self.there.remove(node)

    def actors(self) -> list[psutil.Process]:
        """The processes that make tracks; one for each driver and node."""
        return [process for process in psutil.process_iter() if self._is_actor(process)]

    def _is_actor(self, process: psutil.Process) -> bool:
        try:
            return (
                process.cmdline()[:1] != []
                and process.cmdline()[0].startswith("ray::NodeActor")
                and process.environ().get("LOFI_HOME", "").startswith(f"{self._root}/")
            )
        except psutil.Error:  # gone meanwhile, or another user's
            return False

    def close(self) -> None:
        self._cluster.shutdown()


@contextmanager
def nodes_on(root: Path, number: int, *, pinned: bool = False) -> Iterator[Nodes]:
    """So many nodes. The environment is that of their drivers, too: nothing of other clusters is seen."""
    environ = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": str(root)}
    cores = os.sched_getaffinity(0)
    with patch.dict(os.environ, environ):
        nodes = Nodes(root, pinned=pinned)
        try:
            for _ in range(number - 1):
                nodes.add()
            yield nodes
        finally:
            nodes.close()
            os.sched_setaffinity(0, cores)
