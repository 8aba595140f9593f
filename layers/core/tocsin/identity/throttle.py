"""Failed authentications, counted an address: throttled beyond a few, told of as events beyond some, both bounded.

What is counted is in this process's memory, and there may be many processes: it is a brake, not a wall. The wall
is a secret of 32 random bytes. An event is stored once for an address, hour and count, so that all processes together
report an address no more than a few times an hour.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tocsin.addresses import parse_address
from tocsin.aws.logging import Code, note
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache

ALLOWED = 30
"""Failures of one address in one window before its unknown keys are no longer looked up."""

WINDOW = timedelta(minutes=1)

TOLD_AT = (10, 100, 1_000, 10_000)
"""Failures of one address in an hour that are each an event."""

MAX_TOLD = 20
"""Events an hour that one process reports, whatever the number of addresses."""

_KNOWN_FOR = timedelta(minutes=5)
_MOST = 10_000

type Report = Callable[[str, int, datetime], None]
"""(address, failures, now): report an event; what it raises is logged, and stops nothing."""


class Throttled(Exception):
    """Too many failures came from this address; `retry_after` seconds from now it may try again."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


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
    _known: TTLCache[str, None] = field(init=False)
    _told: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self._known = TTLCache(_KNOWN_FOR, clock=self.clock)

    def check(self, address: str, authorization: str) -> None:
        """Throttled where `address` failed too often, unless this very header was good a moment ago.

        Whoever shares an address with an attacker goes on being let in.
        """
        count = self._counts.get(network_of(address))
        now = self.clock()
        window = _number(now, WINDOW)
        if count is None or count.window != window or count.in_window < ALLOWED:
            return
        if self._known.get(_digest(authorization)) is None:
            left = WINDOW.total_seconds() * (window + 1) - now.timestamp()
            raise Throttled(
                "too many unknown keys or tokens came from this address; wait, then try again", max(1, round(left))
            )

    def known(self, authorization: str) -> None:
        """This header was good."""
        self._known.put(_digest(authorization), None)

    def failed(self, address: str) -> None:
        """A key from `address` was not known."""
        now = self.clock()
        network = network_of(address)
        if network not in self._counts and len(self._counts) >= _MOST:
            self._counts.clear()
        count = self._counts.setdefault(network, _Count())
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


def network_of(address: str) -> str:
    """What one caller has: an IPv4 address, the /64 of an IPv6 one; any other text as it is."""
    parsed = parse_address(address)
    if parsed is None:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _number(now: datetime, length: timedelta) -> int:
    return int(now.timestamp() // length.total_seconds())


def _digest(authorization: str) -> str:
    # Keys are not kept in memory as they are, where a dump would show them.
    return hashlib.sha256(authorization.encode("utf-8", "surrogatepass")).hexdigest()
