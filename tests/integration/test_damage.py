"""A database that is damaged: set aside, told, and what can be known without it is known again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.old_database import to_layout_1
from tests.support.stdio import Stdio

_HEADER = 100
"""Bytes of the header, with a counter of changes: opening counts."""


def not_a_database(path: Path) -> None:
    path.write_bytes(b"this is not a database, only a file in its place" * 100)


def page_of(name: str) -> Callable[[Path], None]:
    """Damage to the page that a table or index begins with."""

    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            page, size = db.execute(
                "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = ?",
                [name],
            ).fetchone()
        with path.open("r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)

    return spoil


def nonsense_in(statement: str) -> Callable[[Path], None]:
    """Rows that SQLite can read, and nobody else."""

    def spoil(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            assert db.execute(statement).rowcount == 1

    return spoil


def prepared(home: Home) -> tuple[str, str]:
    """A home with one track in its library and one job that waits; their ids."""
    with Stdio(home.environ) as broker:
        made = broker.call("generate", prompt="made", duration_sec=5, seed=1)["track_id"]
        broker.wait("generation_complete", made)
        waits = broker.call("generate", prompt="slow 1", duration_sec=5, seed=1)["track_id"]
        broker.wait("generation_start", waits)
    return made, waits


@pytest.mark.parametrize(
    ("spoil", "jobs"),
    [
        (not_a_database, 0),
        (page_of("jobs"), 0),
        (page_of("jobs_state"), 1),
        (page_of("tracks"), 1),
        (page_of("track_words_data"), 1),
        (nonsense_in("UPDATE jobs SET spec = '{' WHERE state != 'complete'"), 0),
        (nonsense_in("UPDATE tracks SET track = '[]'"), 1),
    ],
    ids=["no database", "jobs", "an index", "tracks", "the search", "a job's row", "a track's row"],
)
def test_it_is_set_aside_and_the_library_is_found_again(
    home: Home, spoil: Callable[[Path], None], jobs: int
) -> None:
    made, waits = prepared(home)
    spoil(home.paths.database)
    before = home.paths.database.read_bytes()
    with Stdio(home.environ) as broker:
        warning = broker.call("status")["broker"]["warning"]
        [aside] = home.paths.database.parent.glob("*.damaged-*-1")
        assert str(aside) in warning and f"1 tracks of the library and {jobs} jobs" in warning
        assert "warning " in home.lofi("status").stdout
        assert broker.call("prompt_history", query="slow")["total"] == (spoil is not not_a_database)
        assert aside.read_bytes()[_HEADER:] == before[_HEADER:]
        again = broker.call("generate", prompt="made", duration_sec=5, seed=1)
        assert (again["track_id"], again["status"]) == (made, "complete")
        assert [track["track_id"] for track in broker.call("cache_list")["tracks"]] == [made]
        if jobs:
            broker.wait("generation_complete", waits)
    with Stdio(home.environ) as broker:
        assert "warning" not in broker.call("status")["broker"]


def test_a_database_that_is_gone_costs_the_library_nothing(home: Home) -> None:
    made, _ = prepared(home)
    for path in home.paths.database.parent.glob("queue.sqlite*"):
        path.unlink()
    (home.paths.tracks / "0123456789abcdef.json").write_text("{}")  # no metadata of ours
    with Stdio(home.environ) as broker:
        assert [track["track_id"] for track in broker.call("cache_list")["tracks"]] == [made]


def test_a_database_of_an_earlier_release_is_read(home: Home, short_tmp: Path) -> None:
    home.paths.make()
    _, waits = prepared(home)
    output = short_tmp / "copy.wav"
    output.write_text("an older copy")
    to_layout_1(home.paths.database)
    with closing(sqlite3.connect(home.paths.database, isolation_level=None)) as db:
        db.execute("UPDATE jobs SET outputs = json_array(?) WHERE state != 'complete'", [str(output)])
        db.execute("PRAGMA user_version = 0")
    with Stdio(home.environ) as broker:
        broker.wait("generation_complete", waits)
        assert [found["prompt"] for found in broker.call("cache_list", query="made")["tracks"]] == ["made"]
    assert output.read_bytes()[:4] == b"RIFF"


def test_a_queue_whose_file_is_deleted_accepts_nothing_more(home: Home) -> None:
    made, _ = prepared(home)
    with Stdio(home.environ) as broker:
        broker.call("status")
        for path in home.paths.database.parent.glob("queue.sqlite*"):
            path.unlink()
        refused = broker.request("generate", {"prompt": "lost?", "duration_sec": 5, "seed": 1})
        assert "deleted or replaced" in refused["error"]["message"]
        assert broker.process.wait(20) == 1
    assert b"can't be written" in broker.stderr
    with Stdio(home.environ) as broker:
        assert [track["track_id"] for track in broker.call("cache_list")["tracks"]] == [made]
