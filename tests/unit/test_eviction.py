"""Which tracks go when the library is over its limits."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofi_broker.active import ActiveJobs
from lofi_broker.eviction import Eviction, to_evict
from lofi_broker.index import Held
from lofi_common import api, api_library
from lofi_common.config import CacheConfig
from lofi_common.jobs import JobState
from tests.support.library import NAME, Place
from tests.unit.scheduling import job

MB = 1_000_000


def held(
    name: str,
    mb: float = 1,
    *,
    made: float = 1,
    used: float = 1,
    favourite: bool = False,
    radio: bool = False,
) -> Held:
    return Held(name, int(mb * MB), made, used, favourite, radio)


NEWEST = held("new", made=9, used=9)
OLD, OLDER, OLDEST = held("c", used=3), held("b", used=2), held("a", used=1)
FULL = (OLD, NEWEST, OLDEST, OLDER)
RADIO = tuple(held(f"{n}", made=n, used=5 + n, radio=True) for n in range(3))


@pytest.mark.parametrize(
    ("tracks", "limits", "needed", "gone"),
    [
        ((), CacheConfig(max_mb=1), "", ""),
        (FULL, CacheConfig(max_mb=4), "", ""),
        (FULL, CacheConfig(max_mb=3), "", "a"),
        (FULL, CacheConfig(max_mb=1), "", "abc"),
        (FULL, CacheConfig(max_mb=0), "", ""),
        (FULL, CacheConfig(max_mb=0, max_tracks=2), "", "ab"),
        (FULL, CacheConfig(max_mb=3, max_tracks=2), "", "ab"),
        (FULL, CacheConfig(max_mb=2), "a", "bc"),
        (FULL, CacheConfig(max_mb=1), "abc", ""),
        ((*FULL, held("d", favourite=True)), CacheConfig(max_tracks=3), "", "ab"),
        ((held("big", 900, made=9),), CacheConfig(max_mb=500), "", ""),
        ((held("big", 900), NEWEST), CacheConfig(max_mb=500), "", ["big"]),
        ((held("loved", 900, favourite=True), OLD, NEWEST), CacheConfig(max_mb=500), "", "c"),
        ((*FULL, *RADIO), CacheConfig(max_mb=7), "", ""),
        ((*FULL, *RADIO), CacheConfig(max_mb=6), "", "0"),
        ((*FULL, *RADIO), CacheConfig(max_mb=4), "0", "1"),
        ((*FULL, *RADIO), CacheConfig(max_tracks=5), "", "01"),
        ((*FULL, *RADIO), CacheConfig(max_mb=4), "012", ""),
        ((*FULL, *RADIO), CacheConfig(max_mb=3), "", "01a"),
    ],
)
def test_who_goes(tracks: tuple[Held, ...], limits: CacheConfig, needed: str, gone: str | list[str]) -> None:
    assert to_evict(tracks, limits, set(needed)) == [*gone]


tracks_of_any_kind = st.lists(
    st.builds(
        Held,
        track_id=st.text("abcdef", min_size=1, max_size=8),
        bytes=st.integers(0, 5 * MB),
        created_at=st.floats(0, 9),
        used_at=st.floats(0, 9),
        favourite=st.booleans(),
        radio=st.booleans(),
    ),
    unique_by=lambda track: track.track_id,
)


@given(tracks_of_any_kind, st.integers(0, 9), st.integers(0, 9), st.sets(st.text("abcdef", min_size=1)))
def test_never_more_than_is_needed_nor_anything_that_stays(
    tracks: list[Held], max_mb: int, max_tracks: int, needed: set[str]
) -> None:
    gone = to_evict(tracks, CacheConfig(max_mb=max_mb, max_tracks=max_tracks), needed)
    stay = [track for track in tracks if track.track_id not in gone]

    def over(left: list[Held]) -> bool:
        size = sum(track.bytes for track in left)
        return bool((max_mb and size > max_mb * MB) or (max_tracks and len(left) > max_tracks))

    for radio in (True, False):
        kind = [track for track in tracks if track.radio == radio]
        newest = max((track.created_at for track in kind), default=0)
        bound = [t for t in kind if t.favourite or t.track_id in needed or t.created_at == newest]
        assert not {track.track_id for track in bound} & {*gone}
        left = [track for track in stay if track.radio <= radio]  # other tracks go for their own sake alone
        assert not over(left) or [track for track in left if track.radio == radio] == bound
        mine = [name for name in gone if any(track.track_id == name for track in kind)]
        if mine:
            last = next(track for track in kind if track.track_id == mine[-1])
            others = [track for track in tracks if radio and not track.radio]
            assert over([*others, *(track for track in left if track.radio == radio), last])
            assert all(track.used_at <= last.used_at for track in kind if track.track_id in gone)


class Crowded:
    """A library of three tracks of 10 bytes, and what is told of its evictions."""

    def __init__(self, root: Path, **limits: int) -> None:
        self.place = Place(root)
        self.place.make()
        track = self.place.library.find(NAME)
        assert track is not None
        for n in (1, 2):
            (self.place.folder / f"{n:016x}.wav").write_bytes(self.place.audio.read_bytes())
            again = msgspec.structs.replace(track, track_id=f"{n:016x}", created_at=1.0 + n, path=None)
            self.place.store.index.put_all([again])
        self.told: list[tuple[str, api.Result]] = []
        self.active = ActiveJobs()
        self.playlist: frozenset[str] = frozenset()
        self.forgotten: list[str] = []
        playback: Any = SimpleNamespace(
            holds=lambda passing: self.playlist - passing, forget=self.forgotten.extend
        )
        self.eviction = Eviction(CacheConfig(**limits), self.place.library, playback, self.active, self._tell)

    def _tell(self, method: str, told: api.Result) -> None:
        self.told.append((method, told))

    @property
    def ids(self) -> list[str]:
        return [track.track_id for track in self.place.library.list(limit=9, offset=0)[0]]


def test_files_go_and_clients_hear_of_it(tmp_path: Path) -> None:
    crowd = Crowded(tmp_path, max_tracks=2)
    asyncio.run(crowd.eviction.run())
    assert crowd.told == [("cache_evicted", api_library.CacheEvicted(track_ids=[NAME]))]
    assert crowd.ids == [f"{2:016x}", f"{1:016x}"] and NAME not in "".join(crowd.place.files)
    asyncio.run(crowd.eviction.run())
    assert len(crowd.told) == 1


def test_what_was_played_lately_outlives_what_is_newer(tmp_path: Path) -> None:
    crowd = Crowded(tmp_path, max_tracks=2)
    asyncio.run(crowd.place.library.played(NAME, 99.0))
    asyncio.run(crowd.eviction.run())
    assert crowd.ids == [f"{2:016x}", NAME]


def test_what_is_on_the_playlist_stays(tmp_path: Path) -> None:
    crowd = Crowded(tmp_path, max_tracks=2)
    crowd.playlist = frozenset({NAME})
    asyncio.run(crowd.eviction.run())
    assert crowd.ids == [f"{2:016x}", NAME]


def test_what_the_radio_has_played_goes_from_the_playlist_before_tracks_that_somebody_made(
    tmp_path: Path,
) -> None:
    crowd = Crowded(tmp_path, max_tracks=2)
    piece, newer = f"{1:016x}", f"{2:016x}"
    for name in (piece, newer):
        asyncio.run(crowd.place.library.mark(name, lambda t: msgspec.structs.replace(t, radio=True)))
    crowd.playlist = frozenset({piece})
    asyncio.run(crowd.eviction.run())
    assert crowd.ids == [newer, NAME] and crowd.forgotten == [piece] and crowd.eviction.evicted == 1


def test_what_a_job_continues_stays(tmp_path: Path) -> None:
    crowd = Crowded(tmp_path, max_tracks=2)
    more = job("more")
    spec = msgspec.structs.replace(more.spec, continue_from=NAME)
    crowd.active.put(msgspec.structs.replace(more, spec=spec, state=JobState.QUEUED))
    asyncio.run(crowd.eviction.run())
    assert crowd.ids == [f"{2:016x}", NAME]


def test_a_disk_that_refuses_is_told_and_the_tracks_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = Crowded(tmp_path, max_tracks=1)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.unlink", refuse)
    asyncio.run(crowd.eviction.run())
    assert "eviction_failed" in caplog.text and "Read-only" in caplog.text
    assert len(crowd.ids) == 3 and crowd.told == []


def test_a_database_that_is_full_is_logged_and_the_broker_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crowd = Crowded(tmp_path, max_tracks=1)

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(crowd.place.store.index, "delete", refuse)
        asyncio.run(crowd.eviction.run())
        assert "eviction_failed" in caplog.text and "disk is full" in caplog.text and crowd.told == []
        assert crowd.place.library.find(NAME) is None  # its file is gone, and its row can't be dropped
    asyncio.run(crowd.eviction.run())
    assert len(crowd.ids) == 1


def test_favourites_that_fill_the_library_alone_are_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crowd = Crowded(tmp_path, max_tracks=1)
    for name in crowd.ids:
        asyncio.run(crowd.place.library.mark(name, lambda t: msgspec.structs.replace(t, favourite=True)))
    for _ in range(2):
        asyncio.run(crowd.eviction.run())
    assert caplog.text.count("library_over_limit") == 1 and len(crowd.ids) == 3
