"""Lines that end where the terminal ends."""

from __future__ import annotations

import pytest

from lofi_cli.look import cut


@pytest.mark.parametrize(
    ("line", "columns", "shown"),
    [
        ("rain", 4, "rain"),
        ("rainy", 4, "rai…"),
        ("とても", 6, "とても"),
        ("とても", 5, "とて…"),
        ("とても", 4, "と…"),
        ("e\u0301e\u0301e", 3, "e\u0301e\u0301e"),  # an accent takes no column
        ("", 0, ""),
    ],
)
def test_a_line_takes_no_more_columns_than_there_are(line: str, columns: int, shown: str) -> None:
    assert cut(line, columns) == shown
