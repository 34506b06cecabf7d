"""What is told of files that are not what they were, and what a repair leaves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lofi_broker.inspection import Inspection
from lofi_common.api_library import Problem
from lofi_common.errors import InvalidTrackId
from tests.support.library import AUDIO, NAME, Place, make_with_tokens


class Inspected:
    """A library with one track that has tokens."""

    def __init__(self, root: Path) -> None:
        self.place = Place(root)
        make_with_tokens(self.place)
        self.audio, self.metadata = self.place.audio, self.place.metadata
        self.tokens = self.place.library.tokens_file(NAME)
        self.inspection = Inspection(self.place.library, self.place.store)

    def check(self, *, repair: bool = False) -> list[tuple[str, str, bool]]:
        found = asyncio.run(self.inspection.tracks([NAME], repair=repair))
        assert found.tracks == 1
        return _told(found.problems)

    def sweep(self, *busy: str, repair: bool = False) -> list[tuple[str, str, bool]]:
        return _told(asyncio.run(self.inspection.folder(busy, repair=repair)).problems)


def _told(problems: list[Problem]) -> list[tuple[str, str, bool]]:
    return [(problem.file.removeprefix(f"{NAME}."), problem.what, problem.repaired) for problem in problems]


@pytest.fixture
def inspected(tmp_path: Path) -> Inspected:
    return Inspected(tmp_path)


def test_a_whole_library_has_no_problems(inspected: Inspected) -> None:
    asyncio.run(inspected.place.library.played(NAME, 5.0))
    assert inspected.check(repair=True) == [] == inspected.sweep(repair=True)
    with pytest.raises(InvalidTrackId):
        asyncio.run(inspected.inspection.tracks(["0" * 16], repair=False))


Damage = Callable[[Inspected], object]


@pytest.mark.parametrize(
    ("damage", "problem", "left"),
    [
        (lambda it: it.audio.unlink(), ("wav", "missing"), []),
        (lambda it: it.audio.write_bytes(AUDIO[::-1]), ("wav", "damaged"), []),
        (lambda it: it.audio.write_bytes(AUDIO + b"TAG"), ("wav", "changed"), ["wav"]),
        (lambda it: it.tokens.unlink(), ("tokens", "missing"), ["json", "wav"]),
        (lambda it: it.tokens.write_bytes(b"tokens of a trick"), ("tokens", "damaged"), ["json", "wav"]),
        (lambda it: it.metadata.unlink(), ("json", "missing"), ["json", "tokens", "wav"]),
        (lambda it: it.metadata.write_text("{"), ("json", "damaged"), ["json", "tokens", "wav"]),
        (lambda it: it.metadata.write_bytes(b"\xff"), ("json", "damaged"), ["json", "tokens", "wav"]),
        (
            lambda it: it.metadata.write_text(it.metadata.read_text().replace(NAME, "0" * 16)),
            ("json", "damaged"),
            ["json", "tokens", "wav"],
        ),
    ],
)
def test_damage_is_told_and_repaired(
    inspected: Inspected, damage: Damage, problem: tuple[str, str], left: list[str]
) -> None:
    damage(inspected)
    before = inspected.place.files
    assert inspected.check() == [(*problem, False)] and inspected.place.files == before
    assert inspected.check(repair=True) == [(*problem, True)]
    assert [name.removeprefix(f"{NAME}.") for name in inspected.place.files] == left
    if "json" in left:
        assert inspected.check() == []
    else:
        assert inspected.place.store.index.track(NAME) is None
    inspected.place.sweep()
    assert [name.removeprefix(f"{NAME}.") for name in inspected.place.files] == left


def test_what_is_no_file_is_not_waited_for_and_not_repaired(inspected: Inspected, tmp_path: Path) -> None:
    for make in (os.mkfifo, os.mkdir, lambda path: os.symlink(tmp_path / "queue.sqlite", path)):
        if inspected.audio.is_dir():
            inspected.audio.rmdir()
        else:
            inspected.audio.unlink()
        make(inspected.audio)
        assert inspected.check(repair=True) == [("wav", "unreadable", False)]
    assert inspected.place.store.index.track(NAME) is not None


def test_left_over_files_are_told_and_music_is_left(inspected: Inspected) -> None:
    folder, other = inspected.place.folder, "f" * 16
    for name in (f"{other}.json", f"{other}.tokens", f"{other}.ogg", f"{NAME}.flac", "mine.wav", "README"):
        (folder / name).write_bytes(b"x")
    orphans = [
        ("flac", "orphan", False),
        *((f"{other}.{end}", "orphan", False) for end in ("json", "ogg", "tokens")),
    ]
    assert inspected.sweep() == orphans
    assert inspected.sweep(other) == orphans[:1]
    assert [repaired for _, _, repaired in inspected.sweep(repair=True)] == [False, True, False, True]
    assert inspected.place.files == [
        f"{NAME}.flac",
        f"{NAME}.json",
        f"{NAME}.tokens",
        f"{NAME}.wav",
        "README",
        f"{other}.ogg",
        "mine.wav",
    ]


def test_a_track_that_is_deleted_while_it_is_read_has_no_problem(
    inspected: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lofi_broker import inspection

    check = inspection.check_track

    def gone(folder: Path, track: object) -> list[Problem]:
        for name in inspected.place.files:
            (folder / name).unlink()
        return check(folder, track)  # type: ignore[arg-type]

    async def delete() -> list[Problem]:
        reading = asyncio.create_task(inspected.inspection.tracks([NAME], repair=True))
        await asyncio.sleep(0)
        inspected.place.store.index.delete([NAME])
        return (await reading).problems

    monkeypatch.setattr(inspection, "check_track", gone)
    assert asyncio.run(delete()) == []


def test_a_track_that_comes_while_the_folder_is_read_is_not_left_over(
    inspected: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = inspected.place.store.index
    answers = iter([[], index.every()])
    monkeypatch.setattr(index, "every", lambda: next(answers))
    assert inspected.sweep(repair=True) == [] and len(inspected.place.files) == 3
