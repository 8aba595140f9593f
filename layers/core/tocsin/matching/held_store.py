"""Events that a throttle or a silence held back, in the deliveries table: one item per batch.

    pk                       sk                                what
    held#<hour>              <last id>#<first id>#<part>       events of this hour that one batch held back, and why;
                                                               and what policies said that log each run

In a storm nearly all of a rule's events are held back, so one write for each would dominate the cost. Instead they are
written once per batch of the stream, and found by the time in an event's id: an item covers the range from its first to
its last event, and a query from an event's id finds the items that may have it. Items are named after their content, so
a batch that is matched again writes the same ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Self

import orjson

from tocsin.aws.dynamodb import Item, document, document_of, is_gone, text, text_of, until
from tocsin.aws.errors import RETRY_AFTER, ConditionFailed
from tocsin.aws.table import Table
from tocsin.errors import Unavailable
from tocsin.ids import id_time
from tocsin.matching.throttle import Window
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_ITEM = 100_000
"""Most bytes of events and reasons in one item. A batch with more is written as several. What has more by itself, one
reason with the events it was given for, is an item of its own."""

_IDS = 1_000
"""Most events in one group: 39 KB. A batch of the stream has a hundred."""

_TRIES = 20
_MOST_PAGES = 8
"""Most pages (of 1 MB) that are searched for one event."""


_POLICY = "#"
"""The prefix of policies' names where rules' names are expected. No rule's name can have it."""


@dataclass(frozen=True, slots=True)
class HeldEvent:
    """A firing of a rule that notified nobody. `window` is that of the throttle that held it back, if one did."""

    event_id: str
    rule: str
    facts: JsonObject
    window: Window | None = None

    @classmethod
    def of_policy(cls, event_id: str, policy: str, facts: JsonObject) -> Self:
        """Make the record of a policy's result for an event, which is stored and found in the same way."""
        return cls(event_id, _POLICY + policy, facts)


