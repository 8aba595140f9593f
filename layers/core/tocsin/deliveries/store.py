"""Deliveries in the deliveries table, and how they are found again.

    pk                sk                what
    event#<event id>  delivery#<hash>   a delivery: its state, its attempts, what its message is made of anew
    pace#<transport>  turn              when a service that takes one message at a time is free again

    index     partition                   order        holds
    by-due    <shard>                     due_at       deliveries that are to go on, by when they are due
    by-state  <transport>#<state>#<shard> delivery id  deliveries by their state, in the order of their events

A delivery is taken before it is attempted and let go afterwards, so that two copies of one message are not
delivered at the same time, and one that is done is not delivered again. Every delivery that is not final is in the
index by-due (or it is held, and in by-state), but for one that a function has for the first time: its message is in
its queue until the function has noted what came of it, and a copy of that message that finds it taken puts it into the
index before it is dropped (`_watch`). So nothing is lost with a function that dies, and a delivery that succeeds at
once is in by-due never: docs/decisions/0036-by-due-holds-what-waits.md.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, document_of, moment_of, number, number_of, text, text_of, timestamp, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.deliveries.items import (
    NO_LONGER_DUE,
    Place,
    change,
    due,
    due_shard,
    facts,
    lasts,
    listed,
    shown,
)
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.notifications.outcome import State
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EARLY = timedelta(seconds=2)
"""A message that comes early by up to this is let through: clocks differ."""

_FREE = (
    "attribute_not_exists(pk) OR (NOT #state IN (:delivering, :delivered, :failed, :discarded, :joined, :dropped)"
    " AND (attribute_not_exists(not_before) OR not_before <= :soon))"
)
"""One that waits has no `not_before`: its message says that it is to be told at once after all."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery that the caller has taken, and is to attempt."""

    tries: int
    """How many counted attempts there were before."""
    attempts: int = 0
    """How many attempts its item has."""
    digest: JsonObject | None = None
    """Of a digest: what it tells (`deliveries.digest_store`)."""


