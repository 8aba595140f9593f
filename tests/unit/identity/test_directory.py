"""People and groups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.identity.directory import Group, User, with_ancestors, with_descendants
from tocsin.types import Json


def groups(**children: str) -> dict[str, Group]:
    """groups(a="b c") is a group a with the groups b and c below it."""
    return {name: Group(name, tuple(below.split())) for name, below in children.items()}


def names(known: dict[str, Group], name: str) -> list[str]:
    return [group.name for group in with_descendants(known, name)]


def test_a_group_comes_before_those_below_it_breadth_first() -> None:
    assert names(groups(a="b c", b="d", c="e", d="", e=""), "a") == ["a", "b", "c", "d", "e"]


def test_only_what_is_below_is_found() -> None:
    assert names(groups(a="b", b="", c="a"), "a") == ["a", "b"]


def test_a_group_below_two_others_is_found_once() -> None:
    assert names(groups(a="b c", b="d", c="d", d=""), "a") == ["a", "b", "c", "d"]


@pytest.mark.parametrize("cycle", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b a"}])
def test_groups_in_a_circle_are_found_once(cycle: dict[str, str]) -> None:
    assert names(groups(**cycle), "a") == sorted(cycle)


def test_a_group_that_is_not_there_has_nobody() -> None:
    assert names(groups(a="gone"), "a") == ["a"]
    assert names(groups(a=""), "gone") == []


def test_the_others_are_found_beside_a_group_that_is_not_there() -> None:
    assert names(groups(a="gone b", b=""), "a") == ["a", "b"]


_NAMES = st.sampled_from("abcdef")


@given(st.dictionaries(_NAMES, st.lists(_NAMES).map(" ".join)), _NAMES)
def test_whatever_is_below_what_each_group_is_found_once(below: dict[str, str], name: str) -> None:
    found = names(groups(**below), name)

    assert len(set(found)) == len(found)
    assert set(found) <= below.keys()


@given(
    st.builds(
        User,
        username=st.text(min_size=1),
        email=st.text(),
        name=st.text(),
        active=st.booleans(),
        superuser=st.booleans(),
        locale=st.text(min_size=1),
        pk=st.none() | st.integers() | st.text(),
        time_zone=st.text(),
    )
)
def test_a_user_is_the_same_after_json(user: User) -> None:
    assert User.from_json(user.to_json()) == user


def test_a_users_time_zone_is_shown_where_it_is_known() -> None:
    """Messages on their way carry it, also from one release to the next."""
    assert User("alice", time_zone="Europe/Berlin").to_json()["time_zone"] == "Europe/Berlin"
    assert "time_zone" not in User("alice").to_json()


def test_a_stored_user_of_few_words_takes_the_defaults() -> None:
    user = User.from_json({"username": "alice", "email": None, "locale": ""})

    assert user == User("alice", email="", name="", active=True, superuser=False, locale="en")


@pytest.mark.parametrize(("said", "pk"), [(7, 7), ("7", "7"), (True, None), (None, None), ([7], None), (1.5, None)])
def test_a_pk_is_a_whole_number_or_a_text(said: Json, pk: int | str | None) -> None:
    assert User.from_json({"username": "ana", "pk": said}).pk == pk


def test_a_group_that_is_above_two_others_is_found_once() -> None:
    known = groups(all="ops dev", ops="oncall", dev="oncall", oncall="")

    assert with_ancestors(known.values(), ["oncall"]) == {"oncall", "ops", "dev", "all"}
