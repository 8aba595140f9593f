"""Deliveries in the deliveries table, and how they are found again.

    pk                sk                what
    event#<event id>  delivery#<hash>   a delivery: its state, its attempts, what its message is made of anew
    pace#<transport>  turn              when a service that takes one message at a time is free again

    index     partition                   order        holds
    by-due    <shard>                     due_at       those that something has to happen to, and when
    by-state  <transport>#<state>#<shard> delivery id  those with an outcome, by when their event happened

A delivery is taken before it is attempted and let go after, so that two copies of one message are not
delivered at the same time, and one that is done is not delivered again. Whatever is not final is in the index
by-due (or held, and then in by-state): a message that is lost, or a function that dies, loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.aws.dynamodb import number, number_of, text, text_of, until
from tocsin.aws.errors import as_unavailable, condition_failed
from tocsin.deliveries.items import (
    NO_LONGER_DUE,
    Place,
    Refused,
    change,
    due,
    due_shard,
    facts,
    listed,
    shown,
)
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.notifications.outcome import State
from tocsin.times import iso
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EARLY = timedelta(seconds=2)
"""A message that comes this much before its time is let through: clocks differ."""

_FREE = (
    "attribute_not_exists(pk) OR (NOT #state IN (:delivering, :delivered, :failed, :discarded)"
    " AND (attribute_not_exists(not_before) OR not_before <= :soon))"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that is ours to attempt."""

    tries: int
    """How many attempts that count there were before."""


class DeliveryStore:
    """Takes and notes deliveries. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    # ── one attempt ──────────────────────────────────────────────────────────

    def take(self, message: DeliveryMessage, *, now: datetime, lease: timedelta, keep: timedelta) -> Taken | State:
        """Take a delivery for `lease`; where it is not to be attempted now, its state.

        That is one that is done, that another copy of the message is being delivered of, or that is due later:
        its message can be dropped, since the table knows of it. So is one whose function died: only the schedule
        takes over from that (`RedeliveryStore.claim`), for then the attempt that it made is on record.
        """
        changes = {
            "state": text(State.DELIVERING),
            "taken_at": text(iso(now)),
            "due_shard": text(due_shard(message.delivery_id)),
            "due_at": number((now + lease).timestamp()),
        }
        try:
            with as_unavailable("taking a delivery"):
                taken = change(
                    self._client,
                    self._table,
                    Place.of(message.delivery_id),
                    changes | facts(message),
                    once={"attempts": {"L": []}, "created": text(iso(now)), "expires_at": until(now + keep)},
                    condition=_FREE,
                    values=_free_at(now),
                )
        except Refused as refused:
            return State(text_of(refused.item, "state"))
        return Taken(tries=number_of(taken, "tries"))

    def hold(self, message: DeliveryMessage, *, now: datetime, keep: timedelta) -> None:
        """Keep a delivery back until its transport's breaker lets it go."""
        changes = {"state": text(State.HELD), **listed(message.transport, State.HELD, message.delivery_id)}
        try:
            with as_unavailable("holding a delivery"):
                change(
                    self._client,
                    self._table,
                    Place.of(message.delivery_id),
                    changes | facts(message) | {"updated": text(iso(now))},
                    once={"attempts": {"L": []}, "created": text(iso(now)), "expires_at": until(now + keep)},
                    remove=NO_LONGER_DUE,
                    condition=_FREE,
                    values=_free_at(now),
                )
        except Refused:
            return

    def note(self, message: DeliveryMessage, attempt: Attempt, following: Following) -> None:
        """Add `attempt` to its delivery, which goes on as `following` says and is nobody's any more.

        A delivery that another attempt has delivered meanwhile stays delivered.
        """
        place = Place.of(message.delivery_id)
        changes = {
            "state": text(following.state),
            "updated": text(iso(attempt.at)),
            **listed(message.transport, following.state, place.delivery_id),
        }
        changes |= due(place.delivery_id, following)
        remove = () if following.next_attempt else NO_LONGER_DUE
        delivered = following.state is State.DELIVERED
        with as_unavailable("noting an attempt"):
            try:
                change(
                    self._client,
                    self._table,
                    place,
                    changes,
                    remove=remove,
                    attempt=attempt,
                    counted=following.counted,
                    condition=None if delivered else "attribute_not_exists(#state) OR #state <> :delivered",
                    values=None if delivered else {":delivered": text(State.DELIVERED)},
                )
            except Refused:
                return

    def postpone(self, message: DeliveryMessage, until_: datetime, *, by_queue: bool, now: datetime) -> None:
        """Let go of a delivery that was taken but not attempted: its turn comes at `until_`."""
        following = Following(State.QUEUED, until_, by_queue=by_queue)
        changes = {"state": text(following.state), "updated": text(iso(now))}
        changes |= listed(message.transport, following.state, message.delivery_id)
        with as_unavailable("postponing a delivery"):
            change(
                self._client,
                self._table,
                Place.of(message.delivery_id),
                changes | due(message.delivery_id, following),
            )

    # ── turns ────────────────────────────────────────────────────────────────

    def turn(self, transport: str, *, now: datetime, every: timedelta, within: timedelta) -> datetime | None:
        """When a service may be told next that takes a message only `every` so often; None if not `within`.

        The turn is the caller's: nobody else is given it.
        """
        free = ("SET next_turn = :next", "attribute_not_exists(pk) OR next_turn <= :now")
        after_others = ("SET next_turn = next_turn + :every", "next_turn > :now AND next_turn <= :latest")
        values = {
            free: {":next": number((now + every).timestamp()), ":now": number(now.timestamp())},
            after_others: {
                ":every": number(every.total_seconds()),
                ":now": number(now.timestamp()),
                ":latest": number((now + within).timestamp()),
            },
        }
        for expression, condition in (free, after_others):
            with as_unavailable("taking a turn"):
                try:
                    taken = self._client.update_item(
                        TableName=self._table,
                        Key={"pk": text(f"pace#{transport}"), "sk": text("turn")},
                        UpdateExpression=f"{expression}, expires_at = :until",
                        ConditionExpression=condition,
                        ExpressionAttributeValues=values[expression, condition]
                        | {":until": until(now + within + timedelta(hours=1))},
                        ReturnValues="UPDATED_NEW",
                    )
                except ClientError as error:
                    if not condition_failed(error):
                        raise
                    continue
            return datetime.fromtimestamp(float(taken["Attributes"]["next_turn"]["N"]), UTC) - every
        return None

    # ── one delivery ─────────────────────────────────────────────────────────

    def get(self, delivery_id: str) -> JsonObject | None:
        """A delivery as the API shows it."""
        with as_unavailable("reading a delivery"):
            item = self._client.get_item(TableName=self._table, Key=Place.of(delivery_id).key, ConsistentRead=True).get(
                "Item"
            )
        return None if item is None else shown(item)


def _free_at(now: datetime) -> dict[str, Any]:
    return {
        ":delivering": text(State.DELIVERING),
        ":delivered": text(State.DELIVERED),
        ":failed": text(State.FAILED),
        ":discarded": text(State.DISCARDED),
        ":soon": number((now + EARLY).timestamp()),
    }
