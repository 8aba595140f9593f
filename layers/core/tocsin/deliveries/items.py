"""What an item of a delivery holds, and the one way in which it is changed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tocsin.aws.dynamodb import Item, document, document_of, number, text, text_of, timestamp, truth, truth_of
from tocsin.aws.table import Table
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.identity.directory import User
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import State
from tocsin.times import iso
from tocsin.types import Json, JsonObject

DUE_SHARDS = 8
"""Partitions of the index by-due: 8,000 deliveries a second can be parked."""
STATE_SHARDS = 4
"""Partitions of a transport and state in the index by-state."""

QUEUE_GRACE = timedelta(minutes=10)
"""How late SQS may bring back what it was given with a delay, before the schedule puts it there again."""

NO_LONGER_DUE = ("not_before", "next_attempt", "due_shard", "due_at")
"""What a delivery has that something is still to happen to by itself."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivery stands in the table, and since when it is due (seconds since 1970)."""

    event_id: str
    told: str
    due_at: str = ""

    @property
    def delivery_id(self) -> str:
        """The delivery's id."""
        return f"{self.event_id}-{self.told}"

    @classmethod
    def of(cls, delivery_id: str) -> Place:
        """The place of the delivery with this id."""
        event_id, _, told = delivery_id.rpartition("-")
        return cls(event_id, told)

    @property
    def key(self) -> dict[str, Any]:
        """The table's key."""
        return {"pk": text(f"event#{self.event_id}"), "sk": text(f"delivery#{self.told}")}


def facts(message: DeliveryMessage) -> dict[str, Any]:
    """What the message is made of anew; the event is read by its id."""
    held = {
        "rule": text(message.rule),
        "transport": text(message.transport),
        "mode": text(message.mode),
        "severity": text(message.severity),
        "username": text(message.user.username if message.user else ""),
        "person": document(message.user.to_json() if message.user else None),
        "once": truth(message.once),
        "notification_id": text(message.notification_id),
    }
    if message.remark is not None:
        held["remark"] = text(message.remark)
    if message.test:
        held["test"] = truth(True)
    return held


def message_of(item: Item) -> DeliveryMessage:
    """The message that a delivery travels as, without its event."""
    person = document_of(item, "person")
    return DeliveryMessage(
        event_id=text_of(item, "pk").removeprefix("event#"),
        rule=text_of(item, "rule"),
        severity=Severity(text_of(item, "severity")),
        transport=text_of(item, "transport"),
        mode=text_of(item, "mode"),
        user=User.from_json(person) if isinstance(person, dict) else None,
        once=truth_of(item, "once"),
        remark=text_of(item, "remark") or None,
        test=truth_of(item, "test"),
    )


def due(delivery_id: str, following: Following) -> dict[str, Any]:
    moment = following.next_attempt
    if moment is None:
        return {}
    due = moment + QUEUE_GRACE if following.by_queue else moment
    return {
        "next_attempt": text(iso(moment)),
        "not_before": timestamp(moment),
        "due_shard": text(due_shard(delivery_id)),
        "due_at": timestamp(due),
    }


def due_shard(delivery_id: str) -> str:
    return str(zlib.crc32(delivery_id.encode()) % DUE_SHARDS)


def listed(transport: str, state: State, delivery_id: str) -> dict[str, Any]:
    shard = zlib.crc32(delivery_id.encode()) % STATE_SHARDS
    return {"listed": text(f"{transport}#{state}#{shard}"), "listed_at": text(delivery_id)}


def place_of(item: Item) -> Place:
    return Place(
        text_of(item, "pk").removeprefix("event#"),
        text_of(item, "sk").removeprefix("delivery#"),
        str(item.get("due_at", {}).get("N", "")),
    )


def shown(item: Item) -> JsonObject:
    """A delivery as the API shows it."""
    place = place_of(item)
    attempts: list[Json] = [document_of({"a": entry}, "a") for entry in item.get("attempts", {}).get("L", ())]
    told: JsonObject = {
        "id": place.delivery_id,
        "event_id": place.event_id,
        "rule": text_of(item, "rule"),
        "transport": text_of(item, "transport"),
        "mode": text_of(item, "mode"),
        "user": text_of(item, "username") or None,
        "notification_id": text_of(item, "notification_id"),
        "state": text_of(item, "state"),
        "created": text_of(item, "created"),
        "updated": text_of(item, "updated") or text_of(item, "taken_at"),
        "attempts": attempts,
    }
    if "next_attempt" in item:
        told["next_attempt"] = text_of(item, "next_attempt")
    return told


def change(
    table: Table,
    what: str,
    place: Place,
    changes: Mapping[str, Any],
    *,
    once: Mapping[str, Any] | None = None,
    remove: Sequence[str] = (),
    attempt: Attempt | None = None,
    counted: bool = True,
    condition: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> Item:
    """Set `changes`, and `once` where there is nothing yet; the item after it. ConditionFailed has what was found."""
    given = dict(changes)
    set_ = [f"#{name} = :{name}" for name in given]
    for name, value in (once or {}).items():
        set_.append(f"#{name} = if_not_exists(#{name}, :{name})")
        given[name] = value
    names = {f"#{name}": name for name in [*given, *remove]} | {"#state": "state"}
    expressed = {f":{name}": value for name, value in given.items()} | dict(values or {})
    if attempt is not None:
        set_.append("attempts = list_append(if_not_exists(attempts, :none), :attempt)")
        expressed |= {":none": {"L": []}, ":attempt": {"L": [document(attempt.to_json())]}}
    parts = [f"SET {', '.join(set_)}"]
    if remove:
        parts.append(f"REMOVE {', '.join(f'#{name}' for name in remove)}")
    if attempt is not None and counted:
        parts.append("ADD tries :one")
        expressed[":one"] = number(1)
    if condition is None:
        names = {name: attribute for name, attribute in names.items() if name != "#state" or "state" in given}
    return table.update(
        what,
        place.key,
        " ".join(parts),
        values=expressed,
        names=names,
        condition=condition,
        returning="ALL_NEW",
        return_found=True,
    )
