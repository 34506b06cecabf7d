"""Whether a header does what its prompt stated."""

from __future__ import annotations

from collections.abc import Iterable

from training.attributes import Attributes, tempo_word_class

TEMPO_TOLERANCE = 0.04
STATABLE = (
    "bpm", "tempo_word", "keys", "lead", "bass", "drums", "vinyl", "rain", "cafe", "night", "tape",
    "mode", "key", "tone", "pad", "density", "swing", "ending",
)  # fmt: skip


def obeyed(stated: str, wanted: Attributes, got: Attributes) -> bool:
    """Whether one stated attribute came out right."""
    match stated:
        case "bpm":
            return abs(got.bpm / wanted.bpm - 1) < TEMPO_TOLERANCE
        case "tempo_word":
            return tempo_word_class(got.bpm) == tempo_word_class(wanted.bpm)
        case _:
            return bool(getattr(got, stated) == getattr(wanted, stated))


def score(cases: Iterable[tuple[Attributes, Iterable[str], Attributes]]) -> dict[str, tuple[float, int]]:
    """(wanted, stated names, got) of each prompt -> share right and count by attribute."""
    hits: dict[str, list[bool]] = {name: [] for name in STATABLE}
    for wanted, stated, got in cases:
        for name in stated:
            hits[name].append(obeyed(name, wanted, got))
    return {name: (sum(right) / len(right), len(right)) for name, right in hits.items() if right}
