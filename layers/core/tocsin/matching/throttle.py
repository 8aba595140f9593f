"""How often a rule told of a group of events, in the deliveries table.

    pk                                   sk                 what
    throttle#<rule>#<hash>               window start       the events of which was told in this window
    throttle#<rule>#<hash>#<window>      batch#<event id>   how many events of one batch were held back

One conditional write lets an event through: it adds the event's id to the window's set, if the set has room
or has the id already. So the count is right however many matchers write at once, and an event that is matched
again gets the answer that it got before. A process remembers which windows are full and of what they told, so in
a storm the events that are held cost no write each.

What is held is counted once a batch, under the first event that was: a batch that is matched again, whole or in
halves, counts the same events under the same names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
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
from tocsin.times import iso, parse_duration, utc_now
from tocsin.ttl_cache import TTLCache
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REMEMBERED = timedelta(hours=1)
_MOST_WINDOWS = 10_000
_MOST_IDS = 100_000
"""Windows, and events of which they told, that a process remembers: some 15 MB."""

_MOST_PAGES = 10
"""Pages of counts that are added up: each is of about 5,000 batches."""

type _FullKey = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """Whether an event may be told of, and what was held back of its group before it."""

    passes: bool
    window: Window
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
            "group": self.passage.window.group,
            "window_ends": iso(self.passage.window.ends),
            "told": self.told,
            "max": self.most,
            "held_back": self.held_back,
            "passes": self.passage.passes,
        }


class Throttles:
    """The windows of all throttled rules. Raises Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._table = Table(client, table)
        self._full: TTLCache[_FullKey, _Full] = TTLCache(_REMEMBERED, most=_MOST_WINDOWS, clock=clock)
        self._room = _MOST_IDS

    def pass_through(self, rule: str, throttle: Throttle, event: Event, *, now: datetime) -> Passage:
        """Let `event` through, or not; the same answer however often it is asked. What is held is not counted here."""
        window = Window.of(rule, throttle, event, now)
        key = (*window.names, throttle.max)
        full = self._full.get(key)
        if full is None:
            try:
                item = self._add(window, throttle, event.id)
            except ConditionFailed as refused:  # the window is full
                self._remember(key, refused.item)
                return Passage(False, window)
            first = text_of(item, "first")
        elif event.id in full.value.told:
            first = full.value.first
        else:
            return Passage(False, window)
        return Passage(True, window, self._held_before(window) if first == event.id else 0)

    def _remember(self, key: _FullKey, item: Item) -> None:
        """Remember a window that is full: nothing more passes in it, so it is never asked again."""
        told = frozenset(item.get("told", {}).get("SS", ()))
        self._room -= len(told)
        if self._room < 0:
            self._full.clear()
            self._room = _MOST_IDS - len(told)
        self._full.put(key, _Full(text_of(item, "first"), told))

    def look(self, rule: str, throttle: Throttle, event: Event, *, now: datetime) -> Look:
        """The state of the window that `event` would fall into; nothing is counted."""
        window = Window.of(rule, throttle, event, now)
        item = self._table.get("reading a throttle", window.key) or {}
        told = item.get("told", {}).get("SS", [])
        passes = event.id in told or len(told) < throttle.max
        return Look(Passage(passes, window), len(told), throttle.max, self._held_in(*window.names))

    def _add(self, window: Window, throttle: Throttle, event_id: str) -> Item:
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
            return_found=True,
        )

    def _held_before(self, window: Window) -> int:
        before = self._table.query(
            "reading what a throttle held back",
            "pk = :pk AND sk < :window",
            {":pk": window.key["pk"], ":window": window.key["sk"]},
            descending=True,
            limit=1,
        )
        return sum(self._held_in(text_of(item, "pk"), text_of(item, "sk")) for item in before)

    def _held_in(self, group: str, start: str) -> int:
        """How many events a window held back; of a storm of more than some ten thousand batches those of the first."""
        held = 0
        begin: Item | None = None
        for _ in range(_MOST_PAGES):
            found, begin = self._table.query_page(
                "reading what a throttle held back", "pk = :pk", {":pk": text(f"{group}#{start}")}, start=begin
            )
            held += sum(number_of(item, "held") for item in found)
            if begin is None:
                break
        return held


def values_of(event: Event, paths: Collection[str]) -> JsonObject:
    """The values that tell an event's group from others: {path: value}."""
    shown = event.to_json() if paths else {}
    return {path: value_at(shown, path) for path in paths}


@dataclass(frozen=True, slots=True)
class _Full:
    """A window that is full: the first event of which was told, and all of them."""

    first: str
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a rule's throttle, for one group of events."""

    key: dict[str, Any]
    group: JsonObject
    """The values that tell this group from others: {path: value}."""
    ends: datetime
    keep: timedelta

    @classmethod
    def of(cls, rule: str, throttle: Throttle, event: Event, now: datetime) -> Window:
        length = parse_duration(throttle.window).total_seconds()
        start = now.timestamp() // length * length
        group = values_of(event, throttle.group_by)
        name = hashlib.sha256(orjson.dumps(group, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        return cls(
            key={"pk": text(f"throttle#{rule}#{name}"), "sk": text(iso(datetime.fromtimestamp(start, UTC)))},
            group=group,
            ends=datetime.fromtimestamp(start + length, UTC),
            keep=timedelta(seconds=length) + timedelta(days=1),
        )

    @property
    def names(self) -> tuple[str, str]:
        """What tells it from all other windows: its rule and group, and when it began."""
        return self.key["pk"]["S"], self.key["sk"]["S"]

    def count_of(self, event_ids: Collection[str]) -> Item:
        """The item that says that one batch held back these events of this window."""
        return {
            "pk": text("#".join(self.names)),
            "sk": text(f"batch#{min(event_ids)}"),
            "held": number(len(event_ids)),
            "expires_at": until(self.ends + self.keep),
        }
