"""A scan of the log from the newest or the oldest event on, by the cheapest way, as far as a budget goes.

    what is asked                             the way
    a user's pk                               the index by-user
    a client IP, or a network of few          the index by-client-ip, merged
    anything else                             the timeline, without hours that, by their counts, hold no match

Of an hour with many events, and few of the actions that are asked for, only those are read (`MANY`, `FEW`).

Where both are asked, the user's index is read: many people share an address and few share an account, so it holds
fewer events. Every other criterion is applied to the events that are read.

An index need not have all events (the parameter EventIndexes): those before the hour from which on it has them all are
looked for in the timeline, and `unindexed` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Item, is_gone, text_of
from tocsin.events.model import Event
from tocsin.events.search.entries_store import IndexEntries
from tocsin.events.search.query import Search, SearchFilter, within_events
from tocsin.events.search.rollup_hours import DAY, HOUR, HourCount, hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.search.timeline import AFTER, Budget, Merge, Partition, read_whole, shards_of, time_of
from tocsin.events.store import SHARDS, event_key, event_of
from tocsin.ids import first_id, id_time
from tocsin.records import dataclass
from tocsin.times import EPOCH

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""No producer may say that an event is older. An id may be; `since` finds such an event."""

AHEAD = timedelta(minutes=10)
"""How far in the future an event's time may be: more than a producer's clock may be ahead."""

MILLISECOND = timedelta(milliseconds=1)
"""What an id tells of its time."""

MANY = 200
"""Events of an hour above which the few of a rare action are read one by one. Fewer are read together, with those of
the hours beside, in one go."""

_WIDEST = 31
"""Days of roll-ups read at a time, at most."""
_WIDER = 4
_PAGE = 32
_LARGE_PAGE = 500
_AT_ONCE = 100  # BatchGetItem's limit

