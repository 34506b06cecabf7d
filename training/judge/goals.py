"""What the starter model is to reach, row by row; figures without a goal are shown for comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.judge.statistics import Figure
from training.obedience import STATABLE


@dataclass(frozen=True, slots=True)
class Goal:
    """low and high bound the figure, inclusive; near: it is to lie this near to the composer's own;
    behind: it may fall this far behind that.
    """

    low: float | None = None
    high: float | None = None
    near: float | None = None
    behind: float | None = None

    def __str__(self) -> str:
        if self.near is not None:
            return f"real ± {self.near:g}"
        if self.behind is not None:
            return f"≥ real − {self.behind:g}"
        if self.low is not None and self.high is not None:
            return f"{self.low:g} … {self.high:g}"
        return f"≥ {self.low:g}" if self.low is not None else f"≤ {self.high:g}"

    def reached(self, figure: Figure, real: Figure | None) -> bool:
        """Whether a figure reaches the goal; nothing measured reaches none."""
        value = figure.value
        if math.isnan(value):
            return False
        if self.near is not None or self.behind is not None:
            if real is None or math.isnan(real.value):
                return False
            if self.near is not None:
                return abs(value - real.value) <= self.near + 1e-9
            return value >= real.value - (self.behind or 0) - 1e-9
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


OBEYED = Goal(low=0.97)
MUSIC = {
    "header_legal": Goal(low=1),
    "plan_fits_mode": OBEYED,
    "tempo_as_header": OBEYED,
    "tempo_as_header_librosa": Goal(behind=0.05),
    "chord_on_bar": Goal(near=0.05),
    "snare_on_2_and_4": Goal(near=0.05),
    "kick_on_1": Goal(near=0.05),
    "illegal_steps": Goal(high=0),
    "voices_as_header": Goal(behind=0.03),
    "chords_in_scale": Goal(low=0.98),
    "in_key_audio": Goal(low=0.94),
    "loop_repetition_audio": Goal(near=0.03),
    "silence": Goal(high=0.01),
    "level_dbfs": Goal(low=-20, high=-17),
    "level_in_range": Goal(low=0.95),
    "clipped": Goal(high=0),
    "clicks": Goal(high=0),
    "frechet": Goal(high=12),
    "bars_shared": Goal(high=0.5),
    "copied_leads": Goal(high=0),
}
PROMPTS = {
    **{f"stated_{name}": OBEYED for name in STATABLE},
    "stated_bpm_heard": OBEYED,
    "freehand_prompts": Goal(low=0.95),
    "freehand_expectations": Goal(low=0.95),
    "ordered_tempo": Goal(low=0.98),
    "ordered_density": Goal(low=0.98),
    "ordered_tone": Goal(low=0.98),
    **{
        f"variety_{name}": Goal(low=0.9)
        for name in (*STATABLE, "mean", "weakest_prompt")
        if name != "tempo_word"  # follows from the bpm
    },
    "strange_prompts_are_music": Goal(low=1),
    "strange_words_obeyed": Goal(low=0.95),
}
LONG = {
    "long_holds": Goal(low=1),
    "sections_differ": Goal(behind=0.05),
    "sections_sound_heard": Goal(behind=0.5),
    "asked_endings_end": OBEYED,
    "endings_end": OBEYED,
    "others_play_on": Goal(behind=0.03),
    "asked_endings_end_20_s": OBEYED,
    "asked_endings_end_45_s": OBEYED,
}
FILES = {
    "megabytes": Goal(high=25),
    "cold_seconds": Goal(high=2),
    "same_audio_from_engine": Goal(low=1),
}
TWIN = {"within_3_percent": Goal(low=1)}  # asked only where a float32 twin is judged too
