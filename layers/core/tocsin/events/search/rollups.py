"""Counts of events by hour, action and app, in the events table beside the events.

    pk                 sk               what
    rollup#<month>     <hour>           an hour's counts, how far into the hour they reach, whether they hold; the ids
                                        of events of actions that it has few of
    rollup#due         <hour>           an hour that changed after it was counted
    rollup#expiry      <when>#<hour>    that events of a counted hour have expired by then: the next whole hour
    rollup#progress    hours            every hour from `known_from` up to `through` is counted
    rollup#progress    earliest         the hour before which there are no events (`earliest_store`)

An hour is counted by reading its events, never by adding up what the stream brings: an event that is read
again can't be counted again, and a count that was lost is made anew. The stream only says which counts no
longer hold. The order of the steps makes that exact:

    count   1 claim: "counts up to <reach> are being made", and take the number of changes
            2 read the events before <reach>, consistently
            3 store the counts, if the number of changes is still the same
    mark    an event whose time is before <reach> adds a change (and the hour is due)

An event that was stored before 1 is seen by 2. One that was stored later comes out of the stream later, finds
the claim, and adds a change; then 3 is refused, or what 3 stored does not hold. Each step can be repeated, and
the process can end between any two. See docs/decisions/0021-roll-ups-are-recounted.md.

Expired events make their hour's counts invalid, too. A count has the time when that happens, so that it depends neither
on DynamoDB deleting the events nor on the stream.

An hour whose counts are more than an item holds, since what is an action there has no end ("GET:/users/7"), stays
unknown: readers read its events. It is not counted again for each event that comes, but once some have expired, or by
hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, is_gone, number, number_of, text, text_of, truth, truth_of
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.events.search.earliest_store import EarliestHour
from tocsin.events.search.rollup_hours import (
    DAY,
    HOUR,
    HOUR_FORMAT,
    HourCount,
    Known,
    counts_in,
    hour_count,
    hour_in,
    hour_key,
    hour_of,
    hours_between,
    json_text,
    milliseconds,
    moment_in,
    months_between,
    parse_hour,
)
from tocsin.events.search.rollup_tally import HourTally
from tocsin.events.store import SHARDS, partition
from tocsin.ids import first_id, id_time, new_id
from tocsin.records import dataclass
from tocsin.times import to_milliseconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SETTLING = timedelta(minutes=2)
"""How far behind the clock hours are counted: most events have arrived by then, so few hours are counted twice."""

HISTORY = timedelta(hours=24)
"""How far back the first run counts: as far as the stream reaches. Older hours are counted when the stream brings an
event of theirs, or when somebody has a range counted (`recount`), as for a table that is older than its roll-ups."""

_SLICE = 50_000
"""Events counted at a time, about: so much of the work is lost when a run ends in the middle of an hour."""

_TRIES = 3

_LAST_HOUR = hour_of(datetime.max.replace(tzinfo=UTC))

MAX_COUNTS = 350_000
"""Bytes of an hour's counts: an item has 400 KB."""

_READING = "reading roll-ups"
_MARKING = "marking hours"
_COUNTING = "counting hours"


@dataclass(slots=True)
class Run:
    """What a run of `Rollups.catch_up` did."""

    now: datetime
    """When it began: what has expired by then is not counted."""
    hours: int = 0
    events: int = 0
    left: int = 0
    """Hours that are left for another run."""


