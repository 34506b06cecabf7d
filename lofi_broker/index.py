"""The library's index in the queue's database: a row per track, and what tracks are found by."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from lofi_broker.words import folded
from lofi_common.api import Track
from lofi_common.logs import fields

log = logging.getLogger(__name__)

_TRIGRAM = 3
"""Words of fewer characters are looked for in each row."""

_PUT = """
INSERT INTO tracks (track_id, created_at, used_at, favourite, segment, radio, bytes, tags, words, track)
VALUES (:track_id, :created_at, :used_at, :favourite, :segment, :radio, :bytes, :tags, :words, :track)
ON CONFLICT (track_id) DO UPDATE SET created_at = excluded.created_at, used_at = excluded.used_at,
    favourite = excluded.favourite, segment = excluded.segment, radio = excluded.radio,
    bytes = excluded.bytes, tags = excluded.tags, words = excluded.words, track = excluded.track
"""


class Held(NamedTuple):
    """What a track takes of the library's room, and what speaks for keeping it."""

    track_id: str
    bytes: int
    created_at: float
    used_at: float
    favourite: bool
    radio: bool = False
    """The radio made it, and nobody has asked for it since."""


class TrackIndex:
    """Over the connection of `Store`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put_all(self, tracks: Iterable[Track]) -> None:
        """Put finished tracks into the index, or what has changed of them."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for track in tracks:
                self.put(track)

    def put(self, track: Track) -> None:
        """As part of the transaction that is open."""
        self._db.execute(_PUT, _to_row(track))

    def track(self, track_id: str) -> Track | None:
        """The indexed track, its path left out."""
        row = self._db.execute("SELECT track FROM tracks WHERE track_id = ?", (track_id,)).fetchone()
        return msgspec.json.decode(row["track"], type=Track) if row else None

    def of_file(self, sha256: str) -> str | None:
        """The id of the track whose audio file this is."""
        row = self._db.execute(
            "SELECT track_id FROM tracks WHERE NOT segment AND json_extract(track, '$.sha256') = ?", (sha256,)
        ).fetchone()
        return str(row["track_id"]) if row else None

    def unknown(self, track_ids: Sequence[str]) -> str | None:
        """The first of these ids that the index does not have."""
        row = self._db.execute(
            "SELECT value FROM json_each(?)"
            " WHERE value NOT IN (SELECT track_id FROM tracks) ORDER BY key LIMIT 1",
            (msgspec.json.encode(track_ids).decode(),),
        ).fetchone()
        return str(row["value"]) if row else None

    def page(
        self, *, limit: int, offset: int, query: str = "", favourites: bool = False, tag: str = ""
    ) -> tuple[list[Track], int]:
        """One page of tracks, newest first, and how many there are of this kind.

        query: words, all of which the prompt, the tags or the model's name hold, in any order, whole or in
        part. favourites: those alone. tag: only tracks that have it.
        """
        where, values = _chosen(query, favourites, tag)
        total = self._db.execute(f"SELECT count(*) FROM tracks WHERE {where}", values).fetchone()[0]
        rows = self._db.execute(
            f"SELECT track FROM tracks WHERE {where} ORDER BY created_at DESC, track_id LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return [msgspec.json.decode(row["track"], type=Track) for row in rows], int(total)

    def every(self) -> list[Track]:
        """All of them, the pieces of streams too."""
        rows = self._db.execute("SELECT track FROM tracks ORDER BY created_at DESC, track_id")
        return [msgspec.json.decode(row["track"], type=Track) for row in rows]

    def held(self) -> list[Held]:
        """What takes room, the pieces of streams left out."""
        rows = self._db.execute(
            "SELECT track_id, bytes, created_at, used_at, favourite, radio FROM tracks WHERE NOT segment"
        )
        flags = ("favourite", "radio")
        return [Held(**{**dict(row), **{name: bool(row[name]) for name in flags}}) for row in rows]

    def delete(self, track_ids: Iterable[str]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM tracks WHERE track_id = ?", [(name,) for name in track_ids])

    def stats(self) -> tuple[int, int]:
        """(number of tracks, bytes of their files), the pieces of streams left out."""
        row = self._db.execute(
            "SELECT count(*), coalesce(sum(bytes), 0) FROM tracks WHERE NOT segment"
        ).fetchone()
        return int(row[0]), int(row[1])

    def mend_search(self) -> None:
        """Make what tracks are found by anew, when it is damaged: all of it stands in their rows.

        Raises sqlite3.Error, also when the database can't be written: the check itself is a write for SQLite.
        """
        try:
            self._db.execute("INSERT INTO track_words (track_words, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            self._db.execute("INSERT INTO track_words (track_words) VALUES ('rebuild')")
            log.warning(fields("search_rebuilt", reason=error))


def matching(words: str) -> tuple[list[str], list[object]]:
    """The conditions, and their values, that a row's column `words` holds all of these folded words."""
    each = sorted(set(words.split()))
    return (
        [r"words LIKE ? ESCAPE '\'"] * len(each),
        [f"%{_literal(word)}%" for word in each],
    )


def words_of(track: Track) -> str:
    """What a track is found by."""
    return folded("\n".join([track.prompt, *track.tags, track.model_version]))


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _chosen(query: str, favourites: bool, tag: str) -> tuple[str, list[object]]:
    words = sorted(set(folded(query).split()))
    conditions, values = matching(" ".join(word for word in words if len(word) < _TRIGRAM))
    # In quotes nothing is an operator of the full-text search.
    if phrases := ['"' + word.replace('"', '""') + '"' for word in words if len(word) >= _TRIGRAM]:
        conditions.append("seq IN (SELECT rowid FROM track_words WHERE track_words MATCH ?)")
        values.append(" ".join(phrases))
    if favourites:
        conditions.append("favourite")
    if tag:
        conditions.append("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)")
        values.append(folded(tag))
    return " AND ".join(["NOT segment", *conditions]), values


def _to_row(track: Track) -> dict[str, object]:
    stored = msgspec.structs.replace(track, path=None)
    return {
        "track_id": track.track_id,
        "created_at": track.created_at,
        "used_at": track.played_at or track.created_at,
        "favourite": track.favourite,
        "segment": track.segment,
        "radio": track.radio,
        "bytes": (track.bytes or 0) + (track.tokens_bytes or 0),
        "tags": msgspec.json.encode([folded(tag) for tag in track.tags]).decode(),
        "words": words_of(track),
        "track": msgspec.json.encode(stored).decode(),
    }
