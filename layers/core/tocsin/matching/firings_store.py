"""Hourly counts of how often each rule fired and was held back, in the deliveries table.

    pk              sk       what
    fired#<day>     <rule>   the rule's hours of a day: f00 … f23 count its firings, h00 … h23 those that were held

One item per rule and day, so that a week of all rules takes eight queries, whatever the number of rules. The matcher
adds a batch's counts once per rule, after notifying people. The counts are only shown to people: if a write fails, or a
function ends before it, they are too low, and nothing else is affected.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Item, is_gone, number, number_of, text, text_of, until
from tocsin.aws.logging import Code, note
from tocsin.aws.table import Table
from tocsin.errors import Unavailable
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAYS = 7
_KEPT = timedelta(days=DAYS + 2)
_FIRED, _HELD = "f", "h"

type Hours = Counter[str]
"""Counts by attribute name: {"f09": 3, "h09": 1}."""


class FiringStore:
    """Stores the counts. Methods raise Unavailable when DynamoDB fails."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def add(self, day: datetime, rule: str, hours: Mapping[str, int]) -> None:
        """Add counts to a rule's hours of a day."""
        names = {f"#{name}": name for name in hours}
        self._table.update(
            "counting firings",
            {"pk": text(_partition(day)), "sk": text(rule)},
            f"SET expires_at = :until ADD {', '.join(f'#{name} :{name}' for name in hours)}",
            names=names,
            values={":until": until(day + _KEPT)} | {f":{name}": number(count) for name, count in hours.items()},
        )

    def totals(self, *, now: datetime) -> list[Json]:
        """Return {rule, day: {fired, held}, week: {fired, held}} of each rule that fired in the last DAYS, by name.

        `day` is the last 24 hours, `week` the last seven times 24. The hours in which they begin are counted in full.
        """
        counted: dict[str, dict[str, Counter[str]]] = {}
        for back in range(DAYS + 1):
            day = now - timedelta(days=back)
            items = self._table.query("reading firings", "pk = :pk", {":pk": text(_partition(day))})
            for item in items:
                if not is_gone(item, now):
                    spans = counted.setdefault(text_of(item, "sk"), {"day": Counter(), "week": Counter()})
                    _sum(item, day, now, spans)
        return [
            {"rule": rule, **{name: _shown(span) for name, span in spans.items()}}
            for rule, spans in sorted(counted.items())
            if spans["week"][_FIRED]
        ]


def _sum(item: Item, day: datetime, now: datetime, spans: Mapping[str, Counter[str]]) -> None:
    """Add an item's hours to the spans that contain them."""
    for hour in range(24):
        ago = now - day.replace(hour=hour)  # whole hours: `day` is as late in its hour as `now`
        for span, length in (("day", timedelta(days=1)), ("week", timedelta(days=DAYS))):
            if ago <= length:
                for kind in (_FIRED, _HELD):
                    spans[span][kind] += number_of(item, f"{kind}{hour:02}")


def _shown(span: Counter[str]) -> JsonObject:
    return {"fired": span[_FIRED], "held": span[_HELD]}


def _partition(day: datetime) -> str:
    return f"fired#{day:%Y-%m-%d}"


class Firings:
    """Counts what fired in this process since the last `flush`. Thread-safe."""

    def __init__(self, store: FiringStore, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._counted: dict[tuple[str, str], tuple[datetime, Hours]] = {}
        self._lock = Lock()

    def fired(self, rule: str, *, held: bool) -> None:
        """Count a firing, either held back or not."""
        now = self._clock()
        with self._lock:
            _, hours = self._counted.setdefault((_partition(now), rule), (now, Counter()))
            hours[f"{_FIRED}{now:%H}"] += 1
            if held:
                hours[f"{_HELD}{now:%H}"] += 1

    def flush(self) -> None:
        """Write the counts. Never raises, since a failed count must not prevent a notification."""
        with self._lock:
            counted, self._counted = self._counted, {}
        for (_, rule), (day, hours) in counted.items():
            try:
                self._store.add(day, rule, hours)
            except Unavailable as error:
                note(Code.FIRINGS_UNCOUNTED, error.detail, level=logging.WARNING, rule=rule)
