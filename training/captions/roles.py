"""How a phrase stands in a sentence, and what type the values have that words stand for."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

Value: TypeAlias = str | int | bool


class Role(Enum):
    ADJECTIVE = "adjective"  # stands before the genre or after "it should be"
    NOUN = "noun"  # follows "with"
    CLAUSE = "clause"  # stands alone, as denials do: "no drums"
