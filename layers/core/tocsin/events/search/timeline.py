"""The log in the order of time: partitions of the table or of an index, merged by event id, within a budget.

A day's events lie in SHARDS partitions, each sorted by id; so do those of a user or of an address in an index.
Reading them in order is a merge: a page of each partition is read in parallel; as soon as one partition's page is
used up, the next pages of all that are running short are read in parallel.

Positions are bounds on ids, as text: ids begin with their time, so a moment is a bound too.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Item, text, text_of
from tocsin.aws.table import Table
from tocsin.events.store import SHARDS, partition
from tocsin.ids import id_time, parse_id
from tocsin.records import dataclass, field

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LARGEST_PAGE = 1000
_GROWTH = 2
"""A page is this many times the one before it, so that what is read in vain is at most about what was read before."""

LOOKING = 6.0
"""Seconds beyond those of reading in which what was read is looked at. An expression may take milliseconds an event,
and a read brings thousands of them."""

AFTER = "!"
"""Appended to an id, this makes the least bound above it: it sorts before any character of an id."""


def check_position(position: str) -> None:
    """Raise IdError where `position` is neither an id nor the bound above one."""
    parse_id(position.removesuffix(AFTER))


def time_of(position: str) -> datetime:
    """The time of an id or bound."""
    return id_time(position[:36])


@dataclass(frozen=True, slots=True)
class Partition:
    """Where events lie sorted by id: the key attribute `name` with `value`, in the table or an index of it."""

    name: str
    value: str
    index: str | None = None


def shards_of(day: datetime) -> list[Partition]:
    """The partitions of a day."""
    return [Partition("pk", partition(day, shard)) for shard in range(SHARDS)]


@dataclass(slots=True)
class Budget:
    """What one request may read, and has read. A reader stops as soon as one of the limits is reached.

    `size` is in bytes of the events as they are stored, `seconds` from now.
    """

    items: int = 10_000
    size: int = 16_000_000
    queries: int = 1_024
    seconds: float = 6.0
    clock: Callable[[], float] = time.monotonic
    spent_items: int = 0
    spent_size: int = 0
    spent_queries: int = 0
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun = self.clock()

    def spend(self, items: Sequence[Item], queries: int = 1) -> None:
        """Count what a read returned."""
        self.spent_items += len(items)
        self.spent_size += sum(len(value) for item in items if "event" in item for value in item["event"].values())
        self.spent_queries += queries

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more should be read."""
        return (
            self.spent_items >= self.items
            or self.spent_size >= self.size
            or self.spent_queries >= self.queries
            or self.clock() - self._begun >= self.seconds
        )

    @property
    def is_late(self) -> bool:
        """Whether nothing more should be looked at, of what was read either."""
        return self.clock() - self._begun >= self.seconds + LOOKING


@dataclass(slots=True)
class _Reader:
    """One partition, read page by page."""

    partition: Partition
    limit: int
    waiting: deque[Item] = field(default_factory=deque)
    start: Item | None = None
    ended: bool = False


class Merge:
    """The items of some partitions between two bounds, in order. Iterate once.

    Ends early where the budget is used up: `stopped` says so. The items until then are complete.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        partitions: Sequence[Partition],
        bounds: tuple[str, str],
        *,
        newest_first: bool,
        page: int,
        budget: Budget,
    ) -> None:
        self._table = Table(client, table)
        self._low, self._high = bounds
        self._newest_first = newest_first
        self._budget = budget
        self._readers = [_Reader(each, page) for each in partitions]
        self.stopped = False

    def __iter__(self) -> Iterator[Item]:
        pick = max if self._newest_first else min
        while True:
            if any(not reader.waiting and not reader.ended for reader in self._readers):
                # The first pages are always read, so that every request gets on.
                if self._budget.is_used_up and any(reader.start for reader in self._readers):
                    self.stopped = True
                    return
                self._read_on()
                continue
            reader = pick(
                (reader for reader in self._readers if reader.waiting),
                key=lambda each: text_of(each.waiting[0], "sk"),
                default=None,
            )
            if reader is None:
                return
            yield reader.waiting.popleft()

    def _read_on(self) -> None:
        short = [r for r in self._readers if not r.ended and len(r.waiting) < max(1, r.limit // 4)]
        if len(short) == 1:
            self._read_page(short[0])
        else:
            with ThreadPoolExecutor(min(SHARDS, len(short))) as pool:
                list(pool.map(self._read_page, short))

    def _read_page(self, reader: _Reader) -> None:
        if reader.start is not None:
            reader.limit = min(reader.limit * _GROWTH, _LARGEST_PAGE)
        found, reader.start = self._table.query_page(
            "reading events",
            "#pk = :pk AND sk BETWEEN :low AND :high",
            {":pk": text(reader.partition.value), ":low": text(self._low), ":high": text(self._high)},
            names={"#pk": reader.partition.name},
            index=reader.partition.index,
            descending=self._newest_first,
            limit=reader.limit,
            start=reader.start,
        )
        # BETWEEN includes both ends, and the upper bound is not to be included.
        reader.waiting.extend(item for item in found if text_of(item, "sk") < self._high)
        reader.ended = reader.start is None
        self._budget.spend(found)


def read_whole(client: DynamoDBClient, table: str, keys: Sequence[Item], budget: Budget) -> list[Item]:
    """Read the whole items for keys of an index, in their order; items that are gone meanwhile are left out."""
    wanted = ({"pk": key["pk"], "sk": key["sk"]} for key in keys)
    items = list(Table(client, table).get_many("reading events", wanted))
    budget.spend(items)
    found = {text_of(item, "sk"): item for item in items}
    return [found[text_of(key, "sk")] for key in keys if text_of(key, "sk") in found]
