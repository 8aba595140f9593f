"""Who else reads what was for somebody who has left: the members of the rule's groups, as far as is looked."""

import pytest

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import configure, rule
from tocsin.config.store import ConfigurationStore
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.matching.substitutes import group_members

GROUPS = [
    {"name": "top", "children": ["a", "b"], "roster": "1"},
    {"name": "a", "roster": "1"},
    {"name": "b", "roster": "1"},
]
MEMBERS = {"top": ["tom"], "a": ["ann", "art", "axel"], "b": ["bob", "gone"]}


@pytest.fixture(autouse=True)
def one_member_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.matching.substitutes.PAGE", 1)


def names(stack: Stack, of: str = "failed-logins") -> list[str]:
    _, configuration = ConfigurationStore(stack.dynamodb, "config").current()
    pages = group_members(of, configuration, PeopleStore(stack.dynamodb, "config"))
    return [user.username for page in pages for user in page]


def set_up(stack: Stack, destination: str | None) -> None:
    people = [User(name) for members in MEMBERS.values() for name in members if name != "gone"]
    to_nobody = {"destination_event_user": True}
    rules = [rule(destination_group=destination, **({} if destination else to_nobody))]
    configure(stack, users=people, members=MEMBERS, groups=GROUPS, rules=rules)


def test_they_are_of_the_rules_group_and_of_all_below_it_but_for_who_has_left(stack: Stack) -> None:
    set_up(stack, "top")

    assert names(stack) == ["tom", "ann", "art", "axel", "bob"]


def test_no_more_pages_are_read_than_may_be_of_all_groups_together(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.matching.substitutes.PAGES", 3)
    set_up(stack, "top")

    assert names(stack) == ["tom", "ann", "art"]


@pytest.mark.parametrize(("destination", "of"), [(None, "failed-logins"), ("top", "gone")])
def test_a_rule_that_tells_no_group_or_is_gone_has_none(stack: Stack, destination: str | None, of: str) -> None:
    set_up(stack, destination)

    assert names(stack, of) == []
