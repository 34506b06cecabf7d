"""Numbers as people read them."""

from __future__ import annotations


def human_bytes(count: int) -> str:
    """`2360000000` → "2.4 GB": decimal units, as disks and downloads are sold."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "B" and size < 99.95 else f"{size:.0f} {unit}"


def clock(seconds: float) -> str:
    """`75.2` → "1:15": the time in a track, minutes and whole seconds."""
    minutes, left = divmod(int(seconds), 60)
    return f"{minutes}:{left:02}"
