"""People, group members and API keys in the config table: read by key, never as a whole.

pk                        sk          what
user                      username    a person
user-pk                   their pk    the username of the person with this pk; valid only while their item has it too;
                                      of a UUID, however it was written, the usual spelling
member#<group>#<roster>   username    a membership; a group's `roster` names its list in force
key                       key id      an API key, without its secret
key-use                   key id      the hour in which an API key was last used
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Delete, Item, Put, document, document_of, text, text_of, until
from tocsin.aws.errors import ConditionFailed, ConditionsFailed
from tocsin.aws.table import WRITE_BATCH, Table
from tocsin.errors import Unavailable
from tocsin.identity.api_keys import ApiKey
from tocsin.identity.directory import Group, User
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache
from tocsin.types import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READING = "reading the directory"
_WRITING = "writing the directory"
_PARALLEL = 8
_MEMBERS_TOGETHER = 90  # a transaction holds 100 writes

OLD_LIST_LIVES = timedelta(hours=1)
"""Longer than any function that still reads a list of members that was replaced, as with a snapshot."""


class PeopleStore:
    """Users, memberships and keys. Methods raise Unavailable when DynamoDB fails."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        hold: timedelta = timedelta(0),
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Cache users, memberships and pages of members for `hold`; by default not at all."""
        self._table = Table(client, table)
        self._users: TTLCache[str, User | None] = TTLCache(hold, clock=clock)
        self._memberships: TTLCache[tuple[str, str], bool] = TTLCache(hold, clock=clock)
        self._by_pk: TTLCache[str, str] = TTLCache(hold, clock=clock)
        self._pages: TTLCache[tuple[str, str | None, int], Page[str]] = TTLCache(hold, clock=clock)

    def users(self, usernames: Sequence[str]) -> dict[str, User]:
        """Return the users with these names, by name. Unknown names are left out."""
        known = self._users.get_many(usernames)
        unknown = [name for name in dict.fromkeys(usernames) if name not in known]
        if unknown:
            items = self._table.get_many(_READING, (_user_key(name) for name in unknown))
            found = {user.username: user for item in items if (user := _user_of(item))}
            known |= {name: self._users.put(name, found.get(name)) for name in unknown}
        return {name: user for name in usernames if (user := known.get(name)) is not None}

    def users_by_pk(self, pks: Sequence[str]) -> dict[str, User]:
        """Return the users with these `pk`s, by pk as text. Unknown pks are left out. A UUID is one however spelled."""
        named = self._by_pk.get_many(pks)
        unknown = {pk: _usual(pk) for pk in pks if pk not in named}
        if unknown:
            # As they are spelled here too: so they were stored before.
            items = self._table.get_many(_READING, map(_pk_key, dict.fromkeys([*unknown.values(), *unknown])))
            said = {text_of(item, "sk"): text_of(item, "username") for item in items}
            named |= {pk: self._by_pk.put(pk, said.get(usual) or said.get(pk, "")) for pk, usual in unknown.items()}
        users = self.users([username for username in named.values() if username])
        found = ((pk, users.get(username)) for pk, username in named.items())
        return {pk: user for pk, user in found if user is not None and _pk_of(user) == _usual(pk)}

    def members(self, group: Group, *, after: str | None, limit: int) -> Page[str]:
        """Return up to `limit` usernames of members of `group` after the name `after`, in order."""
        pk = _member_pk(group)

        def read() -> Page[str]:
            page = self._table.page("reading a group's members", pk, after=after, limit=limit)
            return Page(tuple(text_of(item, "sk") for item in page.items), page.last)

        return self._pages.get_or_read((pk, after, limit), read)

    def members_among(self, groups: Iterable[Group], usernames: Sequence[str]) -> set[str]:
        """Return those of `usernames` that are in at least one of `groups`."""
        keys = (_member_key(group, name) for group in groups for name in usernames)
        return {text_of(item, "sk") for item in self._table.get_many(_READING, keys)}

    def key(self, key_id: str) -> ApiKey | None:
        """Return the API key with this id; None without one."""
        item = self._table.find("reading an API key", {"pk": text("key"), "sk": text(key_id)})
        return None if item is None else _key_of(item)

    def user(self, username: str) -> User | None:
        """Read the user with this name now, bypassing the cache."""
        item = self._table.get("reading a user", _user_key(username), consistent=True)
        return None if item is None else _user_of(item)

    def users_after(self, after: str | None, limit: int) -> Page[User]:
        """Return up to `limit` users after the name `after`, ordered by name."""
        page = self._table.page(_READING, "user", after=after, limit=limit, consistent=True)
        return Page(tuple(user for item in page.items if (user := _user_of(item))), page.last)

    def is_member(self, group: Group, username: str) -> bool:
        """Whether `username` is a direct member of `group`, read now, bypassing the cache."""
        found = self._table.get("reading a membership", _member_key(group, username), consistent=True)
        return found is not None

    def memberships(self, groups: Iterable[Group], usernames: Sequence[str]) -> dict[str, set[str]]:
        """Return {group: those of `usernames` that are direct members}. Groups without any are left out."""
        asked = {(_member_pk(group), name): group for group in groups for name in usernames}
        known = self._memberships.get_many(asked)
        unknown = [key for key in asked if key not in known]
        if unknown:
            items = self._table.get_many(_READING, ({"pk": text(pk), "sk": text(name)} for pk, name in unknown))
            there = {(text_of(item, "pk"), text_of(item, "sk")) for item in items}
            known |= {key: self._memberships.put(key, key in there) for key in unknown}
        found: dict[str, set[str]] = {}
        for key, holds in known.items():
            if holds:
                found.setdefault(asked[key].name, set()).add(key[1])
        return found

    def last_uses(self, key_ids: Sequence[str]) -> dict[str, str]:
        """Return {key id: hour of last use, as `2026-11-23T13:00Z`}. Unused keys are left out."""
        keys = ({"pk": text("key-use"), "sk": text(key_id)} for key_id in key_ids)
        return {text_of(item, "sk"): text_of(item, "used") for item in self._table.get_many(_READING, keys)}

    def note_use(self, key_id: str, hour: str) -> None:
        """Store that a key was used in `hour`, unless the same or a later hour is stored."""
        with suppress(ConditionFailed):
            self._table.put(
                "noting an API key's use",
                {"pk": text("key-use"), "sk": text(key_id), "used": text(hour)},
                condition="attribute_not_exists(pk) OR used < :hour",
                values={":hour": text(hour)},
            )

    def all_users(self) -> Iterator[User]:
        """Every user, for the blueprint."""
        return (user for item in self._all("user") if (user := _user_of(item)))

    def all_keys(self) -> Iterator[ApiKey]:
        """Every API key, for the blueprint."""
        return (_key_of(item) for item in self._all("key"))

    def all_members(self, group: Group) -> Iterator[str]:
        """Every member of `group`, for the blueprint."""
        return (text_of(item, "sk") for item in self._all(_member_pk(group)))

    def write(
        self,
        *,
        users: Iterable[User] = (),
        members: Iterable[tuple[Group, str]] = (),
        keys: Iterable[ApiKey] = (),
        beside: Sequence[Put] = (),
    ) -> None:
        """Write these, replacing existing ones. With writes `beside` all are one transaction, of at most 100 items."""
        users = tuple(users)
        items: list[Item] = [_user_key(user.username) | {"user": document(user.to_json())} for user in users]
        items += [_pk_key(pk) | {"username": text(user.username)} for user in users if (pk := _pk_of(user)) is not None]
        items += [_member_key(group, username) for group, username in members]
        items += [{"pk": text("key"), "sk": text(key.id), "key": document(key.to_json())} for key in keys]
        if beside:
            self._together([*map(Put, items), *beside])
        else:
            _at_once(partial(self._table.put_many, _WRITING), items)

    def delete(
        self,
        *,
        users: Iterable[User] = (),
        members: Iterable[tuple[Group, str]] = (),
        key_ids: Iterable[str] = (),
        beside: Sequence[Put] = (),
    ) -> None:
        """Delete these. Missing ones are ignored.

        With writes `beside` all are one transaction, but for memberships beyond the first 90, which are deleted before.
        """
        users, key_ids = tuple(users), tuple(key_ids)
        listed: list[Item] = [_member_key(group, username) for group, username in members]
        keys: list[Item] = [_user_key(user.username) for user in users]
        keys += [{"pk": text("key"), "sk": text(key_id)} for key_id in key_ids]
        used = [{"pk": text("key-use"), "sk": text(key_id)} for key_id in key_ids]
        if beside:
            _at_once(partial(self._table.delete_many, _WRITING), listed[_MEMBERS_TOGETHER:])
            self._together([*map(Delete, (*keys, *listed[:_MEMBERS_TOGETHER])), *beside])
            keys = listed = []
        _at_once(partial(self._table.delete_many, _WRITING), [*keys, *listed, *used])
        for user in users:
            self.forget_pk(user)

    def _together(self, writes: Sequence[Put | Delete]) -> None:
        try:
            self._table.write_together(_WRITING, writes)
        except ConditionsFailed:
            raise Unavailable(f"{_WRITING} failed: what tells of it has an id that is taken", retry_after=1) from None

    def let_expire(self, groups: Iterable[Group], *, now: datetime) -> None:
        """Delete the lists of members of `groups`, which no configuration names any more, when nobody reads them.

        Who has the configuration of a moment ago reads them still: were they gone, it would find nobody.
        """
        expires = {"expires_at": until(now + OLD_LIST_LIVES)}
        items = [_member_key(group, name) | expires for group in groups for name in self.all_members(group)]
        _at_once(partial(self._table.put_many, _WRITING), items)

    def forget_pk(self, user: User, after: User | None = None) -> None:
        """Delete the pk item of `user`, unless it belongs to somebody else by now, or to them `after` an edit, too.

        7 and "7" have one item.
        """
        pk = _pk_of(user)
        if pk is not None and (after is None or _pk_of(after) != pk):
            with suppress(ConditionFailed):
                self._table.delete(
                    _WRITING,
                    _pk_key(pk),
                    condition="username = :username",
                    values={":username": text(user.username)},
                )

    def _all(self, pk: str) -> Iterator[Item]:
        return self._table.query(_READING, "pk = :pk", {":pk": text(pk)}, consistent=True)


def _at_once(write: Callable[[Sequence[Item]], None], items: Sequence[Item]) -> None:
    """Write batches of `items` in parallel."""
    if len(items) <= WRITE_BATCH:
        write(items)
        return
    with ThreadPoolExecutor(_PARALLEL) as pool:
        list(pool.map(write, batched(items, WRITE_BATCH, strict=False)))


def _key_of(item: Item) -> ApiKey:
    stored = document_of(item, "key")
    if not isinstance(stored, dict):
        raise TypeError("an API key is no object")
    return ApiKey.from_json(stored)


def _user_key(username: str) -> dict[str, dict[str, str]]:
    return {"pk": text("user"), "sk": text(username)}


def _pk_key(pk: str) -> dict[str, dict[str, str]]:
    return {"pk": text("user-pk"), "sk": text(pk)}


def _pk_of(user: User) -> str | None:
    """The key of `user` as text, in the spelling that it is stored in."""
    return None if user.pk is None else _usual(str(user.pk))


def _usual(pk: str) -> str:
    from tocsin.ids import usual_spelling  # noqa: PLC0415 - the authorizer asks for nobody so, and starts without it

    return usual_spelling(pk)


def _member_key(group: Group, username: str) -> dict[str, dict[str, str]]:
    return {"pk": text(_member_pk(group)), "sk": text(username)}


def _member_pk(group: Group) -> str:
    return f"member#{group.name}#{group.roster}"


def _user_of(item: Item) -> User | None:
    data = document_of(item, "user")
    return User.from_json(data) if isinstance(data, dict) else None
