"""Count failed authentications per address: answer 429 after a few, and report events at certain counts.

Every key and token is checked, whatever its address has done before. So a refusal depends only on the key or token,
and API Gateway may cache it; only the 429, and how long to wait, depend on the address.

Counts are in the memory of one process, and there may be many processes, so this only slows guessing down; what
prevents it is that secrets are 32 random bytes. An event is stored once per address, hour and count, so that all
processes together report an address only a few times an hour.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from tocsin.addresses import network_of
from tocsin.aws.logging import Code, note
from tocsin.records import dataclass, field
from tocsin.times import utc_now

ALLOWED = 30
"""Failures of one address in one window, after which further ones are told to wait."""

WINDOW = timedelta(minutes=1)

TOLD_AT = (10, 100, 1_000, 10_000)
"""The counts of failures of one address in an hour at which an event is reported."""

MAX_TOLD = 20
"""Most events that one process reports per hour, for all addresses."""

_MOST = 10_000
"""Most addresses that are counted at a time: those that failed last."""

type Report = Callable[[str, int, datetime], None]
"""(address, failures, now): report an event. What it raises is logged and otherwise ignored."""


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
        """Count an invalid key or token from `address`. Returns how many seconds it should wait; None for no wait."""
        now = self.clock()
        network = network_of(address)
        count = self._counts.pop(network, None) or _Count()
        self._counts[network] = count  # reinserted at the end, since dicts keep their order
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
            except Exception as error:  # noqa: BLE001 - the request is refused in any case
                note(Code.SUSPICION_UNREPORTED, type(error).__name__, level=logging.ERROR, source_ip=network)
        if count.in_window <= ALLOWED:
            return None
        return max(1, round(WINDOW.total_seconds() * (window + 1) - now.timestamp()))


def _number(now: datetime, length: timedelta) -> int:
    return int(now.timestamp() // length.total_seconds())
