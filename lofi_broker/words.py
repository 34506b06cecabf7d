"""Text as it is searched for: without case, accents and what nobody sees, in any script."""

from __future__ import annotations

import unicodedata

_ACCENTS = (("\u0300", "\u036f"), ("\u1ab0", "\u1aff"), ("\u1dc0", "\u1dff"), ("\u20d0", "\u20ff"))
"""Marks of letters that are letters without them too. Those of other scripts, such as vowels, are kept."""


def folded(text: str) -> str:
    """`Café  ÉTÉ` → `cafe  ete`; control characters become spaces, invisible ones nothing.

    What is found in a text is found in its folded form when it is folded, too.
    """
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", "".join(map(_plain, apart)))


def _plain(char: str) -> str:
    if any(first <= char <= last for first, last in _ACCENTS):
        return ""
    match unicodedata.category(char):
        case "Cc" | "Cs":
            return " "
        case "Cf":
            return ""
    return char
