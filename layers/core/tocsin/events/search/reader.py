"""Questions to the log: a page of events, how many there were when, and who used which application.

Every read is bounded. Where a bound is reached, the answer says from or up to which time it is complete.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from tocsin.events.model import Event
from tocsin.events.search.query import Search
from tocsin.events.search.rollup_hours import HOUR, Known, hour_of
from tocsin.events.search.rollups import Rollups
from tocsin.events.search.scan import Range, Scan, Unindexed
from tocsin.events.search.timeline import Budget, time_of
from tocsin.records import dataclass
from tocsin.times import EPOCH
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_ANSWER = 6_000_000
"""Bytes of events a page, as Lambda counts them: JSON that is escaped once more, of which it takes 6,291,556."""


def counting_budget() -> Budget:
    """The budget of a question that is answered by counting events: unlike a search, it has no next page."""
    return Budget(items=60_000, size=96_000_000, queries=4_096, seconds=12.0)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events in order, each as the API shows it.

    `position` is where to go on, None at the end. `scanned_until` is the time up to which everything was read, None
    where that is the whole range. `failed` counts the events on which the search's expression failed, `failure` says
    why on the first. `budget` says what was read, `unindexed` which filters' indexes lack events of the range.
    """

    events: tuple[JsonObject, ...]
    position: str | None
    scanned_until: datetime | None
    failed: int
    failure: str | None
    budget: Budget
    unindexed: tuple[Unindexed, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Events by hour and action. Hours before `complete_from` may have more than was counted; None: all are counted.

    `failed` and `failure` are those of EventPage.
    """

    by_hour: dict[datetime, Counter[str]]
    complete_from: datetime | None
    budget: Budget
    failed: int
    failure: str | None

    @property
    def total(self) -> int:
        """All of them."""
        return sum(sum(by_action.values()) for by_action in self.by_hour.values())


@dataclass(frozen=True, slots=True)
class Stat:
    """How many events there were from a time on, and of how many different people.

    There may be more before `complete_from`, and more people before `users_complete_from`; None: all are counted.
    `failed` and `failure` are those of EventPage.
    """

    events: int
    complete_from: datetime | None
    unique_users: int
    users_complete_from: datetime | None
    failed: int
    failure: str | None


@dataclass(frozen=True, slots=True)
class Use:
    """How often an application was used, and by how many different people."""

    application: JsonObject
    events: int
    unique_users: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The applications that were used most. There may be more uses before `complete_from`; None: all are counted.

    `failed` and `failure` are those of EventPage.
    """

    uses: tuple[Use, ...]
    complete_from: datetime | None
    failed: int
    failure: str | None


class LogReader:
    """Answers about one events table. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._rollups = Rollups(client, table)

    def page(
        self,
        search: Search,
        *,
        now: datetime,
        newest_first: bool = True,
        limit: int = 50,
        position: str | None = None,
        budget: Budget | None = None,
    ) -> EventPage:
        """Read up to `limit` matching events from `position` on; fewer where the budget or MAX_ANSWER ends it."""
        walk = Scan(
            self._client,
            self._table,
            search,
            now=now,
            budget=budget or Budget(),
            newest_first=newest_first,
            position=position,
            wanted=limit,
        )
        events: list[JsonObject] = []
        size = 0
        behind: str | None = None
        left_over = False
        for event in walk:
            shown: JsonObject = event.to_json() | {"summary": event.summary}
            size += len(orjson.dumps(orjson.dumps(shown).decode()))
            if events and size > MAX_ANSWER:
                left_over = True
                break
            events.append(shown)
            behind = walk.position
            if len(events) == limit:
                break
        at = behind if left_over else walk.position if not walk.ended else None
        return EventPage(
            events=tuple(events),
            position=at,
            scanned_until=time_of(at) if at is not None else None,
            failed=walk.screening.failed,
            failure=walk.screening.failure,
            budget=walk.budget,
            unindexed=walk.unindexed,
        )

    def tally(
        self,
        search: Search,
        start: datetime,
        end: datetime,
        *,
        now: datetime,
        budget: Budget | None = None,
        known: Known | None = None,
    ) -> Tally:
        """How many events match from `start` up to `end`, by hour and action.

        Hours that the roll-ups have are taken from them, if they can answer `search`; of the others the events are
        read, newest first. `known` are the roll-ups of at least this range, where the caller has them already.
        """
        budget = budget or counting_budget()
        by_hour: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
        ranges: list[Range] = [(start, end)] if start < end else []
        if search.is_of_counts:
            if known is None:
                known = self._rollups.known(start, end)
            ranges = list(_uncounted(search, start, end, known, by_hour))[::-1]
        walk = self._walk(search, now, budget, ranges)
        for event in walk:
            by_hour[hour_of(event.created)][event.action] += 1
        screening = walk.screening
        return Tally(dict(by_hour), _complete_from(walk, end), budget, screening.failed, screening.failure)

    def stats(self, search: Search, starts: Sequence[datetime], end: datetime, *, now: datetime) -> list[Stat]:
        """Count the matching events from each of `starts`, one or more, up to `end`, and their users.

        Events are counted by the roll-ups, if they can answer `search`; for the users they are read, newest first. All
        share one budget.
        """
        budget = counting_budget()
        tallies: list[Tally] = []
        if search.is_of_counts:
            known = self._rollups.known(min(starts), end)
            tallies = [self.tally(search, start, end, now=now, budget=budget, known=known) for start in starts]
        events = [0] * len(starts)
        users: list[set[str]] = [set() for _ in starts]
        is_empty = bool(tallies) and not any(tally.total or tally.complete_from for tally in tallies)
        walk = self._walk(search, now, budget, [(min(starts), end)] if min(starts) < end and not is_empty else [])
        for event in walk:
            user = _user_of(event)
            for step, start in enumerate(starts):
                if event.created >= start:
                    events[step] += 1
                    if user is not None:
                        users[step].add(user)
        read_from = _complete_from(walk, end)
        complete = [read_from if read_from is not None and start < read_from else None for start in starts]
        failed = [sum(at >= start for at in walk.screening.failed_at) for start in starts]
        return [
            Stat(
                events=tallies[step].total if tallies else events[step],
                complete_from=tallies[step].complete_from if tallies else complete[step],
                unique_users=len(users[step]),
                users_complete_from=complete[step],
                failed=failed[step],
                # All steps end at once, and what is read first is the newest: it is of each that has any.
                failure=walk.screening.failure if failed[step] else None,
            )
            for step in range(len(starts))
        ]

    def actions(self, start: datetime, end: datetime) -> Counter[str]:
        """How many events of each action the roll-ups have from the hour of `start` up to `end`."""
        found: Counter[str] = Counter()
        for count in self._rollups.known(start, end).hours.values():
            found.update(Search().counted(count.counts))
        return found

    def top(self, search: Search, start: datetime, end: datetime, *, now: datetime, most: int) -> Ranking:
        """The applications with the most matching events.

        An event's application is its context's `authorized_application`; events without one are not counted. Its user
        is told by pk, else by username; events of nobody count as events only.
        """
        walk = self._walk(search, now, counting_budget(), [(start, end)] if start < end else [])
        applications: dict[str, JsonObject] = {}
        events: Counter[str] = Counter()
        users: defaultdict[str, set[str]] = defaultdict(set)
        for event in walk:
            application = _application(event)
            if application is None:
                continue
            key = _told_by(application, "pk", "name") or ""
            # Newest first: an application is shown by its latest name.
            applications.setdefault(key, application)
            events[key] += 1
            user = _user_of(event)
            if user is not None:
                users[key].add(user)
        ranked = sorted(events, key=lambda key: (-events[key], key))[:most]
        uses = tuple(Use(applications[key], events[key], len(users[key])) for key in ranked)
        return Ranking(uses, _complete_from(walk, end), walk.screening.failed, walk.screening.failure)

    def _walk(self, search: Search, now: datetime, budget: Budget, ranges: Sequence[Range]) -> Scan:
        return Scan(self._client, self._table, search, now=now, budget=budget, ranges=ranges)


def _uncounted(
    search: Search, start: datetime, end: datetime, known: Known, by_hour: defaultdict[datetime, Counter[str]]
) -> Iterator[Range]:
    """Add known counts to `by_hour`; return the ranges that are not known, oldest first."""
    waiting: Range | None = None
    hour = hour_of(start)
    while hour < end:
        first, last = max(hour, start), min(hour + HOUR, end)
        count = known.of(hour)
        # The counts of an hour can't be split where the range ends or begins within it.
        if first == hour and count.covered <= end:
            found = search.counted(count.counts)
            if found:
                by_hour[hour].update(found)
            first = min(last, max(first, count.covered))
        if waiting is not None and (first > waiting[1] or first == last):
            yield waiting
            waiting = None
        if first < last:
            waiting = (waiting[0] if waiting else first, last)
        hour += HOUR
    if waiting is not None:
        yield waiting


def _complete_from(walk: Scan, end: datetime) -> datetime | None:
    """The time from which on a walk up to `end` has read everything; None where that is all of its range."""
    if walk.ended:
        return None
    return time_of(walk.position) if walk.position else end


def _application(event: Event) -> JsonObject | None:
    given: Json = event.context.get("authorized_application")
    if isinstance(given, dict) and _told_by(given, "pk", "name") is not None:
        return {"pk": given.get("pk"), "name": given.get("name")}
    return {"pk": None, "name": given} if isinstance(given, str) and given else None


def _user_of(event: Event) -> str | None:
    """What tells the event's user from others: the pk, else the username; None where it has neither."""
    return _told_by(event.user, "pk", "username")


def _told_by(told: JsonObject, *names: str) -> str | None:
    """The first of the members `names` that says something, with its name: 0 does, null and a blank don't."""
    said = ((name, told.get(name)) for name in names)
    return next((f"{name} {value}" for name, value in said if value not in (None, "", [], {})), None)


def bucket_of(moment: datetime, width: timedelta) -> datetime:
    """The start of the bucket that `moment` is in. Buckets are whole multiples of `width` since 1970, UTC."""
    return moment - (moment - EPOCH) % width
