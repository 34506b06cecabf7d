"""Two-minute tracks: whether tempo, key and sound hold, and whether the track keeps going somewhere."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from training.composer.theory import MODE_SCALES, SCALES
from training.judge import notes
from training.judge.features import chroma, frame_rms, onset_envelope, scale_share, tempo
from training.judge.prompts import LONG_PROMPTS
from training.judge.statistics import Figure, mean, share
from training.judge.takes import RATE, Player, Take

SECONDS = 120
WINDOW = 30
SILENT_RMS = 0.003


@dataclass(frozen=True, slots=True)
class Endurance:
    """tempo_drift: largest deviation from the header's tempo in a window, nan without drums; key_drift:
    what the weakest window loses in key against the first; silence: worst window's share; different_bars:
    share of bars that no earlier bar equals; four_bar_turnover: share of four-bar blocks that differ from
    the one before; samples.
    """

    tempo_drift: float
    key_drift: float
    silence: float
    different_bars: float
    four_bar_turnover: float
    samples: int

    @property
    def holds(self) -> bool:
        """No drift, no collapse into one bar, no silence, the whole length there."""
        steady = math.isnan(self.tempo_drift) or self.tempo_drift < 0.04
        alive = self.different_bars > 0.1 and self.four_bar_turnover > 0.2 and self.silence < 0.1
        return steady and alive and self.key_drift < 0.1 and self.samples == SECONDS * RATE


def examine(take: Take) -> Endurance | None:
    """None where the header is illegal."""
    header = take.header
    if header is None:
        return None
    windows = [take.audio[i : i + WINDOW * RATE] for i in range(0, SECONDS * RATE, WINDOW * RATE)]
    drift = float("nan")
    if header.drums != "none":
        drift = max(abs(tempo(onset_envelope(w))[0] / header.bpm - 1) for w in windows)
    scales = [frozenset((header.key + i) % 12 for i in SCALES[name]) for name in MODE_SCALES[header.mode]]
    in_key = [max(scale_share(*chroma(w), scale) for scale in scales) for w in windows]
    bars = notes.bars(take.codes)
    blocks = [tuple(bars[i : i + 4]) for i in range(0, len(bars) - 3, 4)]
    return Endurance(
        tempo_drift=drift,
        key_drift=in_key[0] - min(in_key),
        silence=max(float((frame_rms(w) < SILENT_RMS).mean()) for w in windows),
        different_bars=len(set(bars)) / len(bars),
        four_bar_turnover=float(np.mean([a != b for a, b in zip(blocks[1:], blocks[:-1], strict=True)])),
        samples=len(take.audio),
    )


def judge_endurance(player: Player) -> tuple[dict[str, Figure], list[dict[str, object]]]:
    """Figures over LONG_PROMPTS, and each track's own."""
    results = [examine(take) for take in player.takes([(text, 11) for text in LONG_PROMPTS], SECONDS)]
    known = [r for r in results if r is not None]
    rows: list[dict[str, object]] = [
        {"prompt": text, "holds": r is not None and r.holds} | (asdict(r) if r else {})
        for text, r in zip(LONG_PROMPTS, results, strict=True)
    ]
    return {
        "long_holds": share([r is not None and r.holds for r in results]),
        "long_tempo_drift": mean([r.tempo_drift for r in known]),
        "long_key_drift": mean([r.key_drift for r in known]),
        "long_different_bars": mean([r.different_bars for r in known]),
        "long_four_bar_turnover": mean([r.four_bar_turnover for r in known]),
    }, rows
