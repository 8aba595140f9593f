"""Throttling of DynamoDB, on demand: of a table, of one of its partitions, of an index.

DynamoDB takes 1,000 write units and 3,000 read units a second for one partition key; of an index too, whose throttled
partition throttles the writes of its table. Here each resource has an allowance that fills up at its rate, holds one
second's worth, and may be overdrawn by one request, as with DynamoDB, which knows a request's cost only afterwards.
Its burst capacity (unused units of up to five minutes, not guaranteed) is left out.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/gsi-throttling.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

PARTITION_WRITES_PER_S = 1_000
PARTITION_READS_PER_S = 3_000

type Kind = Literal["Read", "Write"]


@dataclass(frozen=True, slots=True)
class Use:
    """What a request uses of a table or of an index: of which partition, and how many units."""

    table: str
    index: str | None
    partition: str
    kind: Kind
    units: float


@dataclass(slots=True)
class Throttle:
    """One limit. `table` and `index` are globs; without an index it is for the table itself.

    It is a limit of each partition (`per_partition`; `partition` is a glob over partition keys), or of the whole.
    """

    table: str
    index: str | None = None
    per_partition: bool = True
    partition: str = "*"
    writes_per_s: float = PARTITION_WRITES_PER_S
    reads_per_s: float = PARTITION_READS_PER_S
    hits: int = field(default=0, init=False)

    def limits(self, use: Use) -> bool:
        """Whether that use counts against this limit."""
        if (self.index is None) != (use.index is None) or not fnmatchcase(use.table, self.table):
            return False
        if self.index is not None and not fnmatchcase(use.index or "", self.index):
            return False
        return fnmatchcase(use.partition, self.partition)

    def rate(self, kind: Kind) -> float:
        """Units a second."""
        return self.writes_per_s if kind == "Write" else self.reads_per_s

    def reason(self, use: Use) -> str:
        """AWS's word for it: resource, kind and limit; what a table on demand is limited by as a whole is a quota."""
        resource = "Table" if use.index is None else "Index"
        return f"{resource}{use.kind}{'KeyRangeThroughputExceeded' if self.per_partition else 'AccountLimitExceeded'}"


@dataclass(slots=True)
class _Allowance:
    units: float
    at: float


@dataclass(frozen=True, slots=True)
class Throttled:
    """Why a request is refused."""

    reason: str
    use: Use


class Capacity:
    """Keeps the allowances of all limits that are set."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Goes by `clock`, in seconds; limits nothing until it is told to."""
        self._clock = clock
        self._allowances: dict[tuple[int, str, str, str, Kind], _Allowance] = {}
        self.throttles: list[Throttle] = []

    def forget(self) -> None:
        """Limits nothing any more."""
        self.throttles.clear()
        self._allowances.clear()

    def refuses(self, uses: Iterable[Use]) -> Throttled | None:
        """Why these uses can't be had now, or None. What they need is not looked at, only whether anything is left."""
        for use in uses:
            for number, throttle in enumerate(self.throttles):
                if throttle.limits(use) and self._allowance(number, throttle, use).units <= 0:
                    throttle.hits += 1
                    return Throttled(throttle.reason(use), use)
        return None

    def charge(self, uses: Iterable[Use]) -> None:
        """Takes what was used from the allowances."""
        for use in uses:
            for number, throttle in enumerate(self.throttles):
                if throttle.limits(use):
                    self._allowance(number, throttle, use).units -= use.units

    def _allowance(self, number: int, throttle: Throttle, use: Use) -> _Allowance:
        """What a limit has left for a use, filled up to now."""
        partition = use.partition if throttle.per_partition else "*"
        place = (number, use.table, use.index or "", partition, use.kind)
        now, rate = self._clock(), throttle.rate(use.kind)
        allowance = self._allowances.setdefault(place, _Allowance(rate, now))
        allowance.units = min(rate, allowance.units + rate * (now - allowance.at))
        allowance.at = now
        return allowance
