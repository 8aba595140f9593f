"""The windows of throttled rules, in the deliveries table.

    pk                                   sk                 what
    throttle#<rule>#<hash>               window start       the ids of the events that passed in this window
    throttle#<rule>#<hash>#<window>      batch#<event id>   how many events of one batch were held back

An event passes by one conditional write, which adds its id to the window's set if the set has room or has the id
already. So the count is exact however many matchers write at the same time, and an event that is matched again gets
the same answer. Processes cache full windows with their event ids, so that in a storm events held back cost no writes.

Events held back are counted once per batch, under the first one's id: a batch that is matched again, whole or in
halves, writes the same counts under the same names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import Item, number, number_of, text, text_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.events.model import Event
from tocsin.patterns.leaves import value_at
from tocsin.records import dataclass
from tocsin.rules.model import Throttle
from tocsin.telling.decision import shown_values
from tocsin.times import EPOCH, iso, parse_duration
from tocsin.ttl_cache import TTLCache
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REMEMBERED = timedelta(hours=1)
_MOST_IDS = 100_000
"""Event ids in the full windows that a process caches, 10,000 windows at most: about 15 MB."""

_WHOLE = range(-(1 << 63), 1 << 64)
"""The whole numbers that JSON is written with."""

_MOST_PAGES = 10
"""Most pages of counts that are added up. A page has about 5,000 batches."""

type _FullKey = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """Whether an event may notify, and how many of its group were held back before it."""

    passes: bool
    window: Window
    held_before: int = 0
    """How many events the last window held back; given only with the first event of a window."""


@dataclass(frozen=True, slots=True)
class Look:
    """The state of a window, and whether an event would pass."""

    passage: Passage
    told: int
    most: int
    held_back: int

    def to_json(self) -> JsonObject:
        """Return it as the API shows it."""
        return {
            "group": self.passage.window.group,
            "window_ends": iso(self.passage.window.ends),
            "told": self.told,
            "max": self.most,
            "held_back": self.held_back,
            "passes": self.passage.passes,
        }


class Throttles:
    """The windows of all throttled rules. Methods raise Unavailable when DynamoDB fails."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._full: TTLCache[_FullKey, _Full] = TTLCache(_REMEMBERED)
        self._room = _MOST_IDS

    def pass_through(self, rule: str, throttle: Throttle, event: Event, *, now: datetime) -> Passage:
        """Decide whether `event` passes. The answer is the same for repeats. Events held back are not counted here."""
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
        """Cache a full window: nothing more passes in it, so it need not be read again."""
        told = frozenset(item["told"]["SS"])
        self._room -= len(told)
        if self._room < 0:
            self._full.clear()
            self._room = _MOST_IDS - len(told)
        self._full.put(key, _Full(text_of(item, "first"), told))

    def look(self, rule: str, throttle: Throttle, event: Event, *, now: datetime) -> Look:
        """Return the state of the window that `event` would fall into. Nothing is counted."""
        window = Window.of(rule, throttle, event, now)
        item = self._table.get("reading a throttle", window.key) or {}
        told = item.get("told", {}).get("SS", [])
        passes = event.id in told or len(told) < throttle.max
        return Look(Passage(passes, window), len(told), throttle.max, self._held_in(*window.names))

    def _add(self, window: Window, throttle: Throttle, event_id: str) -> Item:
        """Add the event to the window. Raises ConditionFailed where the window is full."""
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
        """Return how many events a window held back. With more than some ten thousand batches, only the first count."""
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
    """Return the values that identify an event's group: {path: value}."""
    shown = event.to_json() if paths else {}
    return {path: _canonical(value_at(shown, path)) for path in paths}


def _canonical(value: Json) -> Json:
    """Return `value` with whole numbers as integers: 5 and 5.0 are one value, as for patterns."""
    if isinstance(value, float) and value.is_integer() and int(value) in _WHOLE:
        return int(value)
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    return {name: _canonical(each) for name, each in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class _Full:
    """A full window: the first event that passed, and all that did."""

    first: str
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a rule's throttle, for one group of events."""

    key: dict[str, Any]
    group: JsonObject
    """The values that identify the group, as they are shown: {path: value}."""
    ends: datetime
    keep: timedelta

    @classmethod
    def of(cls, rule: str, throttle: Throttle, event: Event, now: datetime) -> Window:
        length = parse_duration(throttle.window)
        begins = EPOCH + (now - EPOCH) // length * length
        values = values_of(event, throttle.group_by)
        name = hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        return cls(
            key={"pk": text(f"throttle#{rule}#{name}"), "sk": text(iso(begins))},
            group=shown_values(values),
            ends=begins + length,
            keep=length + timedelta(days=1),
        )

    @property
    def names(self) -> tuple[str, str]:
        """The window's identity: a name of its rule and group, and its start."""
        return self.key["pk"]["S"], self.key["sk"]["S"]

    def count_of(self, event_ids: Collection[str]) -> Item:
        """Return the item that counts the events of this window that one batch held back."""
        return {
            "pk": text("#".join(self.names)),
            "sk": text(f"batch#{min(event_ids)}"),
            "held": number(len(event_ids)),
            "expires_at": until(self.ends + self.keep),
        }
