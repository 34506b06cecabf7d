"""What stays on a terminal when a command has ended: nothing that says nothing."""

from __future__ import annotations

from tests.support.home import Home
from tests.support.terminal import in_a_terminal


def left(shown: bytes) -> list[str]:
    """The lines that can still be read."""
    lines = shown.decode().replace("\x1b[?25h", "").replace("\x1b[?25l", "").split("\r\n")
    return [line.rpartition("\r\x1b[K")[2] for line in lines]


def test_a_track_that_is_not_waited_for_is_an_id_and_nothing_else(home: Home) -> None:
    code, shown = in_a_terminal(home, "submit", "x", "-d", "5", "--no-wait", until=b"", answer=b"")
    (track_id, end) = left(shown)
    assert (code, len(track_id), end) == (0, 16, "") and b"%" not in shown


def test_a_refusal_leaves_no_bar(home: Home) -> None:
    code, shown = in_a_terminal(home, "submit", "x", "--model", "none", until=b"", answer=b"")
    assert code == 5 and left(shown)[0].startswith("lofi: "), shown


def test_an_interrupt_is_told_on_a_line_of_its_own(home: Home) -> None:
    code, shown = in_a_terminal(home, "submit", "-", until=b"Ctrl-D", answer=b"\x03")
    assert code == 130 and left(shown)[-2:] == ["lofi: interrupted", ""]
    assert home.lofi("broker", "start").returncode == 0
    code, shown = in_a_terminal(home, "logs", "-f", until=b"\n", answer=b"\x03")
    assert code == 130 and shown.endswith(b"^C\r\n")


def test_who_types_a_prompt_is_told_how_it_ends(home: Home) -> None:
    code, shown = in_a_terminal(home, "submit", "-", "-d", "5", until=b"Ctrl-D", answer=b"rain\n\x04")
    assert code == 0 and left(shown)[-2].endswith(".wav")