class Rollups:
    """The roll-ups of one events table. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._earliest = EarliestHour(client, table)

    # ── reading ──────────────────────────────────────────────────────────────

    def known(self, start: datetime, end: datetime) -> Known:
        """What is known of the hours from that of `start` up to `end`: a query a month and one more."""
        hours: dict[datetime, HourCount] = {}
        progress = self._progress(_READING)
        low, high = f"{hour_of(start):{HOUR_FORMAT}}", f"{end:{HOUR_FORMAT}}"
        for month in months_between(hour_of(start), end):
            for item in self._query(_READING, f"rollup#{month}", low, high):
                found = hour_count(item)
                hours[found.hour] = found
        done = progress.get("hours", {})
        return Known(
            hours=hours,
            known_from=hour_in(done, "known_from"),
            through=hour_in(done, "through"),
            earliest=hour_in(progress.get("earliest", {}), "hour"),
        )

    def earliest(self) -> datetime | None:
        """The hour before which there are no events; None where that is not known."""
        return hour_in(self._progress(_READING).get("earliest", {}), "hour")

    # ── marking ──────────────────────────────────────────────────────────────

    def mark(self, event_ids: Iterable[str]) -> int:
        """Note that these events came or went; return how many hours are due for it. Repeating this is harmless."""
        firsts: dict[datetime, datetime] = {}
        for event_id in event_ids:
            moment = id_time(event_id)
            hour = hour_of(moment)
            firsts[hour] = min(moment, firsts.get(hour, moment))
        if not firsts:
            return 0
        if len(firsts) == 1:
            marked = sum(self._mark(hour, first) for hour, first in firsts.items())
        else:
            with ThreadPoolExecutor(SHARDS) as pool:
                marked = sum(pool.map(self._mark, firsts.keys(), firsts.values()))
        self._earliest.lower(min(firsts))  # after the marks: see `earliest_store`
        return marked

    def recount(self, start: datetime, end: datetime) -> int:
        """Have all hours of a range counted again by the next runs, for repairs; return how many."""
        hours = list(hours_between(hour_of(start), end))
        for hour in hours:
            self._mark(hour, None)
        if hours:
            self._earliest.lower(hours[0])
        return len(hours)

    def _mark(self, hour: datetime, first: datetime | None) -> bool:
        changed = self._add_change(hour, first)
        if changed:
            # After the change, so that a count that this mark starts sees it.
            self._put_note(_MARKING, "rollup#due", f"{hour:{HOUR_FORMAT}}")
        return changed

    def _add_change(self, hour: datetime, first: datetime | None) -> bool:
        """Add a change, if the hour has no counts yet, or counts are claimed up to a time after `first`."""
        condition, change = None, "ADD changed :one REMOVE too_many"
        values = {":one": number(1)}
        if first is not None:
            condition, change = "attribute_not_exists(reach) OR reach > :first", "ADD changed :one"
            values[":first"] = milliseconds(first)
        try:
            self._table.update(_MARKING, hour_key(hour), change, condition=condition, values=values)
        except ConditionFailed:
            return False
        return True

    # ── counting ─────────────────────────────────────────────────────────────

    def catch_up(self, now: datetime, *, has_time: Callable[[], bool], history: timedelta = HISTORY) -> Run:
        """Count what is to be counted at `now`: hours that ended, the running one, and those that changed."""
        run = Run(now)
        # Whole seconds: events' times have milliseconds, and an event between two finer bounds would be in no count.
        settled = now.replace(microsecond=0) - SETTLING
        self._advance(settled, history, run, has_time)
        self._mark_expired(run, has_time)
        for due in self._query(_COUNTING, "rollup#due", "0", "9"):
            if not has_time():
                run.left += 1
                continue
            self._count_due(due, settled, run, has_time)
        self._look_back(settled, run, has_time)
        self._earliest.rise(self.earliest(), self.known)
        return run

    def _advance(self, settled: datetime, history: timedelta, run: Run, has_time: Callable[[], bool]) -> None:
        done = self._progress(_COUNTING).get("hours", {})
        known_from = hour_in(done, "known_from") or hour_of(settled - history)
        hour = hour_in(done, "through") or known_from
        while hour <= settled:
            if not has_time():
                run.left += 1
                return
            next_day = hour.replace(hour=0) + DAY
            if next_day <= settled and self._is_empty(hour, next_day):
                hour = next_day
            else:
                end = min(hour + HOUR, settled)
                if not self._count(hour, end, run, has_time) or end < hour + HOUR:
                    return
                hour += HOUR
            self._save_progress(known_from, hour)

    def _mark_expired(self, run: Run, has_time: Callable[[], bool]) -> None:
        """Have hours counted again whose events have expired."""
        now = f"{hour_of(run.now):{HOUR_FORMAT}}#~"
        for item in self._query(_COUNTING, "rollup#expiry", "0", now):
            if not has_time():
                return
            self._mark(parse_hour(text_of(item, "sk").partition("#")[2]), None)
            self._delete_note(item)

    def _note_expiry(self, hour: datetime, first_expiry: int) -> None:
        # At whole hours, so that an hour is counted again for expired events once an hour at most.
        expires = hour_of(datetime.fromtimestamp(first_expiry - 1, UTC))
        if expires >= _LAST_HOUR:  # "for ever" is often written so, and there is no hour after it
            return
        when = expires + HOUR
        self._put_note(_COUNTING, "rollup#expiry", f"{when:{HOUR_FORMAT}}#{hour:{HOUR_FORMAT}}")

    def _look_back(self, settled: datetime, run: Run, has_time: Callable[[], bool]) -> None:
        """Count hours back to the earliest event: each search without a beginning would read those not counted."""
        known = self.known(settled, settled)
        at, through, floor = known.known_from, known.through, known.earliest
        while floor is not None and at is not None and through is not None and floor < at:
            if not has_time():
                run.left += 1
                return
            start = max(floor, (at - HOUR).replace(hour=0))
            if not self._is_empty(start, at):
                start = at - HOUR
                if not self._count(start, at, run, has_time):
                    run.left += 1
                    return
            self._save_progress(start, through)
            at = start

    def _count_due(self, due: Item, settled: datetime, run: Run, has_time: Callable[[], bool]) -> None:
        hour = parse_hour(text_of(due, "sk"))
        if not self._count(hour, min(hour + HOUR, settled), run, has_time):
            run.left += 1
            return
        self._delete_note(due)

    def _count(self, hour: datetime, end: datetime, run: Run, has_time: Callable[[], bool]) -> bool:
        """Count the hour's events before `end`; return whether the counts are valid now."""
        if end <= hour:
            return False
        for _ in range(_TRIES):
            claimed = self._claim(hour, end)
            end = max(end, moment_in(claimed, "reach"))
            if self._count_from(hour, end, claimed, run, has_time):
                run.hours += 1
                return True
            if not has_time():
                return False
        return False

    def _claim(self, hour: datetime, end: datetime) -> Item:
        """Claim the counts up to `end`; return the hour's item after that."""
        try:
            return self._table.update(
                _COUNTING,
                hour_key(hour),
                "SET reach = :end, changed = if_not_exists(changed, :none)",
                condition="attribute_not_exists(reach) OR reach <= :end",
                values={":end": milliseconds(end), ":none": number(0)},
                returning="ALL_NEW",
            )
        except ConditionFailed:
            # Another run has claimed more, by a clock that may be ahead of ours: count as far as it does.
            return self._table.get(_COUNTING, hour_key(hour), consistent=True) or {}

    def _count_from(self, hour: datetime, end: datetime, claimed: Item, run: Run, has_time: Callable[[], bool]) -> bool:
        if truth_of(claimed, "too_many"):
            return True
        start, tally = hour, HourTally()
        before = hour_count(claimed)
        if before.covered > hour:
            start = before.covered
            tally.go_on(before)
        was = number_of(claimed, "covered") if "covered" in claimed else None
        expected = sum(sum(by_app.values()) for by_app in counts_in(claimed).values())
        step = (HOUR / (1 + expected // _SLICE)) if start == hour else HOUR
        while start < end:
            upto = min(start + step, end)
            self._add_events(tally, start, upto, run.now)
            if tally.first_expiry is not None:
                self._note_expiry(hour, tally.first_expiry)  # first, so that no counts are valid without their end
            if not self._store(hour, upto, tally, number_of(claimed, "changed"), was):
                return False
            if tally.size > MAX_COUNTS:
                break
            was, start = to_milliseconds(upto), upto
            if start < end and not has_time():
                return False
        run.events += tally.events
        return True

    def _add_events(self, tally: HourTally, start: datetime, end: datetime, now: datetime) -> None:
        with ThreadPoolExecutor(SHARDS) as pool:
            for counted in pool.map(lambda shard: self._tally_of(start, end, shard, now), range(SHARDS)):
                tally.merge(counted)

    def _tally_of(self, start: datetime, end: datetime, shard: int, now: datetime) -> HourTally:
        tally = HourTally()
        for item in self._query(_COUNTING, partition(start, shard), first_id(start), first_id(end)):
            if text_of(item, "sk") < first_id(end) and not is_gone(item, now):
                tally.add_event(item)
        return tally

    def _store(self, hour: datetime, covered: datetime, tally: HourTally, changed: int, was: int | None) -> bool:
        too_many = tally.size > MAX_COUNTS
        values: dict[str, Any] = {
            ":counts": json_text({} if too_many else tally.counts),
            ":few": json_text({} if too_many else tally.few()),
            ":covered": milliseconds(hour if too_many else covered),  # the hour's beginning: nothing is known
            ":changed": number(changed),
            ":too_many": truth(too_many),
        }
        if was is not None:
            values[":was"] = number(was)
        try:
            self._table.update(
                _COUNTING,
                hour_key(hour),
                "SET counts = :counts, few = :few, covered = :covered, counted = :changed, too_many = :too_many",
                condition="changed = :changed AND "
                + ("attribute_not_exists(covered)" if was is None else "covered = :was"),
                values=values,
            )
        except ConditionFailed:
            return False
        return True

    def _is_empty(self, start: datetime, end: datetime) -> bool:
        with ThreadPoolExecutor(SHARDS) as pool:
            return not any(pool.map(lambda shard: self._has_any(partition(start, shard), start, end), range(SHARDS)))

    def _has_any(self, pk: str, start: datetime, end: datetime) -> bool:
        return next(self._query(_COUNTING, pk, first_id(start), first_id(end), limit=1), None) is not None

    # ── items ────────────────────────────────────────────────────────────────

    def _query(self, what: str, pk: str, low: str, high: str, *, limit: int | None = None) -> Iterator[Item]:
        """Items of a partition from `low` to `high`, both included, read consistently."""
        values = {":pk": text(pk), ":low": text(low), ":high": text(high)}
        return self._table.query(what, "pk = :pk AND sk BETWEEN :low AND :high", values, consistent=True, limit=limit)

    def _put_note(self, what: str, pk: str, sk: str) -> None:
        # A token of its own, so that a mark that is put while an earlier one is acted on is not deleted with it.
        self._table.put(what, {"pk": text(pk), "sk": text(sk), "token": text(new_id())})

    def _delete_note(self, note: Item) -> None:
        with suppress(ConditionFailed):
            self._table.delete(
                _COUNTING,
                {"pk": note["pk"], "sk": note["sk"]},
                condition="#token = :token",
                names={"#token": "token"},
                values={":token": note["token"]},
            )

    def _progress(self, what: str) -> dict[str, Item]:
        return {text_of(item, "sk"): item for item in self._query(what, "rollup#progress", "a", "z")}

    def _save_progress(self, known_from: datetime, through: datetime) -> None:
        item = {
            "pk": text("rollup#progress"),
            "sk": text("hours"),
            "known_from": text(f"{known_from:{HOUR_FORMAT}}"),
            "through": text(f"{through:{HOUR_FORMAT}}"),
        }
        self._table.put(_COUNTING, item)
