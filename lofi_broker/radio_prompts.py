"""Which prompt a piece of the radio is made from. Pure: the dice come from outside."""

from __future__ import annotations

from random import Random

from lofi_common.api_radio import Strategy
from lofi_common.presets import PRESETS


class Prompts:
    """The prompts of a radio, one after the other."""

    def __init__(self, strategy: Strategy, given: str | None, dice: Random) -> None:
        """given: the prompt of the first piece; None: any of the presets."""
        self.strategy = strategy
        self._dice = dice
        self._preset = dice.randrange(len(PRESETS))
        """The last one that was taken, by its place."""
        self.current = given if given is not None else PRESETS[self._preset]
        """Of the piece that was asked for last, or is asked for first."""
        self._asked: str | None = self.current

    @property
    def waits(self) -> bool:
        """Whether somebody asked for a prompt of which nothing is made yet."""
        return self._asked is not None

    def change(self, prompt: str) -> None:
        """The next piece has this one."""
        self._asked = self.current = prompt

    def next(self) -> str:
        """The prompt of the next piece; one that was asked for, until it is `made`."""
        if self._asked is not None:
            return self._asked
        if self.strategy == "preset_cycle":
            self._take((self._preset + 1) % len(PRESETS))
        elif self.strategy == "random_preset":
            others = [place for place in range(len(PRESETS)) if PRESETS[place] != self.current]
            self._take(self._dice.choice(others))
        return self.current

    def made(self) -> None:
        """There is a piece of the prompt that was asked for."""
        self._asked = None

    def _take(self, place: int) -> None:
        self._preset = place
        self.current = PRESETS[place]