type Range = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of the timeline that lies in some partitions of one day."""

    start: datetime
    end: datetime
    partitions: list[Partition]


@dataclass(frozen=True, slots=True)
class Unindexed:
    """A filter whose index lacks events of the range, all of them before `before`.

    They are looked for by `instead`: the other filter that has an index, or "time", which is the timeline.
    """

    filter: str
    before: datetime
    instead: str


class Scan:
    """Iterates over the matching events. `position` is how far it has read: a bound to go on from.

    `ended` is true where the whole range was read, `stopped` where the budget was used up.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        search: Search,
        *,
        now: datetime,
        budget: Budget,
        newest_first: bool = True,
        position: str | None = None,
        wanted: int | None = None,
        ranges: Sequence[Range] | None = None,
    ) -> None:
        """Scan through `search`'s range from `position` on; or through `ranges`, given in order of reading.

        `wanted` is the number of matches after which the caller stops; None where it wants all.
        """
        self._client = client
        self._table = table
        self._rollups = Rollups(client, table)
        self._search = search
        self._now = now
        self._newest_first = newest_first
        self._wanted = wanted
        self._ranges = ranges
        self._position = position
        self.budget = budget
        self.screening = SearchFilter(search, now)
        self.unindexed: tuple[Unindexed, ...] = ()
        self.position = position
        self.ended = False
        self.stopped = False

    def __iter__(self) -> Iterator[Event]:
        for item in self._items():
            # Set before the event is yielded: a caller that stops at this event goes on after it.
            self.position = self._behind(text_of(item, "sk"))
            if not is_gone(item, self._now):
                event = event_of(item)
                if self.screening.admits(event):
                    yield event
            if self.budget.is_late:
                self.stopped = True
                break
        self.ended = not self.stopped

    def _behind(self, event_id: str) -> str:
        return event_id if self._newest_first else event_id + AFTER

    def _items(self) -> Iterator[Item]:
        """The events to look at: through an index where one answers, as far back as it has all events."""
        ways = self._indexes()
        if not ways:
            yield from self._timeline(self._ranges)
            return
        self.budget.spend(())
        complete = IndexEntries(self._client, self._table).complete_from()
        name = min(ways, key=lambda way: complete.get(way, EPOCH))
        since = complete.get(name)
        ranges = self._ranges
        if ranges is None:
            search = self._search
            ranges = [(search.since or EPOCH, search.until or self._now + AHEAD)]
            if since is not None and since > ranges[0][0]:
                ranges = [self._whole_range()]
        oldest = min((start for start, _ in ranges), default=self._now)
        self.unindexed = tuple(
            Unindexed(way, complete[way], "time" if way == name else name)
            for way in ways
            if way in complete and complete[way] > oldest
        )
        for start, end in ranges:
            border = start if since is None else min(max(start, since), end)
            parts: list[tuple[Callable[[Sequence[Range]], Iterator[Item]], Range]] = [
                (self._timeline, (start, border)),
                (partial(self._through_index, ways[name]), (border, end)),
            ]
            for read, part in reversed(parts) if self._newest_first else parts:
                if part[0] < part[1] and not self.stopped:
                    yield from read([part])

    # ── an index ─────────────────────────────────────────────────────────────

    def _indexes(self) -> dict[str, list[Partition]]:
        """Where in the indexes the matches are, by filter, the better way first; empty where none is asked for."""
        ways: dict[str, list[Partition]] = {}
        keys = self._search.user_keys()
        if keys:
            ways["user_pk"] = [Partition("user_pk", key, "by-user") for key in keys]
        addresses = self._search.addresses()
        if addresses is not None:
            ways["client_ip"] = [Partition("client_ip", address, "by-client-ip") for address in addresses]
        return ways

    def _through_index(self, index: list[Partition], ranges: Sequence[Range]) -> Iterator[Item]:
        page = _LARGE_PAGE if self._wanted is None else 2 + self._wanted // len(index)
        group = min(_AT_ONCE, max(10, self._wanted or _AT_ONCE))
        for start, end in ranges:
            merge = self._merge(index, start, end, page)
            keys: list[Item] = []
            for key in merge:
                keys.append(key)
                if len(keys) == group:
                    yield from read_whole(self._client, self._table, keys, self.budget)
                    # Keys whose events are gone were read too.
                    self.position = self._behind(text_of(keys[-1], "sk"))
                    keys = []
            if keys:
                yield from read_whole(self._client, self._table, keys, self.budget)
                self.position = self._behind(text_of(keys[-1], "sk"))
            if merge.stopped:
                self.stopped = True
                return

    # ── the timeline ─────────────────────────────────────────────────────────

    def _timeline(self, ranges: Sequence[Range] | None) -> Iterator[Item]:
        page = self._page()
        for stretch in self._stretches([self._whole_range()] if ranges is None else ranges):
            # A request that read nothing would never get on.
            if self.budget.is_used_up and self.position != self._position:
                self.stopped = True
                return
            merge = self._merge(stretch.partitions, stretch.start, stretch.end, page)
            yield from merge
            if merge.stopped:
                self.stopped = True
                return
            self.position = first_id(stretch.start if self._newest_first else stretch.end)

    def _page(self) -> int:
        """How many events to read from each shard at first; a merge reads more at a time as it goes on."""
        if self._wanted is None:
            return _LARGE_PAGE
        # A quarter more than each shard's share: a hash fills them unevenly, and none should be read twice.
        share = 3 + self._wanted * 5 // (4 * SHARDS)
        return share if self._search.is_everything else max(_PAGE, share)

    def _stretches(self, ranges: Sequence[Range]) -> Iterator[_Stretch]:
        """The parts of the ranges that may hold a match, in order of reading."""
        for start, end in ranges:
            yield from self._promising(start, end)

    def _whole_range(self) -> Range:
        end = self._now + AHEAD
        if self._search.until is not None:
            end = min(end, self._search.until)
        self.budget.spend(())
        floor = self._rollups.earliest()
        start = self._search.since or floor or BEGINNING
        return max(start, floor or EPOCH), end

    def _promising(self, start: datetime, end: datetime) -> Iterator[_Stretch]:
        start, end = self._from_position(start, end)
        # The newest events are mostly among today's: they are read without roll-ups.
        days = 1
        informed = bool(self._search.actions) or self._search.app is not None
        while start < end:
            if self._newest_first:
                chunk = (max(start, _midnight(end) - (days - 1) * DAY), end)
                end = chunk[0]
            else:
                chunk = (start, min(end, _midnight(start + DAY + timedelta(microseconds=1)) + (days - 1) * DAY))
                start = chunk[1]
            stretches = self._unruled(*chunk) if informed else _by_day(*chunk)
            yield from reversed(stretches) if self._newest_first else stretches
            days, informed = min(_WIDEST, days * _WIDER), True
            # Hours that were skipped count as read.
            self.position = first_id(end if self._newest_first else start)
            if self.budget.is_used_up and start < end:
                self.stopped = True
                return

    def _from_position(self, start: datetime, end: datetime) -> Range:
        if self._position is None:
            return start, end
        at = within_events(time_of(self._position))
        if self._newest_first:
            # There may be events before it in the id's own millisecond.
            return start, min(end, at if self._position == first_id(at) else at + MILLISECOND)
        return max(start, at), end

    def _unruled(self, start: datetime, end: datetime) -> list[_Stretch]:
        """The parts of a range that the counts do not rule out, oldest first.

        Of an hour that has few events of the actions that are asked for, these are the milliseconds of the events.
        """
        known = self._rollups.known(start, end)
        self.budget.spend((), queries=2)
        stretches: list[_Stretch] = []
        hour = hour_of(start)
        while hour < end:
            count = known.of(hour)
            ids = self._matching_ids(count)
            if ids:
                stretches += _of_ids(ids, start, end)
            first = hour if ids is None else count.covered
            stretches += _by_day(max(first, start), min(hour + HOUR, end))
            hour += HOUR
        return _joined(stretches)

    def _matching_ids(self, count: HourCount) -> list[str] | None:
        """The ids of the hour's counted events that can match; None where it takes reading them to tell."""
        matching = self._search.counted(count.counts)
        if not matching:
            return []
        is_worth_it = self._search.actions and sum(sum(by_app.values()) for by_app in count.counts.values()) > MANY
        return count.ids_of(matching) if is_worth_it else None

    def _merge(self, partitions: list[Partition], start: datetime, end: datetime, page: int) -> Merge:
        low, high = first_id(start), first_id(end)
        if self._position is not None:
            low, high = (low, min(high, self._position)) if self._newest_first else (max(low, self._position), high)
        return Merge(
            self._client,
            self._table,
            partitions if low < high else [],
            (low, high),
            newest_first=self._newest_first,
            page=page,
            budget=self.budget,
        )


