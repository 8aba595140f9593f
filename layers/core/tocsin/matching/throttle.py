"""How often a rule told of a group of events, in the deliveries table.

    pk                          sk             what
    throttle#<rule>#<hash>      window start   the events of which was told in this window, and how many were held

One conditional write lets an event through: it adds the event's id to the window's set, if the set has room
or has the id already. So the count is right however many matchers write at once, and an event that is matched
again gets the answer that it got before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import Item, number, number_of, text, text_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.events.model import Event
from tocsin.patterns.leaves import value_at
from tocsin.rules.model import Throttle
from tocsin.times import iso, parse_duration
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Passage:
    """Whether an event may be told of, and what was held back of its group before it."""

    passes: bool
    group: JsonObject
    """The values that tell this group from others: {path: value}."""
    until: datetime
    """When the window ends."""
    held_before: int = 0
    """How many the last window held back; only the first event of a window has to say so."""


@dataclass(frozen=True, slots=True)
class Look:
    """A window as it stands, and whether an event would pass."""

    passage: Passage
    told: int
    most: int
    held_back: int

    def to_json(self) -> JsonObject:
        """As the API shows it."""
        return {
            "group": self.passage.group,
            "window_ends": iso(self.passage.until),
            "told": self.told,
            "max": self.most,
            "held_back": self.held_back,
            "passes": self.passage.passes,
        }


class Throttles:
    """The windows of all throttled rules. Raises Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def pass_through(self, rule: str, throttle: Throttle, event: Event, *, now: datetime) -> Passage:
        """Let `event` through, or count it among those held back; the same answer however often it is asked."""
        window = _Window.of(rule, throttle, event, now)
        try:
            item = self._add(window, throttle, event.id)
        except ConditionFailed:  # the window is full
            self._hold(window, event.id)
            return Passage(False, window.group, window.ends)
        held = self._held_before(window) if text_of(item, "first") == event.id else 0
        return Passage(True, window.group, window.ends, held)

    def look(self, rule: str, throttle: Throttle, event: Event, *, now: datetime) -> Look:
        """The state of the window that `event` would fall into; nothing is counted."""
        window = _Window.of(rule, throttle, event, now)
        item = self._table.get("reading a throttle", window.key) or {}
        told = item.get("told", {}).get("SS", [])
        passes = event.id in told or len(told) < throttle.max
        return Look(Passage(passes, window.group, window.ends), len(told), throttle.max, number_of(item, "held_count"))

    def _add(self, window: _Window, throttle: Throttle, event_id: str) -> Item:
        """Add the event to those that were told of. ConditionFailed where the window told as often as it may."""
        return self._table.update(
            "passing a throttle",
            window.key,
            "SET expires_at = :until, #first = if_not_exists(#first, :id) ADD told :ids",
            condition="attribute_not_exists(told) OR contains(told, :id) OR size(told) < :max",
            names={"#first": "first"},
            values={
                ":id": text(event_id),
                ":ids": {"SS": [event_id]},
                ":max": number(throttle.max),
                ":until": until(window.ends + window.keep),
            },
            returning="ALL_NEW",
        )

    def _hold(self, window: _Window, event_id: str) -> None:
        """Count an event that is held back, once: its own marker says whether it was counted.

        Not one transaction, which would fail for all but one of many that are counted at the same moment. A
        function that dies between the two writes leaves the count one short.
        """
        what = "counting what a throttle holds back"
        marker = window.marker(event_id) | {"expires_at": until(window.ends + window.keep)}
        try:
            self._table.put(what, marker, condition="attribute_not_exists(pk)")
        except ConditionFailed:
            return
        self._table.update(what, window.key, "ADD held_count :one", values={":one": number(1)})

    def _held_before(self, window: _Window) -> int:
        before = self._table.query(
            "reading what a throttle held back",
            "pk = :pk AND sk < :window",
            {":pk": window.key["pk"], ":window": window.key["sk"]},
            descending=True,
            limit=1,
        )
        return sum(number_of(item, "held_count") for item in before)


@dataclass(frozen=True, slots=True)
class _Window:
    key: dict[str, Any]
    group: JsonObject
    ends: datetime
    keep: timedelta

    @classmethod
    def of(cls, rule: str, throttle: Throttle, event: Event, now: datetime) -> _Window:
        length = parse_duration(throttle.window).total_seconds()
        start = now.timestamp() // length * length
        shown = event.to_json()
        group: JsonObject = {path: value_at(shown, path) for path in throttle.group_by}
        name = hashlib.sha256(orjson.dumps(group, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        return cls(
            key={"pk": text(f"throttle#{rule}#{name}"), "sk": text(iso(datetime.fromtimestamp(start, UTC)))},
            group=group,
            ends=datetime.fromtimestamp(start + length, UTC),
            keep=timedelta(seconds=length) + timedelta(days=1),
        )

    def marker(self, event_id: str) -> dict[str, Any]:
        return {"pk": text(f"{self.key['pk']['S']}#{self.key['sk']['S']}"), "sk": text(event_id)}
