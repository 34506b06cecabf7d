"""Favourites, tags and plays: in the index and in the files of metadata."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import msgspec
import pytest

from lofi_broker import marks
from lofi_broker.leftovers import sweep_library
from lofi_broker.library import Library
from lofi_broker.store import Store
from lofi_common.errors import CacheWriteError, InvalidParams, InvalidTrackId
from tests.support.library import NAME, Place


@pytest.fixture
def made(tmp_path: Path) -> Place:
    """A library with one track."""
    place = Place(tmp_path)
    place.make()
    return place


def test_marks_come_back_from_the_metadata_when_the_index_is_lost(made: Place, tmp_path: Path) -> None:
    for change in (
        lambda track: marks.favoured(track, True),
        lambda track: marks.tagged(track, [" late   work ", "RAIN", "Rain"], []),
    ):
        asyncio.run(made.library.mark(NAME, change))
    asyncio.run(made.library.played(NAME, 5.0))
    asyncio.run(made.library.played(NAME, 7.0))
    before = made.library.find(NAME)
    assert before is not None and before.favourite and before.tags == ["late work", "RAIN"]
    assert (before.plays, before.played_at) == (2, 7.0)
    with closing(Store(tmp_path / "another.sqlite")) as store:
        assert sweep_library(made.folder, store) == 1
        assert Library(made.folder, made.spool, store).find(NAME) == before
        assert store.index.held()[0][3:] == (7.0, True, False)


def test_marks_that_can_t_be_written_are_none(made: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("lofi_broker.library.write_metadata", refuse)
    with pytest.raises(CacheWriteError, match="Read-only"):
        asyncio.run(made.library.mark(NAME, lambda track: marks.favoured(track, True)))
    asyncio.run(made.library.played(NAME, 5.0))
    found = made.library.find(NAME)
    assert found is not None and not found.favourite and found.plays == 0
    with pytest.raises(InvalidTrackId):
        asyncio.run(made.library.mark("0" * 16, lambda track: track))
    asyncio.run(made.library.played("0" * 16, 5.0))  # deleted while it was given to the player


@pytest.mark.parametrize("tag", ["", "  ", "x" * 41, "\u0301", "\u200b"])
def test_what_is_no_tag_is_refused(made: Place, tag: str) -> None:
    track = made.library.find(NAME)
    assert track is not None
    with pytest.raises(InvalidParams, match="1 to 40"):
        marks.tagged(track, [tag], [])


def test_tags_have_a_bound_and_go_by_any_spelling(made: Place) -> None:
    track = made.library.find(NAME)
    assert track is not None
    full = marks.tagged(track, [f"tag {n}" for n in range(32)], [])
    with pytest.raises(InvalidParams, match="32"):
        marks.tagged(full, ["one more"], [])
    assert marks.tagged(full, ["Été 夜"], ["TAG 3"]).tags[-1] == "Été 夜"
    assert marks.tagged(marks.tagged(track, ["Été"], []), [], ["ete"]).tags == []


def test_pieces_of_the_radio_are_kept_like_others_once_somebody_wants_them(
    made: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(made.library.mark(NAME, lambda track: msgspec.structs.replace(track, radio=True)))
    assert made.store.index.held()[0].radio
    track = made.library.find(NAME)
    assert track is not None and track.radio
    assert not marks.favoured(track, True).radio and marks.favoured(track, False).radio
    assert not marks.tagged(track, ["late"], []).radio and marks.tagged(track, [], ["late"]).radio
    assert marks.played(track, 1.0).radio
    with monkeypatch.context() as patched:
        patched.setattr("lofi_broker.library.write_metadata", Mock(side_effect=OSError(30, "Read-only")))
        asyncio.run(made.library.wanted([NAME]))
    assert "wish_not_kept" in caplog.text and made.store.index.held()[0].radio
    asyncio.run(made.library.wanted(["0" * 16, NAME]))
    assert not made.store.index.held()[0].radio


@pytest.mark.parametrize("known", [True, False])
def test_pieces_of_streams_are_deleted_at_the_start(made: Place, known: bool) -> None:
    asyncio.run(made.library.mark(NAME, lambda track: msgspec.structs.replace(track, segment=True)))
    if not known:
        made.store.index.delete([NAME])
    made.sweep()
    assert made.files == [] and made.store.index.every() == []
