"""Phrases gathered for one caption."""

from __future__ import annotations

from collections.abc import Mapping

from training.attributes import Attributes
from training.captions.dice import Dice
from training.captions.foreign import Language, foreign_role
from training.captions.lexicon import UNSTATED, values_of
from training.captions.roles import Role, Value


class Draft:
    """What was said so far, and what that states.

    language: the one whose words may stand among English ones, or None.
    """

    def __init__(self, a: Attributes, language: Language | None) -> None:
        self.values = values_of(a)
        self.language = language
        self.said: dict[Role, list[str]] = {role: [] for role in Role}
        self.states: set[str] = set()

    def has(self, values: Mapping[str, Value]) -> bool:
        """Whether the track has all of these, and none of them is said yet."""
        return all(self.values[name] == value and name not in self.states for name, value in values.items())

    def say(self, text: str, role: Role, *states: str) -> None:
        self.said[role].append(text)
        self.states.update(name for name in states if name not in UNSTATED)

    def say_foreign(self, name: str, dice: Dice) -> bool:
        """Say the track's value of one attribute in the other language, if that has a word for it."""
        if self.language is None:
            return False
        words = self.language.words.get((name, self.values[name]))
        if words is None:
            return False
        self.say(dice.pick(words), foreign_role(name), name)
        return True
