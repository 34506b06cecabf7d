"""Sound devices whose names are the same."""

from __future__ import annotations

from lofi_player.backends import told_apart


def test_devices_of_one_name_are_numbered() -> None:
    assert told_apart(["Speakers", "Headset", "Speakers"]) == ["Speakers", "Headset", "Speakers (2)"]


def test_a_number_is_not_given_twice() -> None:
    assert told_apart(["A", "A (2)", "A", "A"]) == ["A", "A (2)", "A (3)", "A (4)"]
    assert told_apart([]) == []
