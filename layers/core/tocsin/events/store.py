"""Events in the events table.

pk                    sk        what
event#<day>#<shard>   event id  an event; its id alone gives its key
once#<owner>#<hash>   marker    the event that was stored first for a key of its owner, until a window of time ends

A marker and its event are written in one transaction, so that there is never one without the other. The marker holds
until its window ends, also where the event expires or is deleted before. Owners are API keys, by their ids, and Tocsin
itself (`events.system`), so that no producer can use up another's keys.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import Item, Put, is_gone, text, text_of, until
from tocsin.aws.errors import RETRY_AFTER, ConditionFailed, ConditionsFailed
from tocsin.aws.table import NotWritten, Table
from tocsin.aws.tracing import trace_header
from tocsin.errors import Conflict, Unavailable
from tocsin.events.model import Event, Once
from tocsin.ids import id_time
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 16
"""Partitions of a day. Each takes 1,000 write units a second: 16,000 events of 1 KB, 57 million an hour."""

INDEXED = ("user_pk", "client_ip")
"""The attributes that have an index: by-user and by-client-ip. An event's entry there is a write unit of its own."""

PACKED_FROM = 768
"""Bytes of an event's JSON above which it is compressed: an item costs by the whole KB, and has some 250 bytes more."""

_PARALLEL = 16
_NEVER = "never"


def event_key(event_id: str) -> dict[str, Any]:
    """Return the key of the event with this id: its day and shard are in the id."""
    shard = zlib.crc32(event_id.encode()) % SHARDS
    return {"pk": text(partition(id_time(event_id), shard)), "sk": text(event_id)}


def partition(day: datetime, shard: int) -> str:
    """Return the partition key of a shard of a day."""
    return f"event#{day:%Y-%m-%d}#{shard:02d}"


@dataclass(frozen=True, slots=True)
class Submission:
    """An event to be stored.

    `digest` is that of what the producer sent: it tells a repeat from another event with the same id. It is None for an
    event whose id was just made, and can't be stored yet.
    """

    event: Event
    digest: str | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The event that was stored before for the same `once` key, as its marker says."""

    id: str
    expires: datetime | None

    @property
    def created(self) -> datetime:
        """When it happened, UTC."""
        return id_time(self.id)


class EventStore:
    """Reads and writes events. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str, indexed: Sequence[str] = INDEXED) -> None:
        """`indexed` are those of INDEXED for which new events get entries."""
        self._table = Table(client, table)
        self._indexed = frozenset(indexed)

    def get(self, event_id: str) -> Event | None:
        """Read an event; None where there is none or it has expired. Raises ValueError for an id that is no UUIDv7."""
        item = self._table.find("reading an event", event_key(event_id))
        return None if item is None or is_gone(item, utc_now()) else event_of(item)

    def which_exist(self, event_ids: Iterable[str]) -> set[str]:
        """Return which of these events are stored, and have not expired."""
        keys = (event_key(event_id) for event_id in dict.fromkeys(event_ids))
        now = utc_now()
        found = self._table.get_many("looking for events", keys, projection="sk, expires_at")
        return {text_of(item, "sk") for item in found if not is_gone(item, now)}

    def delete(self, event_id: str) -> None:
        """Delete an event; one that is not there is no error. Its marker stays: it says nothing of the event."""
        self._table.delete("deleting an event", event_key(event_id))

    def add(self, submissions: Sequence[Submission]) -> list[Event | Conflict | Unavailable]:
        """Store events; return a result for each, in order.

        The result of a repeat is the event that is stored already; where another event has the id, it is a Conflict.
        Where the result is Unavailable, the event was not stored.
        """
        results: dict[int, Event | Conflict | Unavailable] = {}
        new = [position for position, submission in enumerate(submissions) if submission.digest is None]
        results |= zip(new, self._add_new([submissions[position].event for position in new]), strict=True)
        repeatable = [position for position, submission in enumerate(submissions) if submission.digest is not None]
        results |= zip(repeatable, self._add_once([submissions[position] for position in repeatable]), strict=True)
        return [results[position] for position in range(len(submissions))]

    def add_first(
        self, owner: str, now: datetime, submission: Submission, once: Once
    ) -> Event | Earlier | Conflict | Unavailable:
        """Store an event if it is the first with its `once` key of `owner`. A window begins at `now`.

        Otherwise the result is the earlier event; where that is the same event, sent again, it is that of `add`.
        """
        event = submission.event
        marker = Put(
            _marker(owner, now, event, once), "attribute_not_exists(pk) OR expires_at <= :now", {":now": until(now)}
        )
        try:
            self._table.write_together(
                "storing an event once",
                [marker, self.writing(submission)],
            )
        except ConditionsFailed as error:
            earlier = error.found[0]
            if earlier is not None and text_of(earlier, "id") != event.id:
                return _earlier(earlier)
            return self._put_once(submission)  # the same event, sent again, or another one with its id
        except Unavailable as error:
            return error
        return event

    def writing(self, submission: Submission) -> Put:
        """Return the write of an event that is stored together with what it tells of, in whatever table that is.

        It is refused where another event has the id.
        """
        item = self._item(submission.event, submission.digest)
        return Put(item, "attribute_not_exists(pk)", table=self._table.name)

    def _item(self, event: Event, digest: str | None) -> dict[str, Any]:
        return event_item(event, digest, self._indexed)

    def _add_new(self, events: Sequence[Event]) -> list[Event | Unavailable]:
        try:
            self._table.put_many("storing events", (self._item(event, None) for event in events))
        except NotWritten as error:
            unstored = {text_of(item, "sk") for item in error.left}
            refused = Unavailable(f"{error.detail}; send it again", retry_after=RETRY_AFTER)
            return [refused if event.id in unstored else event for event in events]
        return [*events]

    def _add_once(self, submissions: Sequence[Submission]) -> list[Event | Conflict | Unavailable]:
        if len(submissions) <= 1:
            return [self._put_once(submission) for submission in submissions]
        results: dict[int, Event | Conflict | Unavailable] = {}
        there: list[int] = []
        items = [self._item(submission.event, submission.digest) for submission in submissions]
        for position, failure in enumerate(self._table.insert_many("storing events", items)):
            if isinstance(failure, ConditionFailed):
                there.append(position)
            else:
                results[position] = submissions[position].event if failure is None else failure
        if there:
            # A put that fails says what is there, of which a statement gives no account.
            with ThreadPoolExecutor(min(_PARALLEL, len(there))) as pool:
                repeated = pool.map(self._put_once, [submissions[position] for position in there])
                results |= zip(there, repeated, strict=True)
        return [results[position] for position in range(len(submissions))]

    def _put_once(self, submission: Submission) -> Event | Conflict | Unavailable:
        try:
            self._table.put(
                "storing an event",
                self._item(submission.event, submission.digest),
                condition="attribute_not_exists(pk)",
            )
        except ConditionFailed as error:
            if text_of(error.item, "digest") != submission.digest:
                return Conflict(f"there is another event with the id {submission.event.id}")
            stored = event_of(error.item)
            if stored.key_id not in {None, submission.event.key_id}:  # None: from before keys were kept
                return Conflict(f"another key has stored an event with the id {submission.event.id}")
            return stored
        except Unavailable as error:
            return error
        return submission.event


