"""When the radio stands back for the machine that it runs on."""

from __future__ import annotations

import os
from typing import NamedTuple

from lofi_common.cores import usable_cores

_FULL_PERCENT = 100
_LOOK_SEC = 5.0


class Reading(NamedTuple):
    """Of the machine, at one moment."""

    on_battery: bool
    battery_percent: float
    load: float
    """Processes that ran or wanted to, on the average of the last minute."""
    cores: int


def read_machine() -> Reading:
    """What the system tells; where it tells nothing, a machine on mains with nothing to do."""
    import psutil  # it takes its time, and most brokers never have a radio

    battery = psutil.sensors_battery()
    on_battery = battery is not None and battery.power_plugged is False
    load = os.getloadavg()[0]
    return Reading(on_battery, battery.percent if battery is not None else 100.0, load, usable_cores())


def reason_to_wait(reading: Reading) -> str | None:
    """Why pieces should be made later than usual; None where nothing speaks for it."""
    if reading.on_battery and reading.battery_percent < _FULL_PERCENT:
        return f"on battery, at {reading.battery_percent:.0f} %"
    if reading.load > reading.cores:
        return f"the machine is busy: a load of {reading.load:.1f} on {reading.cores} cores"
    return None


class Manners:
    """Looks at the machine from time to time."""

    def __init__(self, *, polite: bool) -> None:
        """polite: the setting `radio.polite`."""
        self._polite = polite
        self._looked_at = -_LOOK_SEC
        self._reason: str | None = None

    def reason(self, now: float) -> str | None:
        """Why pieces should be made later than usual, at this moment."""
        if self._polite and now - self._looked_at >= _LOOK_SEC:
            self._looked_at = now
            self._reason = reason_to_wait(read_machine())
        return self._reason
