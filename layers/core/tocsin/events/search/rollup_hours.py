"""An hour's counts in the events table, and what a reader may conclude from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from tocsin.aws.dynamodb import Item, number, number_of, text, text_of
from tocsin.events.search.query import Counts
from tocsin.records import dataclass, field
from tocsin.times import from_milliseconds, to_milliseconds

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

HOUR_FORMAT = "%Y-%m-%dT%H"


def hour_of(moment: datetime) -> datetime:
    """The hour that `moment` is in, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


type Few = Mapping[str, list[str]]
"""The ids of all events of some actions, by action."""


@dataclass(frozen=True, slots=True)
class HourCount:
    """The counts of an hour's events before `covered`; where that is the hour's beginning, nothing is known.

    `few` has the ids of all counted events of actions that the hour has few of.
    """

    hour: datetime
    covered: datetime
    counts: Counts
    few: Few = field(default_factory=dict)

    def ids_of(self, actions: Iterable[str]) -> list[str] | None:
        """The ids of all counted events of these actions, in order; None where they are not known."""
        found = [self.few.get(action) for action in actions]
        return sorted(each for ids in found for each in ids or ()) if None not in found else None

    @property
    def is_whole(self) -> bool:
        """Whether the whole hour is counted."""
        return self.covered >= self.hour + HOUR

    @property
    def is_empty(self) -> bool:
        """Whether the whole hour is counted, and has no events."""
        return self.is_whole and not self.counts


@dataclass(frozen=True, slots=True)
class Known:
    """What the roll-ups have of some hours, and the hour before which there are no events."""

    hours: Mapping[datetime, HourCount]
    known_from: datetime | None
    through: datetime | None
    earliest: datetime | None

    def of(self, hour: datetime) -> HourCount:
        """The hour's counts. An hour without any, between those that were counted, had no events."""
        found = self.hours.get(hour)
        if found is not None:
            return found
        if self.known_from is not None and self.through is not None and self.known_from <= hour < self.through:
            return HourCount(hour, hour + HOUR, {})
        return HourCount(hour, hour, {})


def hour_key(hour: datetime) -> dict[str, Any]:
    """The key of an hour's roll-up."""
    return {"pk": text(f"rollup#{hour:%Y-%m}"), "sk": text(f"{hour:{HOUR_FORMAT}}")}


def hour_count(item: Item) -> HourCount:
    """The valid counts in an hour's item: none where the hour changed after it was counted, or meanwhile."""
    hour = parse_hour(text_of(item, "sk"))
    if "covered" not in item or number_of(item, "changed") != number_of(item, "counted"):
        return HourCount(hour, hour, {})
    few: Few = orjson.loads(text_of(item, "few", "{}"))
    return HourCount(hour, moment_in(item, "covered"), counts_in(item), few)


def counts_in(item: Item) -> Counts:
    """The counts in an hour's item, valid or not."""
    counts: Counts = orjson.loads(text_of(item, "counts", "{}"))
    return counts


def json_text(value: object) -> dict[str, str]:
    """`value` as an attribute of JSON."""
    return {"S": orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()}


def hours_between(start: datetime, end: datetime) -> Iterator[datetime]:
    """Each hour from `start` up to `end`."""
    while start < end:
        yield start
        start += HOUR


def months_between(start: datetime, end: datetime) -> Iterator[str]:
    """The months, as they stand in keys, from that of `start` to that of `end`."""
    month = start.replace(day=1, hour=0)
    while month <= end:
        yield f"{month:%Y-%m}"
        month = (month + timedelta(days=32)).replace(day=1)


def parse_hour(given: str) -> datetime:
    """The hour that a key names."""
    return datetime.strptime(given, HOUR_FORMAT).replace(tzinfo=UTC)


def hour_in(item: Item, name: str) -> datetime | None:
    """The hour in `item` under `name`; None where there is none."""
    given = text_of(item, name)
    return parse_hour(given) if given else None


def milliseconds(moment: datetime) -> dict[str, str]:
    """`moment` as an attribute."""
    return number(to_milliseconds(moment))


def moment_in(item: Item, name: str) -> datetime:
    """The moment in `item` under `name`, as `milliseconds` wrote it."""
    return from_milliseconds(number_of(item, name))
