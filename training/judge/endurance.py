"""Two-minute tracks: whether tempo, key and sound hold, sections differ and endings end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from training.composer.progressions import SCALES
from training.judge import notes
from training.judge.controls import altered, looped, real
from training.judge.crew import Crew
from training.judge.endings import Close, close
from training.judge.features import SILENT_RMS, frame_rms, onset_envelope, tempo
from training.judge.form import Contrast, contrast
from training.judge.lists import ENDING_PROMPTS, LONG_PROMPTS, LOOPING_PROMPTS
from training.judge.pitch import RATE, Audio, chroma, scale_share
from training.judge.statistics import Figure, tally
from training.judge.takes import Take
from training.obedience import TEMPO_TOLERANCE

SECONDS = 120
WINDOW = 30
FIRST_SEED = 1_100
MOST_KEY_DRIFT = 0.1
LEAST_IN_KEY = 0.85
MOST_SILENCE = 0.1
LEAST_DIFFERENT_BARS = 0.1
LEAST_TURNOVER = 0.2
ENDING_SECONDS = (20, 45)  # endings are asked for at these lengths too
ENDING_ROWS = ("asked_endings_end", "endings_end")
COMPOSED_EVERY = 2
LOOPED_TAKES = 10  # that the planted loops are made of


@dataclass(frozen=True, slots=True)
class Endurance:
    """tempo_drift: largest deviation from the header's tempo in a window, nan without drums; key_drift:
    what the weakest window loses in key against the first; in_key: the weakest window's share; silence: worst
    window's share; different_bars: share of bars that no earlier bar equals; turnover: share of four-bar
    blocks that differ from the one before.
    """

    tempo_drift: float
    key_drift: float
    in_key: float
    silence: float
    different_bars: float
    turnover: float

    @property
    def holds(self) -> bool:
        """No drift, no collapse into one bar, no silence."""
        steady = math.isnan(self.tempo_drift) or self.tempo_drift < TEMPO_TOLERANCE
        alive = self.different_bars > LEAST_DIFFERENT_BARS and self.turnover > LEAST_TURNOVER
        keyed = self.key_drift < MOST_KEY_DRIFT and self.in_key >= LEAST_IN_KEY
        return steady and alive and keyed and self.silence < MOST_SILENCE


def endurance(take: Take) -> Endurance:
    """What holds in a long take. Raises ValueError where its header is illegal."""
    header = take.header
    if header is None:
        raise ValueError("a take without a legal header has no tempo and no key to keep")
    windows: list[Audio] = np.split(take.audio, range(WINDOW * RATE, len(take.audio), WINDOW * RATE))
    drift = float("nan")
    if header.drums != "none":
        drift = max(abs(tempo(onset_envelope(w))[0] / header.bpm - 1) for w in windows)
    names = notes.scales_of(take.codes, header)
    scales = [frozenset((header.key + i) % 12 for i in SCALES[name]) for name in names]
    heard = [chroma(w) for w in windows]
    in_key = [max(scale_share(*each, scale) for scale in scales) for each in heard]
    bars = notes.bars(take.codes)
    blocks = [tuple(bars[i : i + 4]) for i in range(0, len(bars) - 3, 4)]
    return Endurance(
        tempo_drift=drift,
        key_drift=in_key[0] - min(in_key),
        in_key=min(in_key),
        silence=max(float((frame_rms(w) < SILENT_RMS).mean()) for w in windows),
        different_bars=len(set(bars)) / len(bars),
        turnover=float(np.mean([a != b for a, b in zip(blocks[1:], blocks[:-1], strict=True)])),
    )


def examine(take: Take) -> tuple[Endurance, Contrast, Close] | None:
    """None where the header is illegal."""
    if take.header is None:
        return None
    return endurance(take), contrast(take.codes, take.audio, take.header.bpm), close(take)


def examine_close(take: Take) -> Close | None:
    """None where the header is illegal."""
    return None if take.header is None else close(take)


def closing(take: Take, last: Close | None) -> dict[str, bool | float]:
    """What an ending, or none, should be like in this take; with an illegal header it is neither."""
    found: dict[str, bool | float] = {}
    if take.header is None or last is None:
        if take.prompt in ENDING_PROMPTS:
            return {"asked_endings_end": False, "endings_end": False}
        return {"others_play_on": False}
    if take.prompt in ENDING_PROMPTS:
        found["asked_endings_end"] = take.header.ending and last.ends
    if take.header.ending:
        found |= {
            "endings_end": last.ends,
            "ending_rest_steps": float(last.rest),
            "ending_fall_db": last.fall,
        }
        found["ending_tonic"] = last.tonic
    if take.prompt in LOOPING_PROMPTS or not take.header.ending:
        found["others_play_on"] = last.plays_on
    return found


def _figures(
    takes: Sequence[Take], results: Sequence[tuple[Endurance, Contrast, Close] | None]
) -> dict[str, Figure]:
    rows: list[dict[str, bool | float]] = []
    for take, result in zip(takes, results, strict=True):
        if result is None:
            rows.append({"long_holds": False, "sections_differ": False, **closing(take, None)})
            continue
        holds, sections, last = result
        rows.append(
            {
                "long_holds": holds.holds and len(take.audio) == SECONDS * RATE,
                **{f"long_{name}": value for name, value in asdict(holds).items()},
                "sections_differ": sections.differs,
                **{f"sections_{name}": value for name, value in asdict(sections).items()},
                **closing(take, last),
            }
        )
    return tally(rows)


def judge_endurance(crew: Crew) -> tuple[dict[str, Figure], list[Take], list[dict[str, object]]]:
    """Figures of the model's long takes and of endings at other lengths; the long takes; each one's own."""
    prompts = (*LONG_PROMPTS, *ENDING_PROMPTS, *LOOPING_PROMPTS)
    takes = crew.takes([(text, FIRST_SEED + i) for i, text in enumerate(prompts)], SECONDS)
    results = crew.map(examine, takes)
    found = _figures(takes, results)
    for seconds in ENDING_SECONDS:
        short = crew.takes([(text, FIRST_SEED + i) for i, text in enumerate(ENDING_PROMPTS)], seconds)
        closes = zip(short, crew.map(examine_close, short), strict=True)
        figures = tally(closing(take, last) for take, last in closes)
        found |= {f"{name}_{seconds}_s": figures[name] for name in ENDING_ROWS if name in figures}
    rows: list[dict[str, object]] = [
        {"prompt": take.prompt, "holds": result is not None and result[0].holds}
        | ({k: v for part in result for k, v in asdict(part).items()} if result else {})
        for take, result in zip(takes, results, strict=True)
    ]
    return found, takes, rows


def endurance_controls(crew: Crew, takes: Sequence[Take]) -> dict[str, dict[str, Figure]]:
    """The same figures of the composer's tracks under every other header, and of planted loops."""
    composed = real(crew, takes[::COMPOSED_EVERY], SECONDS)
    loops = altered(crew, composed[:LOOPED_TAKES], looped, SECONDS)
    return {
        "real": _figures(composed, crew.map(examine, composed)),
        "looped": _figures(loops, crew.map(examine, loops)),
    }
