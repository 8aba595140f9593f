"""The pages of a rule's people: who comes in which, and the cursor after each."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from tests.unit.rules.test_ruleset import event, rule
from tocsin.identity.directory import Group, User
from tocsin.identity.store import PeopleStore
from tocsin.matching.message import Cursor
from tocsin.matching.recipients import Recipients
from tocsin.types import Page

ROSTERS = {"top": ["ann"], "a": ["ben", "ann"], "b": ["cid"], "new": ["dan"]}


class Directory:
    """People in groups, as the store gives them: a page of members is whole."""

    def members(self, group: Group, *, after: str | None, limit: int) -> Page[str]:
        return Page(tuple(name for name in sorted(ROSTERS[group.name]) if after is None or name > after), None)

    def members_among(self, groups: Iterable[Group], usernames: Sequence[str]) -> set[str]:
        return {name for group in groups for name in ROSTERS[group.name]} & {*usernames}

    def users(self, usernames: Sequence[str]) -> dict[str, User]:
        return {name: User(name) for name in usernames}


RECIPIENTS = Recipients(cast(PeopleStore, Directory()))
RULE = rule(destination_group="top")


def pages(cursor: Cursor, *children: str) -> tuple[list[list[str]], list[Cursor]]:
    """The names of each page from `cursor` on, and the cursor after it, where the group `top` has these children."""
    groups = {name: Group(name, children=(children if name == "top" else ()), roster="1") for name in ROSTERS}
    found = [*RECIPIENTS.pages(event(), RULE, cursor, groups)]
    return [[user.username for user in page.users] for page in found], [page.next for page in found]


def test_a_tree_of_as_many_pages_as_are_told_at_once_is_at_its_end() -> None:
    told, cursors = pages(Cursor(), "a", "b")

    assert told == [["ann"], ["ben"], ["cid"]]
    assert [(cursor.group, cursor.page) for cursor in cursors] == [(1, 1), (2, 2), (-1, 3)]


def test_people_come_from_the_first_on_where_the_tree_is_another() -> None:
    _, (_, second, _) = pages(Cursor(), "a", "b")
    stood = replace(second, after="zed")

    told, cursors = pages(stood, "new", "b")

    assert told == [["ann"], ["dan"], ["cid"]]
    assert [cursor.page for cursor in cursors] == [1, 2, 3]
    assert pages(stood, "a", "b")[0] == [[]]