class HeldStore:
    """Writes and finds what was held back. Methods raise Unavailable when DynamoDB fails."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def write(self, held: Collection[HeldEvent], *, now: datetime, keep: timedelta) -> Counter[str]:
        """Write what one batch held back: a few items for the stories of all its events, and a count for each window.

        Returns how many events of each rule are newly held back. Those of a batch that is matched again do not count,
        nor do policies' results.
        """
        by_hour: defaultdict[str, list[HeldEvent]] = defaultdict(list)
        for each in held:
            by_hour[_partition(each.event_id)].append(each)
        news: Counter[str] = Counter()
        for partition, of_hour in by_hour.items():
            first, last = min(each.event_id for each in of_hour), max(each.event_id for each in of_hour)
            for part, groups in enumerate(_parts(of_hour)):
                key = {"pk": text(partition), "sk": text(f"{last}#{first}#{part}")}
                before = self._table.update(
                    "noting what was held",
                    key,
                    "SET held = :held, #at = if_not_exists(#at, :at), expires_at = :until",
                    names={"#at": "at"},
                    values={":held": document(groups), ":at": text(iso(now)), ":until": until(now + keep)},
                    returning="ALL_OLD",
                )
                new = _pairs(groups) - _pairs(document_of(before, "held"))
                news.update(rule for rule, _ in new if not rule.startswith(_POLICY))
        self._table.put_many("counting what was held", _counts(held))
        return news

    def of(self, event_id: str, *, now: datetime) -> list[JsonObject]:
        """Return what was stored for an event, ordered by name: {kind, rule or policy, at}, and further facts.

        The kind is `rule` for a rule that fired and notified nobody, `policy` for a policy that logs each run.
        """
        found: dict[str, JsonObject] = {}
        for item in self._having(event_id, pages=_MOST_PAGES):
            if not is_gone(item, now):
                for group in _groups(item):
                    if event_id in group.ids:
                        kind = "policy" if group.rule.startswith(_POLICY) else "rule"
                        named: JsonObject = {"kind": kind, kind: group.rule.removeprefix(_POLICY)}
                        found.setdefault(group.rule, named | {"at": text_of(item, "at"), **group.facts})
        return [found[rule] for rule in sorted(found)]

    def forget(self, event_id: str) -> None:
        """Remove an event from the items of batches. Raises Unavailable where concurrent changes persist."""
        for _ in range(_TRIES):
            items = list(self._having(event_id))
            if not items:
                return
            for item in items:
                left: list[Json] = [
                    [each.rule, each.facts, [*sorted(each.ids - {event_id})]]
                    for each in _groups(item)
                    if each.ids - {event_id}
                ]
                with suppress(ConditionFailed):  # another event of the batch was removed meanwhile
                    self._table.update(
                        "forgetting what was held",
                        {"pk": item["pk"], "sk": item["sk"]},
                        "SET held = :held",
                        values={":held": document(left), ":before": item["held"]},
                        condition="held = :before",
                    )
        raise Unavailable("forgetting what was held failed: others change it, too", retry_after=RETRY_AFTER)

    def _having(self, event_id: str, *, pages: int | None = None) -> Iterator[Item]:
        """Yield the items that contain an event; with `pages`, from at most so many, and one after the first found."""
        start: Item | None = None
        while True:
            items, start = self._table.query_page(
                "reading what was held",
                "pk = :pk AND sk >= :id",
                {":pk": text(_partition(event_id)), ":id": text(event_id)},
                matching="contains(held, :id)",
                consistent=pages is None,
                start=start,
            )
            yield from items
            if start is None:
                return
            if pages is not None:
                pages -= 1
                if items:
                    pages = min(pages, 1)  # the parts of a batch are adjacent
                if not pages:
                    return


def _counts(held: Collection[HeldEvent]) -> list[Item]:
    """Return the items that count what each window held back."""
    windows: dict[tuple[str, str], Window] = {}
    by_window: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for each in held:
        if each.window is not None:
            windows[each.window.names] = each.window
            by_window[each.window.names].add(each.event_id)
    return [windows[names].count_of(ids) for names, ids in by_window.items()]


def _partition(event_id: str) -> str:
    return f"held#{id_time(event_id):%Y-%m-%dT%H}"


def _parts(held: Collection[HeldEvent]) -> Iterator[list[Json]]:
    """Yield [[rule, facts, [event ids]]] of one event or more, in order, as many at a time as an item can hold."""
    alike: defaultdict[tuple[str, bytes], list[str]] = defaultdict(list)
    for each in held:
        alike[each.rule, orjson.dumps(each.facts, option=orjson.OPT_SORT_KEYS)].append(each.event_id)
    groups: list[Json] = []
    size = 1  # of the list, whose groups have a comma or a bracket after each
    for (rule, facts), ids in sorted(alike.items()):
        for some in batched(sorted(set(ids)), _IDS, strict=False):
            group: Json = [rule, orjson.loads(facts), [*some]]
            needed = len(orjson.dumps(group)) + 1
            if groups and size + needed > MAX_ITEM:
                yield groups
                groups, size = [], 1
            groups.append(group)
            size += needed
    yield groups


@dataclass(frozen=True, slots=True)
class _Group:
    """Events that one rule fired for and that were held back for the same reason."""

    rule: str
    facts: JsonObject
    ids: frozenset[str]


def _groups(item: Item) -> list[_Group]:
    return [_Group(rule, facts, frozenset(ids)) for rule, facts, ids in _triples(document_of(item, "held"))]


def _pairs(groups: Json) -> set[tuple[str, str]]:
    return {(rule, each) for rule, _, ids in _triples(groups) for each in ids}


def _triples(groups: Json) -> Iterator[tuple[str, JsonObject, list[str]]]:
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, list) and isinstance(group[1], dict) and isinstance(group[2], list):
            yield str(group[0]), group[1], [str(each) for each in group[2]]
