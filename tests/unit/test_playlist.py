"""The list that is played, by plain calls."""

from __future__ import annotations

import pytest

from lofi_broker.playlist import Item, Items, Playlist
from lofi_common.api_playback import LoopMode


def listed(names: str, index: int | None = 0, loop: LoopMode = "off", failed: str = "") -> Playlist:
    """An item for each letter, of that track."""
    items = Items().of(names)
    keys = frozenset(item.key for item in items if item.track_id in failed)
    return Playlist(items, index, loop, keys)


def names(playlist: Playlist) -> str:
    """The letters, a bracket before the one that plays."""
    shown = [
        ("[" if place == playlist.index else "") + item.track_id for place, item in enumerate(playlist.items)
    ]
    return "".join(shown)


@pytest.mark.parametrize(
    ("playlist", "forward", "on", "back"),
    [
        (listed("abc"), "a[bc", "a[bc", "[abc"),
        (listed("abc", 2), "abc", "abc", "a[bc"),
        (listed("abc", 2, "list"), "[abc", "[abc", "a[bc"),
        (listed("abc", 0, "list"), "a[bc", "a[bc", "ab[c"),
        (listed("a", 0, "list"), "[a", "[a", "[a"),
        (listed("abc", 1, "track"), "ab[c", "a[bc", "[abc"),
        (listed("abc", 2, "track"), "abc", "ab[c", "a[bc"),
        (listed("abcd", 0, failed="bc"), "abc[d", "abc[d", "[abcd"),
        (listed("abcd", 3, failed="bc"), "abcd", "abcd", "[abcd"),
        (listed("ab", 1, "list", failed="ab"), "ab", "ab", "a[b"),
        (listed("ab", 0, "track", failed="a"), "a[b", "a[b", "[ab"),
        (listed("ab", None), "ab", "ab", "ab"),
        (listed("", None, "list"), "", "", ""),
    ],
)
def test_what_comes(playlist: Playlist, forward: str, on: str, back: str) -> None:
    assert [names(each) for each in (playlist.forward(), playlist.on(), playlist.back())] == [
        forward,
        on,
        back,
    ]


def test_the_player_has_nothing_ready_behind_a_track_that_repeats() -> None:
    assert listed("ab", 0, "track").coming is None
    for loop in ("off", "list"):
        coming = listed("ab", 0, loop).coming  # type: ignore[arg-type]
        assert coming is not None and coming.track_id == "b"
    assert listed("ab", 1).coming is None


@pytest.mark.parametrize(
    ("index", "at", "after"),
    [
        (1, None, "a[bcXY"),
        (1, 0, "XYa[bc"),
        (1, 1, "aXY[bc"),
        (1, 2, "a[bXYc"),
        (1, 99, "a[bcXY"),
        (None, 1, "aXYbc"),
    ],
)
def test_what_is_added_leaves_what_plays(index: int | None, at: int | None, after: str) -> None:
    new = (Item(100, "X"), Item(101, "Y"))
    assert names(listed("abc", index).added(new, at)) == after


@pytest.mark.parametrize(
    ("playlist", "place", "after"),
    [
        (listed("abc", 1), 0, "[bc"),
        (listed("abc", 1), 2, "a[b"),
        (listed("abc", 1), 1, "a[c"),
        (listed("abc", 2), 2, "ab"),
        (listed("abc", 2, "list"), 2, "[ab"),
        (listed("a", 0, "list"), 0, ""),
        (listed("abc", 0, failed="b"), 0, "b[c"),
        (listed("abc", None), 1, "ac"),
    ],
)
def test_what_is_taken_out(playlist: Playlist, place: int, after: str) -> None:
    assert names(playlist.removed(place)) == after
    assert playlist.removed(place).loop == playlist.loop


def test_cleared_but_for_what_plays() -> None:
    assert names(listed("abc", 1).cleared()) == "[b"
    assert names(listed("abc", None).cleared()) == ""
    assert listed("abc", 1, "list").cleared().loop == "list"


def test_an_item_that_begins_after_it_was_taken_out_gives_way_to_what_follows() -> None:
    before = listed("abc", 0)
    b, c = before.items[1], before.items[2]
    assert names(before.at(c)) == "ab[c"
    assert names(before.removed(1).at(b)) == "a[c"
    assert names(listed("aab", 0).at(Item(2, "a"))) == "a[ab"


@pytest.mark.parametrize(
    ("playlist", "gone", "left", "held"),
    [
        (listed("abc", 2), "ac", "b[c", "bc"),
        (listed("abca", 1), "ab", "[bca", "abc"),
        (listed("abc", 0), "abc", "[abc", "abc"),
        (listed("abc", None), "abc", "abc", "abc"),
    ],
)
def test_only_what_was_heard_is_forgotten(playlist: Playlist, gone: str, left: str, held: str) -> None:
    assert names(playlist.forgetting(gone)) == left
    assert playlist.holds(gone) == {*held} and playlist.holds("") == {*names(playlist).replace("[", "")}
