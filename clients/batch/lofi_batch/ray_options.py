"""What the command says about a batch on Ray."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RayOptions:
    address: str | None
    """None: a cluster of this machine, for this run."""
    actors: int | None
    """None: as many as the cluster has room for."""
    cores: int
    gpus: float
    """Of each actor."""
    slots: int | None
    """Of each actor; None: as in the settings."""
    model: str | None
    model_url: str | None
    retries: int
