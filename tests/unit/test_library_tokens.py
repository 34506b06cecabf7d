"""The tokens beside tracks: what a continuation begins with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from lofi_broker.continuing import base_of
from lofi_common.errors import CacheWriteError, InvalidTrackId
from lofi_common.jobs import JobState
from tests.support.library import NAME, TOKENS, Place, make_with_tokens, with_tokens


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_tokens_come_and_go_with_their_track(place: Place) -> None:
    make_with_tokens(place)
    assert place.files == [f"{NAME}.json", f"{NAME}.tokens", f"{NAME}.wav"]
    assert place.library.tokens_file(NAME).read_bytes() == TOKENS
    assert list(place.spool.iterdir()) == []
    place.sweep()
    assert place.library.tokens_file(NAME).exists()
    asyncio.run(place.library.delete(NAME))
    assert place.files == []


def test_only_the_tokens_that_were_kept_are_continued(place: Place) -> None:
    """Others of the same size would be played, and nobody would know what."""
    make_with_tokens(place)
    assert base_of(place.library, NAME).track_id == NAME
    place.library.tokens_file(NAME).write_bytes(TOKENS[::-1])
    with pytest.raises(InvalidTrackId, match="its tokens are missing or damaged") as refused:
        base_of(place.library, NAME)
    assert f"`lofi tracks rm {NAME}`, then make it again" in refused.value.info().recovery
    place.library.tokens_file(NAME).unlink()
    with pytest.raises(InvalidTrackId, match="its tokens are missing or damaged"):
        base_of(place.library, NAME)


def test_a_piece_of_a_stream_is_continued_by_the_radio_alone(place: Place) -> None:
    """It has tokens, of its own audio alone: what comes before would be missing."""
    place.job = msgspec.structs.replace(place.job, spec=msgspec.structs.replace(place.job.spec, segment=True))
    make_with_tokens(place)
    with pytest.raises(InvalidTrackId, match="is a piece of a stream: only the radio continues it"):
        base_of(place.library, NAME)


@pytest.mark.parametrize("lie", [{"tokens_sha256": "0" * 64}, {"tokens_bytes": 1}])
def test_tokens_that_are_not_the_told_ones_are_refused(place: Place, lie: dict[str, object]) -> None:
    with pytest.raises(CacheWriteError, match="not the file"):
        place.adopt(with_tokens(place, **lie))
    assert place.files == []


def test_a_track_without_its_tokens_is_whole(place: Place) -> None:
    make_with_tokens(place)
    place.library.tokens_file(NAME).unlink()
    place.sweep()
    assert place.library.find(NAME) is not None


def test_tokens_without_a_track_are_swept_and_other_files_are_not(place: Place) -> None:
    for state in (JobState.QUEUED, JobState.GENERATING):
        place.save(state)
    place.adopt(with_tokens(place))  # and then the broker was killed
    (place.folder / "mine.tokens").write_bytes(b"mine")
    place.sweep()
    assert place.files == ["mine.tokens"]
