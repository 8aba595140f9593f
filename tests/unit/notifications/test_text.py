"""Plain text, and cutting that leaves a mark and breaks nothing."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.notifications.text import MARK, cut, cut_line, one_line, plain, units

ANY_TEXT = st.text(st.characters(codec=None), max_size=200)
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\0b\x1b[31mc\x7fd\x85e", "ab[31mcde"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("\u202eevil\u202c \u2067x\u2069", "evil x"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("مرحبا 👩‍👧", "مرحبا 👩‍👧"),
    ],
)
def test_plain_text_keeps_what_is_read_and_drops_what_breaks(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(ANY_TEXT)
def test_plain_text_can_always_be_encoded(text: str) -> None:
    assert plain(text).encode("utf-8").decode("utf-8") == plain(text)


@given(ANY_TEXT)
def test_plain_text_is_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(ANY_TEXT)
def test_one_line_has_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


def test_units_count_as_javascript_does() -> None:
    assert units("aé😀") == 4


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert cut("twelve chars", 12) == "twelve chars"


def test_a_text_that_is_too_long_ends_with_a_mark() -> None:
    assert cut("thirteen char", 12) == "thirteen ch…"


def test_no_blank_stands_before_the_mark() -> None:
    assert cut("two words", 5) == "two…"


def test_an_escape_is_never_split() -> None:
    assert cut("a<<<<", 10, ESCAPES) == "a&lt;&lt;…"


def test_an_emoji_of_two_code_units_is_never_split() -> None:
    assert cut("ab😀😀", 5) == "ab😀…"


@given(ANY_TEXT, st.integers(1, 60))
def test_what_was_cut_is_within_the_limit(text: str, limit: int) -> None:
    assert units(cut(plain(text), limit, ESCAPES)) <= limit


@given(ANY_TEXT, st.integers(1, 60))
def test_what_was_cut_is_the_beginning_of_the_text(text: str, limit: int) -> None:
    result = html.unescape(cut(plain(text), limit, ESCAPES))

    assert result == plain(text) or plain(text).startswith(result.removesuffix(MARK))


@pytest.mark.parametrize(
    ("text", "ending", "expected"),
    [
        ("short\ntext (x)", "(x)", "short text (x)"),
        ("a text that is too long (x)", "(x)", "a text that is… (x)"),
        ("a text that is too long", "(x)", "a text that is too…"),
        ("a text that is too long", "", "a text that is too…"),
        ("(an ending that is longer)", "(an ending that is longer)", "(an ending that is…"),
    ],
)
def test_a_line_is_cut_before_its_ending(text: str, ending: str, expected: str) -> None:
    assert cut_line(text, 19, ending) == expected
