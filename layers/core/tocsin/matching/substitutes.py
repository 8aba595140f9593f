"""Who else reads what is sent once, where the person whom it was for has left: the members of the rule's group."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.config.model import Configuration
from tocsin.identity.directory import User, with_descendants
from tocsin.identity.store import PeopleStore

PAGE = 100
"""Members read at a time: the most keys that one BatchGetItem accepts."""

PAGES = 10
"""Pages of members that are looked at."""


def group_members(rule: str, configuration: Configuration, people: PeopleStore) -> Iterator[tuple[User, ...]]:
    """Yield pages of the first members of the rule's group and of those below it. Who is in two may come twice.

    They are PAGES at most, and none where the rule is gone or tells no group. Raises Unavailable.
    """
    known = configuration.rules_by_name.get(rule)
    destination, left = None if known is None else known.destination_group, PAGES
    for group in with_descendants(configuration.groups_by_name, destination) if destination else ():
        after: str | None = None
        while left:
            left -= 1
            members = people.members(group, after=after, limit=PAGE)
            found = people.users(members.items)
            yield tuple(found[name] for name in members.items if name in found)
            after = members.last
            if after is None:
                break