def digest_of(given: JsonObject) -> str:
    """Hash a submitted event's JSON, keys sorted, to tell events with one id apart."""
    return digest_of_bytes(orjson.dumps(given, option=orjson.OPT_SORT_KEYS))


def digest_of_bytes(data: bytes) -> str:
    """Hash `data`, to 32 hex digits."""
    return hashlib.sha256(data).hexdigest()[:32]


def event_item(event: Event, digest: str | None, indexed: Collection[str] = INDEXED) -> dict[str, Any]:
    """Return the item that `event` is stored as, with entries in the indexes of `indexed`.

    Where it would have others, the item says that it has none: see `left_out_of`.
    """
    item: dict[str, Any] = event_key(event.id) | {"event": _packed(orjson.dumps(event.to_json()))}
    entries: dict[str, str] = {}
    user_pk = event.user.get("pk")
    if isinstance(user_pk, str | int) and user_pk != "":
        entries["user_pk"] = str(user_pk)
    if event.client_ip is not None:
        entries["client_ip"] = event.client_ip
    item |= {name: text(value) for name, value in entries.items() if name in indexed}
    if left_out := [name for name in entries if name not in indexed]:
        item["unindexed"] = text(" ".join(left_out))
    if event.expires is not None:
        item["expires_at"] = until(event.expires)
    if digest is not None:
        item["digest"] = text(digest)
    if (trace := trace_header()) is not None:
        item["trace"] = text(trace)
    return item


def left_out_of(item: Mapping[str, Any]) -> list[str]:
    """Those of INDEXED that the event in an item has and has no entry for, as it was stored."""
    return [name for name in text_of(item, "unindexed").split() if name in INDEXED]


def event_text(item: Mapping[str, Any]) -> str | bytes:
    """Return the JSON of the event in an item of the table or its stream. Raises KeyError or ValueError."""
    stored = item["event"]
    if "S" in stored:
        text: str = stored["S"]
        return text
    packed = stored["B"]
    try:
        return zlib.decompress(base64.b64decode(packed) if isinstance(packed, str) else packed)
    except zlib.error as error:
        raise ValueError(f"the event is not readable: {error}") from None


def _packed(text: bytes) -> dict[str, Any]:
    """An event's JSON as an attribute: as it is where that is short, else compressed where that is shorter."""
    if len(text) > PACKED_FROM and len(packed := zlib.compress(text)) < len(text):
        return {"B": packed}
    return {"S": text.decode()}


def event_of(item: Item) -> Event:
    """Read the event in an item of the table or its stream. Raises KeyError, TypeError or ValueError."""
    event = Event.from_json(orjson.loads(event_text(item)))
    return replace(event, trace=text_of(item, "trace")) if "trace" in item else event


def _marker(owner: str, now: datetime, event: Event, once: Once) -> dict[str, Any]:
    name = hashlib.sha256(once.key.encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "pk": text(f"once#{owner}#{name}"),
        "sk": text("marker"),
        "id": text(event.id),
        "expires": text(_NEVER if event.expires is None else event.expires.isoformat()),
        "expires_at": until(now + once.window),
    }


def _earlier(marker: Item) -> Earlier:
    expires = text_of(marker, "expires", _NEVER)
    return Earlier(text_of(marker, "id"), None if expires == _NEVER else datetime.fromisoformat(expires))
