"""The layout of the queue's database, and how one of an earlier release comes to it."""

from __future__ import annotations

import sqlite3
from importlib import resources

import msgspec

from lofi_broker.index import words_of
from lofi_broker.words import folded
from lofi_common.api import Track

LAYOUT = 3

# Layout 1: an output is an object. Before, it was a path, and replaced what had its name.
_TO_1 = """
BEGIN IMMEDIATE;
UPDATE jobs SET outputs = (
    SELECT json_group_array(json_object('path', value, 'force', json('true'))) FROM json_each(jobs.outputs)
);
PRAGMA user_version = 1;
COMMIT;
"""

# Layout 2: what tracks are found by, when they were used, and which are favourites; the prompts' history.
_TO_2 = """
BEGIN IMMEDIATE;
ALTER TABLE tracks RENAME TO tracks_1;
DROP INDEX IF EXISTS tracks_created;
{schema}
INSERT INTO tracks (track_id, created_at, used_at, favourite, segment, radio, bytes, tags, words, track)
    SELECT track_id, created_at, created_at, 0, 0, 0, bytes, '[]', words_of(track), track FROM tracks_1;
INSERT INTO prompts (prompt, asked, asked_at, words)
    SELECT prompt, count(*), max(created_at), folded(prompt) FROM tracks_1 GROUP BY prompt;
DROP TABLE tracks_1;
ALTER TABLE jobs ADD COLUMN radio INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 3;
COMMIT;
"""

# Layout 3: what the radio has asked for; the step before comes to it by itself.
_TO_3 = """
BEGIN IMMEDIATE;
ALTER TABLE jobs ADD COLUMN radio INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tracks ADD COLUMN radio INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 3;
COMMIT;
"""


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Make the tables of a new database, or those of an earlier layout to those of today.

    Raises sqlite3.Error; then that step has changed nothing.
    """
    schema = resources.files("lofi_broker").joinpath("schema.sql").read_text()
    if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'jobs'").fetchone()[0]:
        db.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {LAYOUT}; COMMIT;")
        return
    layout = db.execute("PRAGMA user_version").fetchone()[0]
    if layout < 1:
        db.executescript(_TO_1)
    if layout < 2:
        db.create_function("folded", 1, folded, deterministic=True)
        db.create_function("words_of", 1, _words_of_json, deterministic=True)
        db.executescript(_TO_2.format(schema=schema))
    elif layout < 3:
        db.executescript(_TO_3)


def _words_of_json(track: str) -> str:
    try:
        return words_of(msgspec.json.decode(track, type=Track))
    except msgspec.DecodeError:  # `Store.check` finds it, too, and tells
        return ""
