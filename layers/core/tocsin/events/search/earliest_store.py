"""The hour before which there are no events: where every search without a beginning begins.

    pk                 sk         what
    rollup#progress    earliest   that hour; while it is being raised, `raising`: up to which one

Marking an event lowers it. The schedule raises it again when the earliest events are gone; otherwise one event that was
dated far back would make every search read back to it for ever. Raising is exact, whatever else happens:

    raise   1 claim: "it is being raised to <hour>"
            2 read, consistently, that no hour before <hour> has any event
            3 store <hour>, if the claim still stands
    lower   1 the event's hour is marked
            2 store its hour, if it is earlier; else, if it lies before <hour>, end the claim

An event that was marked before the claim is seen by the read. One that was marked later finds the claim and ends it,
or finds it raised and lowers it again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import text, text_of
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.errors import Unavailable
from tocsin.events.search.rollup_hours import HOUR_FORMAT, Known, hours_between

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEY = {"pk": text("rollup#progress"), "sk": text("earliest")}
_NAMES = {"#hour": "hour"}
_LOWERING = "noting the earliest hour"
_RAISING = "raising the earliest hour"
_TRIES = 10

_MONTHS = timedelta(days=3 * 31)
"""Months, about: how far it rises at a time."""


class EarliestHour:
    """The earliest hour of one events table. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def lower(self, hour: datetime) -> None:
        """Note that there may be an event in `hour`, which is marked already. Repeating this is harmless."""
        given = _written(hour)
        for _ in range(_TRIES):
            try:
                self._table.update(
                    _LOWERING,
                    _KEY,
                    "SET #hour = :hour REMOVE raising",
                    condition="attribute_not_exists(#hour) OR #hour > :hour",
                    names=_NAMES,
                    values={":hour": text(given)},
                    return_found=True,
                )
            except ConditionFailed as kept:
                raising = text_of(kept.item, "raising")
                if raising <= given:  # or there is none
                    return
            else:
                return
            with suppress(ConditionFailed):  # raised meanwhile, or ended by another: look again
                self._table.update(
                    _LOWERING,
                    _KEY,
                    "REMOVE raising",
                    condition="raising = :raising",
                    values={":raising": text(raising)},
                )
                return
        raise Unavailable("the earliest hour is raised and lowered again and again; try again")

    def rise(self, floor: datetime | None, known: Callable[[datetime, datetime], Known]) -> None:
        """Raise the hour, by some months at most, where the earliest events are gone.

        `floor` is the hour now, `known` gives the roll-ups of a range.
        """
        if floor is None or not known(floor, floor).of(floor).is_empty:
            return
        end = (floor.replace(day=1, hour=0) + _MONTHS).replace(day=1)
        first = _first_not_empty(known, floor, end)
        self.raise_to(first, of=floor, is_empty=lambda: _first_not_empty(known, floor, first) >= first)

    def raise_to(self, hour: datetime, *, of: datetime, is_empty: Callable[[], bool]) -> bool:
        """Raise it from `of` to `hour` if `is_empty`, reading consistently, finds no events before that.

        Returns whether it was raised.
        """
        claim = {":seen": text(_written(of)), ":raising": text(_written(hour))}
        try:
            self._table.update(
                _RAISING, _KEY, "SET raising = :raising", condition="#hour = :seen", names=_NAMES, values=claim
            )
            if not is_empty():
                return False
            self._table.update(
                _RAISING,
                _KEY,
                "SET #hour = :raising REMOVE raising",
                condition="raising = :raising AND #hour = :seen",
                names=_NAMES,
                values=claim,
            )
        except ConditionFailed:
            return False
        return True


def _first_not_empty(known: Callable[[datetime, datetime], Known], start: datetime, end: datetime) -> datetime:
    """The first hour of a range that has events, or may have some; `end` where none has."""
    found = known(start, end)
    return next((hour for hour in hours_between(start, end) if not found.of(hour).is_empty), end)


def _written(hour: datetime) -> str:
    return f"{hour:{HOUR_FORMAT}}"
