"""The attributes of a delivery's item, and the one function that changes it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tocsin.aws.dynamodb import (
    Item,
    document,
    document_of,
    number,
    number_of,
    text,
    text_of,
    timestamp,
    truth,
    truth_of,
    until,
)
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.aws.tracing import trace_header
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.identity.directory import User
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import State
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject

DUE_SHARDS = 8
"""Partitions of the index by-due: it takes 8,000 deliveries a second."""
STATE_SHARDS = 4
"""Partitions of a transport and state in the index by-state."""

QUEUE_GRACE = timedelta(minutes=10)
"""How late SQS may bring back a delayed message before the schedule sends it again."""

MOST_ATTEMPTS = 40
"""Attempts that an item holds: probes of an open breaker and redrives by hand have no bound, and an item is at most
400 KB."""
FIRST_ATTEMPTS_KEPT = 10
LAST_ATTEMPTS_KEPT = 15
"""How many are kept of a full list, with the first ones. Those between are only counted, in `attempts_left_out`."""

KEPT_AT_LEAST = timedelta(days=8)
"""How long a delivery is kept however short stories are: it is retried for 28 hours, and an open breaker holds it for
five days. What is on its way must not be deleted."""

NO_LONGER_DUE = ("not_before", "next_attempt", "due_shard", "due_at")
"""Attributes that only a delivery has that goes on by itself; removed when it no longer does."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivery is in the table, and since when it is due (seconds since 1970)."""

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


def lasts(since: datetime, keep: timedelta) -> dict[str, Any]:
    """The attribute that says until when a delivery is kept: for `keep`, or KEPT_AT_LEAST."""
    return {"expires_at": until(since + max(keep, KEPT_AT_LEAST))}


def facts(message: DeliveryMessage) -> dict[str, Any]:
    """Attributes that the message can be made of again; the event is read by its id."""
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
    if message.why is not None:
        held["why"] = text(message.why)
    if message.about is not None:
        held["about"] = text(message.about)
    if message.over:
        held["over"] = truth(True)
    if message.step is not None:
        held["step"] = number(message.step)
    if message.test:
        held["test"] = truth(True)
    if (trace := trace_header()) is not None:
        held["trace"] = text(trace)
    return held


def message_of(item: Item) -> DeliveryMessage:
    """Make a delivery's message from its item, without the event."""
    person, place = document_of(item, "person"), place_of(item)
    return DeliveryMessage(
        event_id=place.event_id,
        rule=text_of(item, "rule"),
        severity=Severity(text_of(item, "severity")),
        transport=text_of(item, "transport"),
        mode=text_of(item, "mode"),
        user=User.from_json(person) if isinstance(person, dict) else None,
        once=truth_of(item, "once"),
        remark=text_of(item, "remark") or None,
        test=truth_of(item, "test"),
        trace=text_of(item, "trace") or None,
        why=text_of(item, "why") or None,
        about=text_of(item, "about") or None,
        over=truth_of(item, "over"),
        step=number_of(item, "step") or None,
        digest=place.told if "digest" in item else None,
        again=True,
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
    if left_out := number_of(item, "attempts_left_out"):
        told["attempts_left_out"] = left_out
    if "next_attempt" in item:
        told["next_attempt"] = text_of(item, "next_attempt")
    if "step" in item:
        told["step"] = number_of(item, "step")
    if "why" in item:
        told["why"] = text_of(item, "why")
    if "joined" in item:
        told["joined"] = text_of(item, "joined")
    if "digest" in item:
        told["digest"] = document_of(item, "digest")
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
    after: int | None = None,
    condition: str | None = None,
    values: Mapping[str, Any] | None = None,
    told_apart: bool = True,
) -> Item:
    """Set `changes`, and those of `once` that are not set yet; return the item after that.

    `attempt` is appended. Of more than MOST_ATTEMPTS those in the middle are dropped and counted. With `after`, the
    number of attempts that there were before it, it is appended once, also where the write is repeated since its answer
    got lost, and to an item that is there. `told_apart` says that nobody else makes the same changes at the same
    moment, so that whoever finds them after a lost answer has made them. Raises ConditionFailed, with the item that was
    found.
    """
    update = _Update(changes, once or {}, remove, condition, values or {}, told_apart)
    if attempt is None:
        return update.write(table, what, place)
    if counted:
        update.adds["tries"] = 1
    update.assigned["attempts"] = "list_append(if_not_exists(attempts, :none), :attempt)"
    entry = document(attempt.to_json())
    update.values |= {":none": {"L": []}, ":attempt": {"L": [entry]}}
    if after is not None and after < MOST_ATTEMPTS:
        update.values[":after"] = number(after)
        try:
            return update.write(table, what, place, "attribute_exists(attempts) AND size(attempts) = :after")
        except ConditionFailed as refused:
            if entry in refused.item.get("attempts", {}).get("L", []):
                return refused.item
        del update.values[":after"]  # others made attempts meanwhile, or it has expired, which the next write finds too
    update.values[":most"] = number(MOST_ATTEMPTS)
    there = "attribute_not_exists(attempts) OR" if after is None else "attribute_exists(attempts) AND"
    try:
        return update.write(table, what, place, f"{there} size(attempts) < :most")
    except ConditionFailed as refused:
        attempts = refused.item.get("attempts", {}).get("L", [])
        if len(attempts) < MOST_ATTEMPTS:
            raise
    kept = [*attempts[:FIRST_ATTEMPTS_KEPT], *attempts[-LAST_ATTEMPTS_KEPT:]]
    update.adds["attempts_left_out"] = len(attempts) - len(kept)
    update.assigned["attempts"] = ":attempts"
    del update.values[":none"], update.values[":attempt"], update.values[":most"]
    update.values |= {":attempts": {"L": [*kept, entry]}, ":found": number(len(attempts))}
    return update.write(table, what, place, "size(attempts) = :found")


class _Update:
    """An UpdateItem in the making."""

    def __init__(
        self,
        changes: Mapping[str, Any],
        once: Mapping[str, Any],
        remove: Sequence[str],
        condition: str | None,
        values: Mapping[str, Any],
        told_apart: bool,
    ) -> None:
        self.assigned = {name: f":{name}" for name in changes}
        self.assigned |= {name: f"if_not_exists(#{name}, :{name})" for name in once}
        self.adds: dict[str, int] = {}
        self.values = {f":{name}": value for name, value in {**changes, **once}.items()} | dict(values)
        self._remove = remove
        self._made = changes if told_apart else None
        self._condition = condition

    def write(self, table: Table, what: str, place: Place, also: str | None = None) -> Item:
        """Return the item after the update, which is made only where the condition `also` holds too."""
        names = [*self.assigned, *self._remove, *self.adds]
        parts = [f"SET {', '.join(f'#{name} = {value}' for name, value in self.assigned.items())}"]
        if self._remove:
            parts.append(f"REMOVE {', '.join(f'#{name}' for name in self._remove)}")
        if self.adds:
            parts.append(f"ADD {', '.join(f'#{name} :add_{name}' for name in self.adds)}")
        conditions = [condition for condition in (self._condition, also) if condition]
        if any("#state" in condition for condition in conditions):
            names.append("state")
        return table.update(
            what,
            place.key,
            " ".join(parts),
            values=self.values | {f":add_{name}": number(more) for name, more in self.adds.items()},
            names={f"#{name}": name for name in names},
            condition=" AND ".join(f"({condition})" for condition in conditions) or None,
            returning="ALL_NEW",
            return_found=True,
            made=self._made,
        )
