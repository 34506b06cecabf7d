"""The prompts that were asked for: how often, and when the last time. Those of tracks that are gone, too."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable

from lofi_broker.index import matching
from lofi_broker.words import folded
from lofi_common.api_library import AskedPrompt
from lofi_common.logs import fields

log = logging.getLogger(__name__)

MOST_PROMPTS = 10_000
"""Of more, those that were not asked for the longest are forgotten."""

_ASKED = """
INSERT INTO prompts (prompt, asked, asked_at, words) VALUES (?, ?, ?, ?)
ON CONFLICT (prompt) DO UPDATE SET
    asked = prompts.asked + excluded.asked, asked_at = max(prompts.asked_at, excluded.asked_at)
"""
_TOO_MANY = """
DELETE FROM prompts WHERE prompt IN (
    SELECT prompt FROM prompts ORDER BY asked_at DESC, prompt LIMIT -1 OFFSET ?
)
"""


class PromptHistory:
    """Over the connection of `Store`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def asked(self, prompt: str, at: float) -> None:
        """One more time. A disk that refuses is logged: the track is worth more than its note."""
        try:
            self.put([AskedPrompt(prompt=prompt, asked=1, asked_at=at)])
        except sqlite3.Error as error:
            log.warning(fields("prompt_not_kept", reason=error))

    def put(self, prompts: Iterable[AskedPrompt]) -> None:
        """Add what another database knew of them."""
        self._db.execute("PRAGMA synchronous = NORMAL")  # a note that is lost with the power costs nobody
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                rows = ((each.prompt, each.asked, each.asked_at, folded(each.prompt)) for each in prompts)
                self._db.executemany(_ASKED, rows)
                self._db.execute(_TOO_MANY, (MOST_PROMPTS,))
        finally:
            self._db.execute("PRAGMA synchronous = FULL")

    def page(self, *, limit: int, query: str) -> tuple[list[AskedPrompt], int]:
        """The prompts that hold all words of `query`, the last one first; and how many there are."""
        conditions, values = matching(folded(query))
        where = " AND ".join(["TRUE", *conditions])
        total = self._db.execute(f"SELECT count(*) FROM prompts WHERE {where}", values).fetchone()[0]
        rows = self._db.execute(
            "SELECT prompt, asked, asked_at FROM prompts"
            f" WHERE {where} ORDER BY asked_at DESC, prompt LIMIT ?",
            [*values, limit],
        )
        return [AskedPrompt(**dict(row)) for row in rows], int(total)

    def clear(self) -> int:
        """Forget all; returns how many there were."""
        with self._db:
            return self._db.execute("DELETE FROM prompts").rowcount