def _midnight(moment: datetime) -> datetime:
    """The last midnight before `moment`; of a midnight, the one before."""
    return (moment - timedelta(microseconds=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _by_day(start: datetime, end: datetime) -> list[_Stretch]:
    """A range in parts that do not cross midnight, oldest first."""
    parts: list[_Stretch] = []
    while start < end:
        last = min(end, start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY)
        parts.append(_Stretch(start, last, shards_of(start)))
        start = last
    return parts


def _of_ids(ids: Sequence[str], start: datetime, end: datetime) -> Iterator[_Stretch]:
    """The milliseconds of events within a range, oldest first, each with the partitions that have the events."""
    for moment, group in groupby(ids, id_time):
        if start <= moment < end:
            keys = {text_of(event_key(each), "pk"): None for each in group}
            yield _Stretch(moment, moment + MILLISECOND, [Partition("pk", key) for key in keys])


def _joined(stretches: Iterable[_Stretch]) -> list[_Stretch]:
    """Stretches in order, each joined with the one before where it goes on in the same partitions."""
    joined: list[_Stretch] = []
    for each in stretches:
        if joined and joined[-1].end == each.start and joined[-1].partitions == each.partitions:
            joined[-1] = _Stretch(joined[-1].start, each.end, each.partitions)
        else:
            joined.append(each)
    return joined
