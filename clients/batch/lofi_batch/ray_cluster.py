"""The cluster that a batch runs on: one of this machine for this run, or one that is there."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from lofi_batch.engine import Tell
from lofi_batch.errors import ClusterUnavailable, RayMissing
from lofi_common.cores import HUGE_PAGES, usable_cores

_OBJECT_STORE_BYTES = 256 * 2**20
"""Of a cluster of this machine: no track goes through it, and no model that this machine has."""
_SHORT = "/tmp"
"""The paths of Ray's sockets have little room."""
_PREFIX = "lofi-cluster-"
_PATIENCE_SEC = 5.0
"""For an answer from the cluster's address."""
_GOODBYE_SEC = 2.0
_HEAD_LOOK_SEC = 2.0
_HEAD_SEC = 20.0
_ENVIRON = {"OPENBLAS_NUM_THREADS": "1", **HUGE_PAGES}
"""Of actors, as of the broker's workers; whoever has set these keeps them."""


def import_ray() -> Any:
    """The package, told to be quiet. Raises RayMissing."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # What Ray says about actors on stdout, where only the batch's own lines belong; the batch says it itself.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        import ray
    except ImportError as error:
        raise RayMissing(f"--engine ray needs Ray, which is not installed: {error}") from error
    return ray


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Cluster]:
    """The cluster at an address; None: one on this machine, which ends with the block.

    Raises ClusterUnavailable, RayMissing.
    """
    ray = import_ray()
    logging.getLogger("ray").setLevel(logging.ERROR)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    with contextlib.ExitStack() as stack:
        if address is None:
            sweep(Path(_SHORT))
            # Ray's own folder in /tmp stays for ever, and belongs to whoever was first.
            folder = tempfile.TemporaryDirectory(
                prefix=f"{_PREFIX}{os.getpid()}-", dir=_SHORT, ignore_cleanup_errors=True
            )
            options |= {
                "address": "local",
                "num_cpus": usable_cores(),
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
                "_temp_dir": stack.enter_context(folder),
            }
        else:
            _knock(address)
            options["address"] = address
        stack.callback(ray.shutdown)  # whatever was begun
        try:
            ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
            where = "on this machine" if address is None else f"at {address}"
            raise ClusterUnavailable(f"there is no Ray cluster {where}: {words_of(error)}") from error
        yield Cluster(ray, address)


def sweep(parent: Path) -> None:
    """Remove what clusters of this user left there whose drivers were killed."""
    for folder in parent.glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with contextlib.suppress(FileNotFoundError):  # its owner, or another driver, was faster
            there = folder.lstat()
            is_ours = stat.S_ISDIR(there.st_mode) and there.st_uid == os.getuid()
            if is_ours and pid.isdecimal() and not psutil.pid_exists(int(pid)):
                shutil.rmtree(folder, ignore_errors=True)


def _knock(address: str) -> None:
    """Ray tries for minutes where nobody listens. Raises ClusterUnavailable."""
    listens = _listens_at(address)
    if listens is None:
        return
    try:
        _connect(listens)
    except (OSError, OverflowError) as error:
        raise ClusterUnavailable(f"there is no Ray cluster at {address}: {error}") from error


def _listens_at(address: str) -> str | None:
    """HOST:PORT; None where the address names none, as `auto`."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address.startswith("ray://") and not host:
        host, port = port, "10001"
    return f"{host}:{port}" if host and port.isdecimal() else None


