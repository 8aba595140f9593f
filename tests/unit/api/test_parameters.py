"""Numbers in the query."""

import pytest

from tocsin.api.parameters import capped_of, whole_of
from tocsin.errors import Invalid
from tocsin.http.request import Request


def asking(given: str | None) -> Request:
    query = {} if given is None else {"top": given}
    return Request("GET", "/", {}, query, b"", "203.0.113.7", "", {})


@pytest.mark.parametrize(
    ("given", "number"), [(None, 15), ("1", 1), ("100", 100), ("007", 7), ("000000000000000000000000100", 100)]
)
def test_a_number_is_read_whole(given: str | None, number: int) -> None:
    assert whole_of(asking(given), "top", 15, 100) == number


@pytest.mark.parametrize(
    "given",
    [
        *(
            "0",
            "000",
            "",
            "101",
            "00000000190000000",
            "9" * 5000,
            "0" * 9 + "101",
            "-1",
            "+1",
            "1.0",
            "1e1",
            "1_0",
            " 1",
        ),
        "\u0663",
    ],
)
def test_what_is_no_number_up_to_the_most_is_refused(given: str) -> None:
    """A number was checked by its first nine digits, and taken with all of them."""
    with pytest.raises(Invalid, match="top"):
        whole_of(asking(given), "top", 15, 100)


@pytest.mark.parametrize(
    ("given", "read"), [("100", (100, False)), ("101", (100, True)), ("9" * 5000, (100, True)), ("0099", (99, False))]
)
def test_a_number_may_be_capped_and_that_is_told(given: str, read: tuple[int, bool]) -> None:
    assert capped_of(asking(given), "top", 15, 100) == read


@pytest.mark.parametrize("given", ["0", "", "x", "-101", "1000 "])
def test_what_is_no_number_is_not_capped(given: str) -> None:
    with pytest.raises(Invalid, match="top"):
        capped_of(asking(given), "top", 15, 100)
