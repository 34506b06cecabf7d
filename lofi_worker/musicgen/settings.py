"""How a model's graphs are run on this machine."""

from dataclasses import dataclass
from typing import Literal

Device = Literal["auto", "cpu", "cuda", "coreml"]


@dataclass(frozen=True)
class RunSettings:
    """What one process may use.

    threads: what one run of a graph may use at most, at least 1.
    device: where the graphs run; `auto` leaves the choice to the engine.
    spin: threads wait for a moment by spinning: quicker hand-overs, at a cost where cores are busy.
    """

    threads: int
    device: Device = "auto"
    spin: bool = True
