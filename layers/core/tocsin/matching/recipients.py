"""The people that a rule notifies of an event, in pages, and the event's user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256

from tocsin.config.model import Configuration
from tocsin.events.model import Event
from tocsin.identity.directory import Group, User, with_ancestors, with_descendants
from tocsin.identity.store import PeopleStore
from tocsin.matching.message import END, Cursor
from tocsin.records import dataclass
from tocsin.rules.model import NotificationRule
from tocsin.rules.ruleset import person_behind
from tocsin.types import JsonObject

PAGE = 100
"""Members read at a time: the most keys that one BatchGetItem accepts."""

PAGES_AT_ONCE = 3
"""Pages of people that are notified before the rest is passed on to the match queue."""

MAX_PAGES = 20_000
"""Most pages of one rule's people: two million members. More than that is treated as a fault."""


@dataclass(frozen=True, slots=True)
class People:
    """A page of a rule's people, and the cursor after it."""

    users: tuple[User, ...]
    next: Cursor


class Recipients:
    """Finds the people whom rules notify."""

    def __init__(self, people: PeopleStore) -> None:
        self._people = people

    def pages(
        self, event: Event, rule: NotificationRule, cursor: Cursor, groups_by_name: Mapping[str, Group]
    ) -> Iterator[People]:
        """Yield the next pages of a rule's people: the event's user if configured, then members of the group's tree.

        Each person comes once; inactive people are left out. The cursor of the last page says whether there are more.
        Where the groups before it, or its own, are others than when it was written, all people come from the first on:
        that tells nobody twice, since deliveries of the same event, rule and person have the same ids.
        """
        groups = with_descendants(groups_by_name, rule.destination_group) if rule.destination_group else ()
        if cursor.tree is not None and cursor.tree != _tree(groups, cursor.group):
            cursor = replace(cursor, group=0, after=None, page=0)
        user = user_behind(event, self._people) if rule.destination_event_user else None
        event_user = user.username if user else None
        if cursor.page == 0 and user is not None:
            yield People((user,) if user.active else (), cursor)
        for _ in range(PAGES_AT_ONCE):
            if cursor.group >= len(groups):  # no group, or one deleted since the cursor was written
                yield People((), replace(cursor, group=END))
                return
            members = self._people.members(groups[cursor.group], after=cursor.after, limit=PAGE)
            usernames = [name for name in members.items if name != event_user]
            # Members of an earlier group were notified with that group.
            before = self._people.members_among(groups[: cursor.group], usernames)
            usernames = [name for name in usernames if name not in before]
            found = self._people.users(usernames)
            cursor = _after(cursor, members.last, groups)
            yield People(tuple(found[name] for name in usernames if name in found and found[name].active), cursor)
            if cursor.at_end:
                return

    def missing(self, event: Event, rule: NotificationRule) -> JsonObject:
        """{event_user: why the event's user, whom `rule` tells, is told nothing}; empty where nothing is amiss."""
        if not rule.destination_event_user:
            return {}
        user = user_behind(event, self._people)
        if user is None:
            named = any(event.user.get(name) not in (None, "") for name in ("pk", "username"))
            return {"event_user": "is not in the directory" if named else "is not said by the event"}
        return {} if user.active else {"event_user": f"{user.username} is not active"}


def user_behind(event: Event, people: PeopleStore) -> User | None:
    """Return the event's user from the directory, by pk, else by username; None where neither is known."""
    key = event.user_key
    if key is not None:
        found = people.users_by_pk([key]).get(key)
        if found is not None:
            return found
    return people.users([event.username]).get(event.username) if event.username else None


def _after(cursor: Cursor, last: str | None, groups: Sequence[Group]) -> Cursor:
    further = cursor.group if last is not None else cursor.group + 1
    if further >= len(groups):
        return replace(cursor, group=END, page=cursor.page + 1)
    return replace(cursor, group=further, after=last, page=cursor.page + 1, tree=_tree(groups, further))


def _tree(groups: Sequence[Group], position: int) -> str:
    """A hash of the names of the first groups, up to that at `position`."""
    return sha256("\0".join(group.name for group in groups[: position + 1]).encode()).hexdigest()[:16]


class EventAudience:
    """The event's user, looked up only if a rule asks for them."""

    def __init__(self, event: Event, configuration: Configuration, people: PeopleStore) -> None:
        self._event = event
        self._configuration = configuration
        self._people = people

    def user(self) -> JsonObject:
        """Return the event's user, completed from the directory."""
        return person_behind(self._event, self._known, sorted(self._groups))

    def username(self) -> str | None:
        """Return the username of the event's user: the directory's, else the event's; None without a user."""
        return self._known.username if self._known else self._event.username

    def is_in_group(self, group: str) -> bool:
        """Whether the event's user is a member of `group` or of a group below it."""
        return group in self._groups

    @cached_property
    def _known(self) -> User | None:
        return user_behind(self._event, self._people)

    @cached_property
    def _groups(self) -> frozenset[str]:
        """The groups that the user is in, directly or by a group below. All memberships are read at once."""
        username = self.username()
        if not username:
            return frozenset()
        return with_ancestors(
            self._configuration.groups, self._people.memberships(self._configuration.groups, [username])
        )
