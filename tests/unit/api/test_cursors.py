"""Cursors lead back to where they were made, and to nowhere else."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.api.cursors import NAMES, Cursors
from tocsin.errors import Invalid
from tocsin.ids import parse_id

ID = "019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a"
OTHER = "is of another search"
SEARCH = Cursors(of="newest 12ab", other=OTHER, check=parse_id)


def cursor_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def refusal(cursors: Cursors, cursor: str) -> str:
    with pytest.raises(Invalid) as refused:
        cursors.read(cursor)
    (violation,) = refused.value.violations
    assert violation.path == "cursor"
    return violation.message


def test_the_end_has_no_cursor_and_no_cursor_is_the_beginning() -> None:
    assert NAMES.write(None) is None
    assert NAMES.read(None) is None


@given(st.text(max_size=200, alphabet=st.characters(exclude_categories=("Cs",))))
def test_a_name_is_read_back_as_it_was_written(name: str) -> None:
    cursor = NAMES.write(name)

    assert cursor is not None and cursor.isascii() and "=" not in cursor
    assert NAMES.read(cursor) == name


def test_a_position_is_read_back_where_it_is_of() -> None:
    cursor = SEARCH.write(ID)

    assert SEARCH.read(cursor) == ID
    assert cursor == cursor_of(f"newest 12ab {ID}")


@pytest.mark.parametrize("of", ["newest 12ac", "oldest 12ab", "12ab", "newest 12ab x", ""])
def test_a_cursor_of_another_list_is_told_so(of: str) -> None:
    cursor = Cursors(of=of, other=OTHER).write(ID)

    assert cursor is not None
    assert refusal(SEARCH, cursor) == OTHER


@pytest.mark.parametrize(
    "cursor",
    ["", "%%%", "é", "AAAA", cursor_of(5), cursor_of(None), cursor_of(["a"]), cursor_of("x" * 1025)],
    ids=["empty", "no base64", "no ASCII", "no JSON", "a number", "null", "a list", "too long"],
)
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    assert "none of ours" in refusal(NAMES, cursor)


def test_a_position_that_can_not_be_one_is_refused() -> None:
    assert "none of ours" in refusal(SEARCH, cursor_of("newest 12ab nowhere"))
    assert "none of ours" in refusal(Cursors(check=parse_id), cursor_of("nowhere"))
