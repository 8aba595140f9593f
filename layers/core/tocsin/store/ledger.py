"""The deliveries table: each event's story, and the inboxes.

    pk                sk                  what
    event#<event id>  rule#<name>         a rule that matched the event, and whom it told
    event#<event id>  delivery#<hash>     a delivery, with its attempts
    inbox#<username>  <notification id>   a notification in a person's inbox; ids sort by time

A delivery is taken before it is attempted and released after, so that two copies of one message are not
delivered at the same time, and one that is done is not delivered again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.deliveries.models import Attempt, DeliveryMessage, State
from tocsin.errors import Unavailable
from tocsin.events import iso
from tocsin.jsontypes import Json, JsonObject
from tocsin.notifications import Notification
from tocsin.store.attributes import (
    Item,
    document,
    document_of,
    is_gone,
    number,
    text,
    text_of,
    truth,
    truth_of,
    until,
)
from tocsin.store.failures import as_unavailable, condition_failed, item_found

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Busy(Unavailable):
    """Another copy of the message is being delivered at this moment."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is ours to attempt."""

    attempts: int
    """How many there were before."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some items as the API shows them; `last` is the key to go on after."""

    items: tuple[JsonObject, ...]
    last: str | None


class Ledger:
    """Stories, deliveries and inboxes. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    # ── the story ────────────────────────────────────────────────────────────

    def note_match(
        self,
        event_id: str,
        rule: str,
        facts: JsonObject,
        *,
        page: str,
        told: Mapping[str, int],
        now: datetime,
        keep: timedelta,
    ) -> None:
        """Note that `rule` matched; `told` counts deliveries a transport of one page of its people.

        Noting the same page again changes nothing, so a replay counts nobody twice.
        """
        with as_unavailable("noting a match"):
            self._client.update_item(
                TableName=self._table,
                Key={"pk": text(f"event#{event_id}"), "sk": text(f"rule#{rule}")},
                UpdateExpression=(
                    "SET facts = if_not_exists(facts, :facts), #at = if_not_exists(#at, :at),"
                    " expires_at = :until, #page = :told"
                ),
                ExpressionAttributeNames={"#at": "at", "#page": f"told#{page}"},
                ExpressionAttributeValues={
                    ":facts": document(facts),
                    ":at": text(iso(now)),
                    ":until": until(now + keep),
                    ":told": document(dict(told)),
                },
            )

    def story(self, event_id: str, *, after: str | None, limit: int, now: datetime) -> Page:
        """The event's rules (kind `rule`) and deliveries (kind `delivery`), a page of at most `limit`."""
        page = self._page(f"event#{event_id}", after=after, limit=limit, newest_first=False)
        items = tuple(_story_entry(event_id, item) for item in page["Items"] if not is_gone(item, now))
        return Page(items, text_of(page["LastEvaluatedKey"], "sk") if "LastEvaluatedKey" in page else None)

    def _page(self, pk: str, *, after: str | None, limit: int, newest_first: bool) -> Mapping[str, Any]:
        start: dict[str, Any] = {"ExclusiveStartKey": {"pk": text(pk), "sk": text(after)}} if after else {}
        with as_unavailable("reading the deliveries table"):
            return self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": text(pk)},
                ScanIndexForward=not newest_first,
                Limit=limit,
                **start,
            )

    # ── deliveries ───────────────────────────────────────────────────────────

    def take(self, message: DeliveryMessage, *, now: datetime, lease: timedelta, keep: timedelta) -> Taken | State:
        """Take a delivery for `lease`; its state where it is done already; Busy where another has it."""
        try:
            with as_unavailable("taking a delivery"):
                found = self._take(message, now, lease, keep)
        except _Refused as refused:
            state = State(text_of(refused.item, "state"))
            if state.final:
                return state
            raise Busy("another copy of this message is being delivered", retry_after=5) from None
        return Taken(attempts=len(found.get("attempts", {}).get("L", ())))

    def _take(self, message: DeliveryMessage, now: datetime, lease: timedelta, keep: timedelta) -> Item:
        try:
            taken = self._client.update_item(
                TableName=self._table,
                Key=_delivery_key(message),
                UpdateExpression=(
                    "SET #state = :delivering, leased_until = :lease, #rule = :rule, transport = :transport,"
                    " #mode = :mode, username = :username, notification_id = :notification,"
                    " attempts = if_not_exists(attempts, :none), created = if_not_exists(created, :now_iso),"
                    " expires_at = if_not_exists(expires_at, :until)"
                ),
                ConditionExpression=(
                    "attribute_not_exists(pk) OR (NOT #state IN (:delivered, :failed, :discarded)"
                    " AND (attribute_not_exists(leased_until) OR leased_until <= :now))"
                ),
                ExpressionAttributeNames={"#state": "state", "#rule": "rule", "#mode": "mode"},
                ExpressionAttributeValues={
                    ":delivering": text(State.DELIVERING),
                    ":delivered": text(State.DELIVERED),
                    ":failed": text(State.FAILED),
                    ":discarded": text(State.DISCARDED),
                    ":lease": number((now + lease).timestamp()),
                    ":now": number(now.timestamp()),
                    ":now_iso": text(iso(now)),
                    ":rule": text(message.rule),
                    ":transport": text(message.transport),
                    ":mode": text(message.mode),
                    ":username": text(message.user.username if message.user else ""),
                    ":notification": text(message.notification_id),
                    ":none": {"L": []},
                    ":until": until(now + keep),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if condition_failed(error):
                raise _Refused(item_found(error)) from None
            raise
        return taken["Attributes"]

    def note_attempt(self, message: DeliveryMessage, attempt: Attempt, *, next_attempt: datetime | None) -> None:
        """Add `attempt` to its delivery, which takes the attempt's state and is nobody's any more.

        A delivery that another attempt has delivered meanwhile stays delivered.
        """
        changes = "attempts = list_append(if_not_exists(attempts, :none), :attempt)"
        values: dict[str, Any] = {
            ":none": {"L": []},
            ":attempt": {"L": [document(attempt.to_json())]},
            ":state": text(attempt.outcome.state),
            ":delivered": text(State.DELIVERED),
        }
        if next_attempt is not None:
            changes += ", next_attempt = :next"
            values[":next"] = text(iso(next_attempt))
        remove = "leased_until" if next_attempt is not None else "leased_until, next_attempt"
        with as_unavailable("noting an attempt"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_delivery_key(message),
                    UpdateExpression=f"SET {changes}, #state = :state REMOVE {remove}",
                    ConditionExpression="attribute_not_exists(#state) OR #state <> :delivered OR :state = :delivered",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues=values,
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise

    # ── inboxes ──────────────────────────────────────────────────────────────

    def put_in_inbox(self, notification: Notification, *, keep: timedelta, now: datetime) -> bool:
        """Store a notification for its user; False where it is there already, and stays as it is."""
        if notification.user is None:
            raise ValueError("an inbox item needs a person")
        with as_unavailable("storing a notification"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item={
                        "pk": text(f"inbox#{notification.user.username}"),
                        "sk": text(notification.id),
                        "notification": document(notification.to_json()),
                        "seen": truth(False),
                        "expires_at": until(now + keep),
                    },
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                return False
        return True

    def inbox(self, username: str, *, after: str | None, limit: int, now: datetime) -> Page:
        """A person's notifications, newest first, a page of at most `limit`."""
        page = self._page(f"inbox#{username}", after=after, limit=limit, newest_first=True)
        items = tuple(shown for item in page["Items"] if not is_gone(item, now) and (shown := _inbox_entry(item)))
        return Page(items, text_of(page["LastEvaluatedKey"], "sk") if "LastEvaluatedKey" in page else None)

    def unread(self, username: str, *, now: datetime) -> int:
        """How many notifications a person has not seen, among the newest thousand."""
        with as_unavailable("counting unread notifications"):
            return self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                FilterExpression="seen = :no AND expires_at > :now",
                ExpressionAttributeValues={
                    ":pk": text(f"inbox#{username}"),
                    ":no": truth(False),
                    ":now": until(now),
                },
                ScanIndexForward=False,
                Limit=1000,
                Select="COUNT",
            )["Count"]


class _Refused(Exception):
    """The take's condition did not hold; `item` is what is there."""

    def __init__(self, item: Item) -> None:
        super().__init__()
        self.item = item


def _delivery_key(message: DeliveryMessage) -> dict[str, Any]:
    event_id, _, told = message.delivery_id.rpartition("-")
    return {"pk": text(f"event#{event_id}"), "sk": text(f"delivery#{told}")}


def _story_entry(event_id: str, item: Item) -> JsonObject:
    kind, _, name = text_of(item, "sk").partition("#")
    if kind == "rule":
        facts = document_of(item, "facts")
        told: Counter[str] = Counter()
        for attribute in item:
            counted = document_of(item, attribute) if attribute.startswith("told#") else None
            for transport, count in counted.items() if isinstance(counted, dict) else ():
                told[transport] += count if isinstance(count, int) else 0
        match: JsonObject = {"kind": "rule", "rule": name, "at": text_of(item, "at"), "deliveries": {**told}}
        return match | (facts if isinstance(facts, dict) else {})
    attempts: list[Json] = [document_of({"a": entry}, "a") for entry in item.get("attempts", {}).get("L", ())]
    shown: JsonObject = {
        "kind": "delivery",
        "id": f"{event_id}-{name}",
        "rule": text_of(item, "rule"),
        "transport": text_of(item, "transport"),
        "mode": text_of(item, "mode"),
        "user": text_of(item, "username") or None,
        "notification_id": text_of(item, "notification_id"),
        "state": text_of(item, "state"),
        "created": text_of(item, "created"),
        "attempts": attempts,
    }
    if "next_attempt" in item:
        shown["next_attempt"] = text_of(item, "next_attempt")
    return shown


def _inbox_entry(item: Item) -> JsonObject | None:
    stored = document_of(item, "notification")
    return stored | {"seen": truth_of(item, "seen")} if isinstance(stored, dict) else None
