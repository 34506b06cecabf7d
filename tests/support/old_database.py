"""A queue's database as earlier releases had it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_BACK = """
BEGIN;
CREATE TABLE tracks_1 (
    track_id   TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    prompt     TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    track      TEXT NOT NULL
) STRICT;
INSERT INTO tracks_1
    SELECT track_id, created_at, json_extract(track, '$.prompt'), bytes, track FROM tracks;
DROP TABLE tracks;
DROP TABLE track_words;
DROP TABLE prompts;
ALTER TABLE tracks_1 RENAME TO tracks;
ALTER TABLE jobs DROP COLUMN radio;
CREATE INDEX tracks_created ON tracks (created_at DESC);
PRAGMA user_version = 1;
COMMIT;
"""
_NO_RADIO = """
BEGIN;
ALTER TABLE jobs DROP COLUMN radio;
ALTER TABLE tracks DROP COLUMN radio;
PRAGMA user_version = 2;
COMMIT;
"""


def to_layout_2(database: Path) -> None:
    """Put the tables of a database, which nobody has open, back to layout 2."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.executescript(_NO_RADIO)


def to_layout_1(database: Path) -> None:
    """Put the tables of a database, which nobody has open, back to layout 1."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.executescript(_BACK)
