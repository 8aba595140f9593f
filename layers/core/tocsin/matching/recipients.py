"""The people that a rule is about: who is told of an event, in pages, and who stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tocsin.config.model import Configuration
from tocsin.events.model import Event
from tocsin.identity.directory import Group, User, with_descendants
from tocsin.identity.store import PeopleStore
from tocsin.rules import NotificationRule
from tocsin.types import Json, JsonObject

PAGE = 100
"""Members read at a time: as many as one BatchGetItem takes."""

PAGES_AT_ONCE = 3
"""Pages told before the rest is handed on."""

_END = -1


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a rule's people were told: which group of the tree, and after which member of it."""

    group: int = 0
    after: str | None = None
    page: int = 0
    once_told: bool = False
    """Whether send-once transports that need a person have found theirs."""
    remark: str | None = None
    """What each of the notifications says beside its summary."""

    @property
    def at_end(self) -> bool:
        """Whether there is nobody after it."""
        return self.group == _END


@dataclass(frozen=True, slots=True)
class People:
    """Some of a rule's people, and where to go on after them."""

    users: tuple[User, ...]
    next: Cursor


class Recipients:
    """Works out whom rules tell."""

    def __init__(self, people: PeopleStore) -> None:
        self._people = people

    def pages(
        self, event: Event, rule: NotificationRule, cursor: Cursor, groups_by_name: Mapping[str, Group]
    ) -> Iterator[People]:
        """The next few pages of a rule's people: the event's user if asked, then members of the group's tree.

        Each person comes once, inactive people not at all. The last page given says by its cursor whether
        there are more.
        """
        groups = with_descendants(groups_by_name, rule.destination_group) if rule.destination_group else ()
        event_user = event.username if rule.destination_event_user else None
        if cursor.page == 0 and event_user:
            found = self._people.users([event_user])
            yield People(tuple(user for user in found.values() if user.active), replace(cursor, group=0))
        for _ in range(PAGES_AT_ONCE):
            if cursor.group >= len(groups):  # no group, or one that is gone since the cursor was written
                yield People((), replace(cursor, group=_END))
                return
            members = self._people.members(groups[cursor.group], after=cursor.after, limit=PAGE)
            usernames = [name for name in members.items if name != event_user]
            if cursor.group and usernames:  # who is in a group that came before was told there
                before = self._people.members_among(groups[: cursor.group], usernames)
                usernames = [name for name in usernames if name not in before]
            found = self._people.users(usernames)
            cursor = _after(cursor, members.last, len(groups))
            yield People(tuple(found[name] for name in usernames if name in found and found[name].active), cursor)
            if cursor.at_end:
                return


def _after(cursor: Cursor, last: str | None, groups: int) -> Cursor:
    if last is not None:
        return replace(cursor, after=last, page=cursor.page + 1)
    further = cursor.group + 1
    return replace(cursor, group=further if further < groups else _END, after=None, page=cursor.page + 1)


class EventAudience:
    """The person behind an event, looked up only where a rule asks."""

    def __init__(self, event: Event, configuration: Configuration, people: PeopleStore) -> None:
        self._event = event
        self._configuration = configuration
        self._people = people
        self._in_group: dict[str, bool] = {}
        self._user: JsonObject | None = None

    def user(self) -> JsonObject:
        """{username, pk, email, name, groups}: what the event says, completed by the directory."""
        if self._user is None:
            username = self._event.username
            known = self._people.users([username]).get(username) if username else None
            groups: list[Json] = [
                group.name for group in self._configuration.groups if username and self.is_in_group(group.name)
            ]
            self._user = {
                "username": username or "",
                "pk": self._event.user.get("pk"),
                "email": self._event.user_email or (known.email if known else ""),
                "name": known.name if known else "",
                "groups": groups,
            }
        return self._user

    def is_in_group(self, group: str) -> bool:
        """Whether the event's user is a member of `group` or of a group below it."""
        username = self._event.username
        if not username:
            return False
        if group not in self._in_group:
            below = with_descendants(self._configuration.groups_by_name, group)
            self._in_group[group] = bool(self._people.members_among(below, [username]))
        return self._in_group[group]
