"""Texts of others, made fit for a terminal."""

import pytest

from tocsin_cli.text import LONGEST_LINE, brief


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Alice came in", "Alice came in"),
        ("two\nlines\x1b[31m", "two lines\N{REPLACEMENT CHARACTER}[31m"),
        ("x" * LONGEST_LINE, "x" * LONGEST_LINE),
        ("x" * 300_000, "x" * (LONGEST_LINE - 1) + "…"),
    ],
)
def test_a_message_in_a_line_is_brief_and_obeyed_by_no_terminal(written: str, shown: str) -> None:
    assert brief(written) == shown
