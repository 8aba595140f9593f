"""Names in paths, as HTTP APIs hand them over and as they were sent."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.api.paths import MAX_NAME_BYTES, encoded_path, name_of
from tocsin.errors import NotFound
from tocsin.names import foreign_name

NAMES = [
    "o'brien@example.com",
    "jürgen",
    "DOMAIN\\alice",
    "guest_x.com#EXT#@onmicrosoft.com",
    "100%",
    "a/b",
    "甲",
    "a b",
]


def is_name(text: str) -> bool:
    try:
        return foreign_name(text) == text
    except ValueError:
        return False


def decoded_by_http_api(path: str) -> str:
    """All but `%25`, which stays (tests/emulator/test_http_api.py)."""
    return "%25".join(unquote(part) for part in path.split("%25"))


@given(st.one_of(st.sampled_from(NAMES), st.text(min_size=1, max_size=40).filter(is_name)))
def test_every_name_that_a_user_may_have_is_read_from_its_path(name: str) -> None:
    sent = f"/users/{quote(name, safe='')}"

    for raw_path in (sent, decoded_by_http_api(sent), unquote(sent)):
        segments = encoded_path(raw_path).split("/")

        assert (len(segments), name_of(segments[-1])) == (3, name)


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_a_group_and_its_member_are_told_apart(group: str, member: str) -> None:
    raw_path = decoded_by_http_api(f"/groups/{quote(group, safe='')}/members/{quote(member, safe='')}")

    segments = encoded_path(raw_path).split("/")

    assert (len(segments), segments[3]) == (5, "members")
    assert (name_of(segments[2]), name_of(segments[4])) == (group, member)


@given(st.text(max_size=60))
def test_encoding_twice_changes_nothing(path: str) -> None:
    once = encoded_path(f"/{path}")

    assert encoded_path(once) == once


@pytest.mark.parametrize("path", ["/rules", "/groups/a/members", "/transports/a%20b/breaker/reset", "/events/x/why"])
def test_other_paths_stay_as_they_are(path: str) -> None:
    assert encoded_path(path) == path


def test_a_name_is_read_in_normal_form_c() -> None:
    assert name_of("ju%CC%88rgen") == "jürgen"


@pytest.mark.parametrize("name", ["a" * (MAX_NAME_BYTES + 1), "%C3%A4" * MAX_NAME_BYTES])
def test_a_name_longer_than_any_is_not_there(name: str) -> None:
    with pytest.raises(NotFound, match=r"1,020 bytes"):
        name_of(name)


@pytest.mark.parametrize(
    "name",
    ["", " a", "a ", "a\x00", "a\nb", "a\u200bb", "a\u202eb", "a?b", "a%41", ".", "..", "a/", "a/members/b", "a" * 256],
)
def test_what_no_path_or_log_could_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        foreign_name(name)
