"""Failed authentications, counted an address: answered 429 beyond a few, told of as events beyond some, both bounded.

Every key and token is looked at, whatever its address has done: what is refused here is refused everywhere, so that API
Gateway may remember the refusal for that key or token. That it is told to wait is a matter of the address alone.

What is counted is in this process's memory, and there may be many processes: it is a brake, not a wall. The wall
is a secret of 32 random bytes. An event is stored once for an address, hour and count, so that all processes together
report an address no more than a few times an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tocsin.addresses import network_of
from tocsin.aws.logging import Code, note
from tocsin.times import utc_now

ALLOWED = 30
"""Failures of one address in one window before those that follow are told to wait."""

WINDOW = timedelta(minutes=1)

TOLD_AT = (10, 100, 1_000, 10_000)
"""Failures of one address in an hour that are each an event."""

MAX_TOLD = 20
"""Events an hour that one process reports, whatever the number of addresses."""

_MOST = 10_000
"""Addresses that are kept: those that failed last."""

type Report = Callable[[str, int, datetime], None]
"""(address, failures, now): report an event; what it raises is logged, and stops nothing."""


@dataclass(slots=True)
class _Count:
    window: int = 0
    in_window: int = 0
    hour: int = 0
    in_hour: int = 0


@dataclass(slots=True)
class FailedSignIns:
    """The failures of each address, as this process knows them."""

    report: Report
    clock: Callable[[], datetime] = utc_now
    _counts: dict[str, _Count] = field(default_factory=dict)
    _told: tuple[int, int] = (0, 0)

    def failed(self, address: str) -> int | None:
        """Count a key or token from `address` that was not good; for how many seconds it should wait, None for none."""
        now = self.clock()
        network = network_of(address)
        count = self._counts.pop(network, None) or _Count()
        self._counts[network] = count  # behind all others: dicts keep their order
        if len(self._counts) > _MOST:
            del self._counts[next(iter(self._counts))]
        window, hour = _number(now, WINDOW), _number(now, timedelta(hours=1))
        count.in_window = count.in_window + 1 if count.window == window else 1
        count.in_hour = count.in_hour + 1 if count.hour == hour else 1
        count.window, count.hour = window, hour
        told = self._told[1] if self._told[0] == hour else 0
        if count.in_hour in TOLD_AT and told < MAX_TOLD:
            self._told = (hour, told + 1)
            try:
                self.report(network, count.in_hour, now)
            except Exception as error:  # noqa: BLE001 - the request is refused all the same
                note(Code.SUSPICION_UNREPORTED, type(error).__name__, level=logging.ERROR, source_ip=network)
        if count.in_window <= ALLOWED:
            return None
        return max(1, round(WINDOW.total_seconds() * (window + 1) - now.timestamp()))


def _number(now: datetime, length: timedelta) -> int:
    return int(now.timestamp() // length.total_seconds())