class DeliveryStore:
    """Takes and notes deliveries. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    # ── one attempt ──────────────────────────────────────────────────────────

    def take(self, message: DeliveryMessage, *, now: datetime, lease: timedelta, keep: timedelta) -> Taken | State:
        """Take a delivery for `lease`; return its state instead where it is not to be attempted now.

        It is not where it is done, is being delivered by another copy of the message, or is due later. The message can
        be dropped then, since the schedule finds the delivery. The same holds where its function died: only the
        schedule takes that over (`RedeliveryStore.claim`), so that the attempt that the function made is on record.
        """
        if not message.again and self._take_first(message, now, keep):
            return Taken(0)
        changes = {
            "state": text(State.DELIVERING),
            "taken_at": text(iso(now)),
            "due_shard": text(due_shard(message.delivery_id)),
            "due_at": timestamp(now + lease),
        }
        try:
            taken = change(
                self._table,
                "taking a delivery",
                Place.of(message.delivery_id),
                changes | facts(message),
                once=_once(now, keep),
                condition=_FREE,
                values=_free_at(now),
                told_apart=False,  # from another copy of the message
            )
        except ConditionFailed as refused:
            self._watch(message, refused.item, lease)
            return State(text_of(refused.item, "state"))
        digest = document_of(taken, "digest")
        attempts = len(taken.get("attempts", {}).get("L", ()))
        return Taken(number_of(taken, "tries"), attempts, digest if isinstance(digest, dict) else None)

    def _take_first(self, message: DeliveryMessage, now: datetime, keep: timedelta) -> bool:
        """Take a delivery that the table does not have; False where it has it. No index has it then."""
        changes = {"state": text(State.DELIVERING), "taken_at": text(iso(now))}
        try:
            change(
                self._table,
                "taking a delivery",
                Place.of(message.delivery_id),
                changes | facts(message),
                once=_once(now, keep),
                condition="attribute_not_exists(pk)",
                told_apart=False,
            )
        except ConditionFailed:
            return False
        return True

    def _watch(self, message: DeliveryMessage, taken: Item, lease: timedelta) -> None:
        """Have the schedule find a delivery that another copy of the message is being delivered by, if that dies.

        Whoever drops a message because of what it found (`taken`) does this before.
        """
        if text_of(taken, "state") != State.DELIVERING or "due_at" in taken:
            return
        ends = datetime.fromisoformat(text_of(taken, "taken_at")) + lease
        with suppress(ConditionFailed):  # it is done meanwhile, or watched already
            change(
                self._table,
                "watching a delivery",
                Place.of(message.delivery_id),
                {"due_shard": text(due_shard(message.delivery_id)), "due_at": timestamp(ends)},
                condition="#state = :delivering AND attribute_not_exists(due_at)",
                values={":delivering": text(State.DELIVERING)},
            )

    def hold(self, message: DeliveryMessage, *, now: datetime, lease: timedelta, keep: timedelta) -> None:
        """Keep a delivery back until its transport's breaker lets it go.

        One that is done, or is being delivered, stays as it is: the message can be dropped, as with `take`.
        """
        once = _once(now, keep)
        # Anew each time: a breaker that opens again holds it for days again.
        changes = {"state": text(State.HELD), "expires_at": once.pop("expires_at")}
        changes |= listed(message.transport, State.HELD, message.delivery_id)
        try:
            change(
                self._table,
                "holding a delivery",
                Place.of(message.delivery_id),
                changes | facts(message) | {"updated": text(iso(now))},
                once=once,
                remove=NO_LONGER_DUE,
                condition=_FREE,
                values=_free_at(now),
            )
        except ConditionFailed as refused:
            self._watch(message, refused.item, lease)

    def note(self, message: DeliveryMessage, attempt: Attempt, following: Following, after: int | None = None) -> None:
        """Add `attempt` to its delivery and let it go: it goes on as `following` says.

        A delivery that another attempt has delivered meanwhile stays delivered. With `after`, the attempts that it had
        when it was taken, this one is added once, however often the call is made.
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
        with suppress(ConditionFailed):
            change(
                self._table,
                "noting an attempt",
                place,
                changes,
                remove=remove,
                attempt=attempt,
                counted=following.counted,
                after=after,
                condition=None if delivered else "attribute_not_exists(#state) OR #state <> :delivered",
                values=None if delivered else {":delivered": text(State.DELIVERED)},
            )

    def postpone(self, message: DeliveryMessage, until_: datetime, *, by_queue: bool, now: datetime) -> None:
        """Let go of a delivery that was taken but not attempted; it is due at `until_`.

        One that was erased meanwhile stays so: of what is written here alone no message could be made.
        """
        following = Following(State.QUEUED, until_, by_queue=by_queue)
        changes = {"state": text(following.state), "updated": text(iso(now))}
        changes |= listed(message.transport, following.state, message.delivery_id)
        changes |= due(message.delivery_id, following)
        with suppress(ConditionFailed):
            change(
                self._table,
                "postponing a delivery",
                Place.of(message.delivery_id),
                changes,
                condition="attribute_exists(pk)",
            )

    # ── turns ────────────────────────────────────────────────────────────────

    def turn(self, transport: str, *, now: datetime, every: timedelta, within: timedelta) -> datetime | None:
        """Reserve the next free turn at a service that takes one message in `every`; None where none is free `within`.

        No other caller gets the same turn.
        """
        free = ("SET next_turn = :next", "attribute_not_exists(pk) OR next_turn <= :now")
        after_others = ("SET next_turn = next_turn + :every", "next_turn > :now AND next_turn <= :latest")
        values = {
            free: {":next": timestamp(now + every), ":now": timestamp(now)},
            after_others: {
                ":every": number(every.total_seconds()),
                ":now": timestamp(now),
                ":latest": timestamp(now + within),
            },
        }
        for expression, condition in (free, after_others):
            with suppress(ConditionFailed):
                taken = self._table.update(
                    "taking a turn",
                    {"pk": text(f"pace#{transport}"), "sk": text("turn")},
                    f"{expression}, expires_at = :until",
                    values=values[expression, condition] | {":until": until(now + within + timedelta(hours=1))},
                    condition=condition,
                    returning="UPDATED_NEW",
                )
                return moment_of(taken, "next_turn") - every
        return None

    # ── one delivery ─────────────────────────────────────────────────────────

    def get(self, delivery_id: str) -> JsonObject | None:
        """A delivery as the API shows it."""
        item = self._table.get("reading a delivery", Place.of(delivery_id).key, consistent=True)
        return None if item is None else shown(item)


def _once(now: datetime, keep: timedelta) -> dict[str, Any]:
    """Attributes that a delivery gets by its first write and keeps."""
    return {"attempts": {"L": []}, "created": text(iso(now)), **lasts(now, keep)}


def _free_at(now: datetime) -> dict[str, Any]:
    return {
        ":delivering": text(State.DELIVERING),
        ":delivered": text(State.DELIVERED),
        ":failed": text(State.FAILED),
        ":discarded": text(State.DISCARDED),
        ":joined": text(State.JOINED),
        ":dropped": text(State.DROPPED),
        ":soon": timestamp(now + EARLY),
    }