def _connect(address: str) -> None:
    """Raises OSError."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_SEC).close()


def words_of(error: Exception) -> str:
    """The reason at the end of the trace that an error of Ray carries, else its first line."""
    text = str(error).strip()
    reasons = re.findall(r"^[\w.]*[A-Z]\w+: (.+)$", text, re.MULTILINE)
    return reasons[-1] if reasons else text.partition("\n")[0]


class Cluster:
    """What is asked of Ray but for its actors."""

    def __init__(self, ray: Any, address: str | None) -> None:
        self.ray = ray
        self.shown = "this machine" if address is None else address
        self.is_local = address is None
        # Whoever comes by ray:// may reach that port of the head alone.
        entrance = _listens_at(address) if address is not None and address.startswith("ray://") else None
        self._head: str = entrance or ray.get_runtime_context().gcs_address
        self._known: list[dict[str, Any]] = []

    def answers(self) -> bool:
        """Whether somebody listens where its head was. Ray ends this process a minute after it went."""
        try:
            _connect(self._head)
        except OSError:
            return False
        return True

    def forget(self) -> None:
        """It is gone: its goodbye at the end of this process would wait for it, until Ray aborts."""
        atexit.unregister(self.ray.shutdown)

    def room(self, cores: int, gpus: float) -> int:
        """How many actors all nodes together could hold."""
        return sum(_room_of(node["Resources"], cores, gpus) for node in self._nodes())

    def node_ids(self) -> set[str]:
        """Of the nodes that live, as far as the cluster knows."""
        return {str(node["NodeID"]) for node in self._nodes()}

    def actor(self, cls: type, cores: int, gpus: float) -> Any:
        """What makes actors of this class: restarted for ever where they die, wherever there is room."""
        environ = {name: value for name, value in _ENVIRON.items() if name not in os.environ}
        return self.ray.remote(
            num_cpus=cores,
            num_gpus=gpus,
            max_restarts=-1,
            max_task_retries=-1,
            runtime_env={"env_vars": environ},
        )(cls)

    def is_start(self, error: Exception) -> bool:
        """Whether it comes from the start of an actor, and another start would end in the same way."""
        errors = self.ray.exceptions
        kinds = (errors.RayTaskError, errors.RuntimeEnvSetupError)
        return isinstance(error, kinds) or bool(getattr(error, "actor_init_failed", False))

    def dismiss(self, actors: list[Any]) -> None:
        """End these. They are asked to clean up; behind those that can't, the next ones on the node do."""
        calls = [actor.leave.options(max_task_retries=0).remote() for actor in actors]
        if calls:
            self.ray.wait(calls, num_returns=len(calls), timeout=_GOODBYE_SEC)
        for actor in actors:
            self.kill(actor)

    def kill(self, actor: Any) -> None:
        with contextlib.suppress(self.ray.exceptions.RayError, ValueError):  # it is gone
            self.ray.kill(actor, no_restart=True)

    def _nodes(self) -> list[dict[str, Any]]:
        """As its head told last: a silent one would be waited for until Ray aborts."""
        if self.answers():
            self._known = [node for node in self.ray.nodes() if node["Alive"]]
        return self._known


def _room_of(resources: dict[str, float], cores: int, gpus: float) -> int:
    room = int(resources.get("CPU", 0) // cores)
    return min(room, int(resources.get("GPU", 0) // gpus)) if gpus else room


class Head:
    """Whether the head of a cluster is there. Ray waits for it, and aborts this process after a minute."""

    def __init__(self, cluster: Cluster, tell: Tell) -> None:
        self._cluster, self._tell = cluster, tell
        self._looked = 0.0
        self._silent_since: float | None = None

    @property
    def lost(self) -> bool:
        """It did not answer when it was last looked at."""
        return self._silent_since is not None

    def look(self) -> bool:
        """Whether it answers; said once when it does not. Raises ClusterUnavailable when it stays away."""
        now = time.monotonic()
        if now - self._looked < _HEAD_LOOK_SEC:
            return not self.lost
        self._looked = now
        if self._cluster.answers():
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = now
            self._tell(
                "the head of the cluster does not answer; the batch ends if it stays away"
                f" for {_HEAD_SEC:.0f} s",
                "The same command goes on from here, once there is a cluster again.",
            )
        elif now - self._silent_since > _HEAD_SEC:
            raise ClusterUnavailable("the head of the cluster does not answer any more")
        return not self.lost
