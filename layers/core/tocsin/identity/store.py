"""People, group members and API keys in the config table: read by key, never as a whole.

pk                        sk          what
user                      username    a person
member#<group>#<roster>   username    a membership; a group's roster names the list that holds
key                       key id      an API key, without its secret
key-use                   key id      the hour in which an API key was last used
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.aws.dynamodb import Item, document, document_of, text, text_of
from tocsin.aws.errors import as_unavailable, condition_failed, tries
from tocsin.identity.api_keys import ApiKey
from tocsin.identity.directory import Group, User

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_GET_BATCH = 100  # BatchGetItem's limit
_WRITE_BATCH = 25  # BatchWriteItem's


@dataclass(frozen=True, slots=True)
class Page:
    """Some members of a group, in the order of their names; `last` is where the next page begins after."""

    usernames: tuple[str, ...]
    last: str | None


class Held[Key, Value]:
    """A memory of what was read a moment ago, bounded in time and number. Safe to share between threads."""

    _MOST = 10_000

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._values: dict[Key, tuple[float, Value]] = {}

    def split(self, keys: Iterable[Key]) -> tuple[dict[Key, Value], list[Key]]:
        """What is known of `keys`, and which have to be read; each key once."""
        now = time.monotonic()
        known: dict[Key, Value] = {}
        unknown: dict[Key, None] = {}
        for key in keys:
            held = self._values.get(key)
            if held is not None and held[0] > now:
                known[key] = held[1]
            else:
                unknown[key] = None
        return known, list(unknown)

    def put(self, key: Key, value: Value) -> Value:
        """Hold `value` for a while, and give it back."""
        if self._seconds > 0:
            if len(self._values) >= self._MOST:
                self._values.clear()
            self._values[key] = (time.monotonic() + self._seconds, value)
        return value


class PeopleStore:
    """Users, memberships and keys. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str, *, hold_seconds: float = 0.0) -> None:
        """Users and pages of members are held in memory for `hold_seconds`; by default not at all."""
        self._client = client
        self._table = table
        self._held_users: Held[str, User | None] = Held(hold_seconds)
        self._held_pages: Held[tuple[str, str, str | None, int], Page] = Held(hold_seconds)

    def users(self, usernames: Sequence[str]) -> dict[str, User]:
        """The users of these names, by name; missing ones are left out."""
        known, unknown = self._held_users.split(usernames)
        if unknown:
            items = self._get_all({"pk": text("user"), "sk": text(name)} for name in unknown)
            found = {user.username: user for item in items if (user := _user_of(item))}
            known |= {name: self._held_users.put(name, found.get(name)) for name in unknown}
        return {name: user for name in usernames if (user := known.get(name)) is not None}

    def members(self, group: Group, *, after: str | None, limit: int) -> Page:
        """The next members of `group`, at most `limit`."""
        asked = (group.name, group.roster, after, limit)
        held, _ = self._held_pages.split([asked])
        if held:
            return held[asked]
        start: dict[str, Any] = {}
        if after is not None:
            start["ExclusiveStartKey"] = {"pk": _member_pk(group), "sk": text(after)}
        with as_unavailable("reading a group's members"):
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": _member_pk(group)},
                Limit=limit,
                **start,
            )
        names = tuple(text_of(item, "sk") for item in page["Items"])
        return self._held_pages.put(asked, Page(names, names[-1] if names and "LastEvaluatedKey" in page else None))

    def members_among(self, groups: Iterable[Group], usernames: Sequence[str]) -> set[str]:
        """Which of `usernames` are in one or more of `groups`."""
        keys = ({"pk": _member_pk(group), "sk": text(name)} for group in groups for name in usernames)
        return {text_of(item, "sk") for item in self._get_all(keys)}

    def key(self, key_id: str) -> ApiKey | None:
        """The API key of this id."""
        with as_unavailable("reading an API key"):
            item = self._client.get_item(TableName=self._table, Key={"pk": text("key"), "sk": text(key_id)}).get("Item")
        return None if item is None else ApiKey.model_validate(document_of(item, "key"))

    def user(self, username: str) -> User | None:
        """The user of this name, as of now."""
        with as_unavailable("reading a user"):
            item = self._client.get_item(
                TableName=self._table, Key={"pk": text("user"), "sk": text(username)}, ConsistentRead=True
            ).get("Item")
        return None if item is None else _user_of(item)

    def users_after(self, after: str | None, limit: int) -> tuple[tuple[User, ...], str | None]:
        """The next users, at most `limit`, in the order of their names, and where the next page begins after."""
        start: dict[str, Any] = {}
        if after is not None:
            start["ExclusiveStartKey"] = {"pk": text("user"), "sk": text(after)}
        with as_unavailable("reading the directory"):
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": text("user")},
                ConsistentRead=True,
                Limit=limit,
                **start,
            )
        last = text_of(page["LastEvaluatedKey"], "sk") if "LastEvaluatedKey" in page else None
        return tuple(user for item in page["Items"] if (user := _user_of(item))), last

    def is_member(self, group: Group, username: str) -> bool:
        """Whether `username` is in `group` itself, as of now."""
        with as_unavailable("reading a membership"):
            found = self._client.get_item(
                TableName=self._table, Key={"pk": _member_pk(group), "sk": text(username)}, ConsistentRead=True
            )
        return "Item" in found

    def memberships(self, groups: Iterable[Group], usernames: Sequence[str]) -> dict[str, set[str]]:
        """Which of `usernames` are in each of `groups` itself, by the group's name; groups without any are left out."""
        by_pk = {_member_pk(group)["S"]: group.name for group in groups} if usernames else {}
        found: dict[str, set[str]] = {}
        for item in self._get_all({"pk": text(pk), "sk": text(name)} for pk in by_pk for name in usernames):
            found.setdefault(by_pk[text_of(item, "pk")], set()).add(text_of(item, "sk"))
        return found

    def last_uses(self, key_ids: Sequence[str]) -> dict[str, str]:
        """The hours in which these keys were last used, as `2026-11-23T13:00Z`; unused ones are left out."""
        items = self._get_all({"pk": text("key-use"), "sk": text(key_id)} for key_id in key_ids)
        return {text_of(item, "sk"): text_of(item, "used") for item in items}

    def note_use(self, key_id: str, hour: str) -> None:
        """Remember that a key was used in `hour`, unless it is known to have been used then or later."""
        with as_unavailable("noting an API key's use"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={"pk": text("key-use"), "sk": text(key_id), "used": text(hour)},
                    ConditionExpression="attribute_not_exists(pk) OR used < :hour",
                    ExpressionAttributeValues={":hour": text(hour)},
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise

    def all_users(self) -> Iterator[User]:
        """Every user, for the blueprint."""
        return (user for item in self._query(text("user")) if (user := _user_of(item)))

    def all_keys(self) -> Iterator[ApiKey]:
        """Every API key, for the blueprint."""
        return (ApiKey.model_validate(document_of(item, "key")) for item in self._query(text("key")))

    def all_members(self, group: Group) -> Iterator[str]:
        """Every member of `group`, for the blueprint."""
        return (text_of(item, "sk") for item in self._query(_member_pk(group)))

    def write(
        self,
        *,
        users: Iterable[User] = (),
        members: Iterable[tuple[Group, str]] = (),
        keys: Iterable[ApiKey] = (),
    ) -> None:
        """Write these; what is there is replaced."""
        items: list[dict[str, Any]] = [
            {"pk": text("user"), "sk": text(user.username), "user": document(user.to_json())} for user in users
        ]
        items += [{"pk": _member_pk(group), "sk": text(username)} for group, username in members]
        items += [{"pk": text("key"), "sk": text(key.id), "key": document(key.model_dump(mode="json"))} for key in keys]
        self._write_all([{"PutRequest": {"Item": item}} for item in items])

    def delete(
        self,
        *,
        usernames: Iterable[str] = (),
        members: Iterable[tuple[Group, str]] = (),
        key_ids: Iterable[str] = (),
    ) -> None:
        """Delete these; what is not there is no error."""
        keys: list[dict[str, Any]] = [{"pk": text("user"), "sk": text(username)} for username in usernames]
        keys += [{"pk": _member_pk(group), "sk": text(username)} for group, username in members]
        keys += [{"pk": text(kind), "sk": text(key_id)} for key_id in key_ids for kind in ("key", "key-use")]
        self._write_all([{"DeleteRequest": {"Key": key}} for key in keys])

    def _query(self, pk: dict[str, str]) -> Iterator[Item]:
        start: dict[str, Any] = {}
        while True:
            with as_unavailable("reading the directory"):
                page = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": pk},
                    ConsistentRead=True,
                    **start,
                )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _get_all(self, keys: Iterable[dict[str, Any]]) -> Iterator[Item]:
        wanted = list(keys)
        for start in range(0, len(wanted), _GET_BATCH):
            requests: Any = {self._table: {"Keys": wanted[start : start + _GET_BATCH]}}
            for _ in tries("reading the directory"):
                with as_unavailable("reading the directory"):
                    found = self._client.batch_get_item(RequestItems=requests)
                yield from found["Responses"].get(self._table, ())
                requests = found.get("UnprocessedKeys")
                if not requests:
                    break

    def _write_all(self, requests: list[dict[str, Any]]) -> None:
        batches = [requests[start : start + _WRITE_BATCH] for start in range(0, len(requests), _WRITE_BATCH)]
        if len(batches) <= 1:
            for batch in batches:
                self._write_batch(batch)
            return
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._write_batch, batches))

    def _write_batch(self, batch: list[dict[str, Any]]) -> None:
        left: Any = {self._table: batch}
        for _ in tries("writing the directory"):
            with as_unavailable("writing the directory"):
                left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems")
            if not left:
                break


def _member_pk(group: Group) -> dict[str, str]:
    return text(f"member#{group.name}#{group.roster}")


def _user_of(item: Item) -> User | None:
    data = document_of(item, "user")
    return User.from_json(data) if isinstance(data, dict) else None
