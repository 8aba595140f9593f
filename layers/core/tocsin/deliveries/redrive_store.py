"""Deliveries that go out again: those that are due, those that are held, those that somebody sends again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, document, document_of, is_gone, number, number_of, text, text_of, timestamp
from tocsin.aws.errors import ConditionFailed, Refused
from tocsin.aws.table import Table
from tocsin.deliveries.backoff import PAUSES
from tocsin.deliveries.items import (
    KEPT_AT_LEAST,
    NO_LONGER_DUE,
    STATE_SHARDS,
    Place,
    change,
    due_shard,
    lasts,
    listed,
    message_of,
    place_of,
    shown,
)
from tocsin.deliveries.model import Attempt, DeliveryMessage
from tocsin.notifications.outcome import Outcome, State
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STUCK_AFTER = timedelta(hours=1)
"""How long a message may wait in a full queue before it is sent again. A second copy does no harm."""

_PARALLEL = 16
_CLAIMING = "claiming a delivery"


@dataclass(frozen=True, slots=True)
class Span:
    """A selection of deliveries: of one of `transports`, in one of `states`, of events between two ids.

    `since` and `until` are compared with delivery ids as text: the beginning of an event id, or an id.
    """

    transports: Sequence[str]
    states: Sequence[State]
    since: str = ""
    until: str = "g"  # sorts after every hexadecimal digit


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery as it stands: its message, without the event, and what it tells as a digest, if it is one."""

    message: DeliveryMessage
    state: State
    digest: JsonObject | None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A delivery that was given up: its function died each time, or its item is full."""

    message: DeliveryMessage
    outcome: Outcome


class RedeliveryStore:
    """Finds deliveries by when they are due or by their state, and makes queued ones of them.

    Methods raise Unavailable where DynamoDB does not do as asked.
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def due(self, shard: int, *, now: datetime, limit: int) -> list[Place]:
        """Due deliveries in a shard of the index by-due, the longest due first."""
        found = self._table.query(
            "reading what is due",
            "due_shard = :shard AND due_at <= :now",
            {":shard": text(str(shard)), ":now": timestamp(now)},
            index="by-due",
            limit=limit,
        )
        return [replace(place_of(item), due_at=str(item["due_at"]["N"])) for item in found]

    def claim(
        self, place: Place, *, now: datetime, give_up: Callable[[GivenUp], None] = lambda _: None
    ) -> DeliveryMessage | GivenUp | None:
        """Make a due delivery a queued one, whose message is then to be sent; None where it no longer is due.

        One that was being delivered has lost its function. That counts as an attempt of unknown outcome, so that a
        delivery that kills its function each time is given up in the end. So is one whose item DynamoDB refuses to
        change: otherwise it would be due, and refused, each minute. `give_up` is called before that is stored, so
        that whoever dies in between has it called again.
        """
        try:
            return self._claim(place, now, give_up)
        except Refused as refused:
            return self._give_up(place, refused, now, give_up)

    def _claim(
        self, place: Place, now: datetime, give_up: Callable[[GivenUp], None]
    ) -> DeliveryMessage | GivenUp | None:
        changes = {
            "state": text(State.QUEUED),
            "updated": text(iso(now)),
            "due_at": timestamp(now + STUCK_AFTER),
        }
        values = {":seen": {"N": place.due_at}, ":delivering": text(State.DELIVERING)}
        try:
            claimed = change(
                self._table,
                _CLAIMING,
                place,
                changes,
                remove=("not_before",),
                condition="due_at = :seen AND #state <> :delivering",
                values=values,
            )
        except ConditionFailed as refused:
            if text_of(refused.item, "state") != State.DELIVERING:
                return None
            return self._claim_stuck(place, refused.item, changes, values, now, give_up)
        return message_of(claimed)

    def _claim_stuck(
        self,
        place: Place,
        item: Item,
        changes: dict[str, Any],
        values: dict[str, Any],
        now: datetime,
        give_up: Callable[[GivenUp], None],
    ) -> DeliveryMessage | GivenUp | None:
        ended = number_of(item, "tries") >= len(PAUSES)
        state = State.FAILED if ended else State.QUEUED
        outcome = Outcome(
            State.FAILED if ended else State.RETRYING,
            "interrupted",
            "the function ended before it could say what came of this attempt",
        )
        begun = datetime.fromisoformat(text_of(item, "taken_at"))
        if ended:
            give_up(GivenUp(message_of(item), outcome))
            changes = {key: value for key, value in changes.items() if key != "due_at"} | {"state": text(state)}
        try:
            claimed = change(
                self._table,
                _CLAIMING,
                place,
                changes | listed(text_of(item, "transport"), state, place.delivery_id),
                remove=NO_LONGER_DUE if ended else ("not_before",),
                attempt=Attempt(begun, 0, outcome),
                condition="due_at = :seen AND #state = :delivering",
                values=values,
            )
        except ConditionFailed:
            return None
        return GivenUp(message_of(claimed), outcome) if ended else message_of(claimed)

    def _give_up(
        self, place: Place, refused: Refused, now: datetime, give_up: Callable[[GivenUp], None]
    ) -> GivenUp | None:
        """End a delivery and drop its attempts, which are what made its item large; None where it is no longer due."""
        # As digests are read: the schedule's role has no GetItem.
        item = next(iter(self._table.get_many("reading a delivery", [place.key], consistent=True)), None)
        if item is None or item.get("due_at") != {"N": place.due_at}:
            return None
        why = f"its item could not be changed any more, and lost its attempts: {refused.detail}"
        outcome = Outcome(State.FAILED, "item_refused", why)
        changes = {
            "state": text(State.FAILED),
            "updated": text(iso(now)),
            "attempts": {"L": [document(Attempt(now, 0, outcome).to_json())]},
            **listed(text_of(item, "transport"), State.FAILED, place.delivery_id),
        }
        ended = GivenUp(message_of(item), outcome)
        give_up(ended)
        try:
            change(
                self._table,
                "giving up a delivery",
                place,
                changes,
                remove=NO_LONGER_DUE,
                condition="due_at = :seen",
                values={":seen": {"N": place.due_at}},
            )
        except ConditionFailed:
            return None
        return ended

    def release(self, place: Place, transport: str, *, now: datetime) -> DeliveryMessage | None:
        """Make a held delivery a queued one, whose message is then to be sent; None where it is not held."""
        try:
            released = change(
                self._table,
                "releasing a delivery",
                place,
                _queued(place, transport, now),
                condition="#state = :held",
                values={":held": text(State.HELD)},
            )
        except ConditionFailed:
            return None
        return message_of(released)

    def requeue(self, place: Place, *, now: datetime, skip: Sequence[State]) -> DeliveryMessage | State | None:
        """Make a delivery a queued one, from the beginning of its schedule.

        Return the message that is then to be sent; its state where that is one of `skip` or a function has it now; None
        where there is no such delivery.
        """
        item = self._table.get("reading a delivery", place.key, consistent=True)
        if item is None:
            return None
        state = State(text_of(item, "state"))
        if state in skip or state is State.DELIVERING:
            return state
        attempts = item["attempts"]["L"]
        changes = _queued(place, text_of(item, "transport"), now) | {"tries": number(0)}
        longer = lasts(now, KEPT_AT_LEAST)
        if number_of(item, "expires_at") < number_of(longer, "expires_at"):
            changes |= longer
        try:
            queued = change(
                self._table,
                "queueing a delivery",
                place,
                changes,
                remove=("not_before", "next_attempt"),
                condition="#state = :seen AND size(attempts) = :attempts",
                values={":seen": text(state), ":attempts": number(len(attempts))},
            )
        except ConditionFailed as refused:
            return State(text_of(refused.item, "state", state))
        return message_of(queued)

    def found(self, places: Sequence[Place]) -> list[Found]:
        """Read deliveries, in no order. Missing ones are left out."""
        items = self._table.get_many("reading deliveries", (place.key for place in places), consistent=True)
        return [Found(message_of(item), State(text_of(item, "state")), _digest_of(item)) for item in items]

    def discard(self, found: Found, outcome: Outcome, *, now: datetime) -> None:
        """End a delivery that nobody is to have: `outcome` says why. One whose state has changed is left alone."""
        place = Place.of(found.message.delivery_id)
        with suppress(ConditionFailed):
            change(
                self._table,
                "discarding a delivery",
                place,
                {
                    "state": text(outcome.state),
                    "updated": text(iso(now)),
                    **listed(found.message.transport, outcome.state, place.delivery_id),
                },
                remove=NO_LONGER_DUE,
                attempt=Attempt(now, 0, outcome),
                counted=False,
                condition="#state = :seen",
                values={":seen": text(found.state)},
            )

    # ── by state ─────────────────────────────────────────────────────────────

    def newest(self, span: Span, *, before: str | None, limit: int) -> list[Place]:
        """At most `limit` deliveries of `span`, newest event first, before the id `before`."""
        return self._places(span, "", before, limit, newest_first=True)

    def oldest(self, span: Span, *, after: str | None, limit: int) -> list[Place]:
        """At most `limit` deliveries of `span`, oldest event first, after the id `after`."""
        return self._places(span, after or "", None, limit, newest_first=False)

    def _places(self, span: Span, after: str, before: str | None, limit: int, *, newest_first: bool) -> list[Place]:
        # "!" sorts before every character of an id: this is the least text behind `after`, or before all ids.
        low = max(span.since, f"{after}!")
        high = min(span.until, before) if before else span.until
        lists = [
            f"{transport}#{state}#{shard}"
            for transport in span.transports
            for state in dict.fromkeys(span.states)
            for shard in range(STATE_SHARDS)
        ]

        def read(list_name: str) -> list[Place]:
            found = self._table.query(
                "reading deliveries by state",
                "listed = :listed AND listed_at BETWEEN :low AND :high",
                {":listed": text(list_name), ":low": text(low), ":high": text(high)},
                index="by-state",
                descending=newest_first,
                limit=limit + 1,
            )
            return [place_of(item) for item in found]

        if not lists or low > high:
            return []
        with ThreadPoolExecutor(min(_PARALLEL, len(lists))) as pool:
            # By id: a delivery whose state changes while the lists are read may be in two of them.
            places = {place.delivery_id: place for some in pool.map(read, lists) for place in some}
        found = [place for place in places.values() if place.delivery_id != before]
        found.sort(key=lambda place: place.delivery_id, reverse=newest_first)
        return found[:limit]

    def read(self, places: Sequence[Place], *, now: datetime) -> list[JsonObject]:
        """Read deliveries as the API shows them, in the given order, without those that have expired."""
        found = self._table.get_many("reading deliveries", (place.key for place in places))
        items = {place_of(item).delivery_id: item for item in found}
        there = [items[place.delivery_id] for place in places if place.delivery_id in items]
        return [shown(item) for item in there if not is_gone(item, now)]


def _digest_of(item: Item) -> JsonObject | None:
    digest = document_of(item, "digest")
    return digest if isinstance(digest, dict) else None


def _queued(place: Place, transport: str, now: datetime) -> dict[str, Any]:
    """Return the changes that make a delivery a queued one."""
    return {
        "state": text(State.QUEUED),
        "updated": text(iso(now)),
        "due_shard": text(due_shard(place.delivery_id)),
        "due_at": timestamp(now + STUCK_AFTER),
        **listed(transport, State.QUEUED, place.delivery_id),
    }
