"""What a function knows of its transports' breakers: asked before each attempt, told after it.

A healthy transport costs one read in a few seconds and no write; a failing one at most one write a second from
each process, however many deliveries fail. Only what holds a delivery is read each time: an open breaker that is
remembered would hold again what its recovery has just let go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.deliveries.breakers import Breaker, BreakerState
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.store.breakers import BreakerStore

REMEMBERED = timedelta(seconds=2)
"""How old a process's knowledge of a breaker may be."""
WRITTEN_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Known:
    breaker: Breaker | None
    at: datetime

    @property
    def holds(self) -> bool:
        return self.breaker is not None and self.breaker.state is BreakerState.OPEN


class Gate:
    """The breakers as one process sees them. Methods raise Unavailable."""

    def __init__(self, breakers: BreakerStore) -> None:
        self._breakers = breakers
        self._known: dict[str, _Known] = {}
        self._written: dict[str, datetime] = {}

    def state(self, transport: NotificationTransport, *, now: datetime) -> BreakerState:
        """Whether the transport's deliveries go out now. The inbox is our own table, and always open to them."""
        if transport.mode is TransportMode.LOCAL:
            return BreakerState.CLOSED
        breaker = self._breaker(transport, now)
        return BreakerState.CLOSED if breaker is None else breaker.state

    def reason(self, transport: NotificationTransport, *, now: datetime) -> str:
        """The last failure's word."""
        breaker = self._breaker(transport, now)
        return "" if breaker is None else breaker.reason

    def hangs(self, transport: NotificationTransport, *, now: datetime) -> bool:
        """Whether the transport's endpoint has kept us waiting in vain, time and again and the last time too."""
        if transport.mode is TransportMode.LOCAL:
            return False
        breaker = self._breaker(transport, now)
        return breaker is not None and breaker.hangs

    def succeeded(self, transport: NotificationTransport, *, now: datetime, retried: bool = False) -> bool:
        """The endpoint took a delivery; whether that ended a time when it was thought to be dead.

        One that was `retried` was counted as a failure before, perhaps by a process of which this one does not know
        yet: that count ends here, or it would be added to in weeks.
        """
        if transport.mode is TransportMode.LOCAL:
            return False
        if retried:
            self._forget(transport.name)
        breaker = self._breaker(transport, now)
        if breaker is None or (breaker.state is BreakerState.DRAINING and not breaker.failures):
            return False
        if breaker.state is BreakerState.CLOSED:
            self._breakers.forget(breaker)
            self._known[transport.name] = _Known(None, now)
            return False
        self._breakers.recover(transport.name, transport.fingerprint)
        self._forget(transport.name)
        return True

    def failed(self, transport: NotificationTransport, reason: str, *, now: datetime) -> bool:
        """The endpoint did not take a delivery, and may later; whether that opened the breaker."""
        if transport.mode is TransportMode.LOCAL:
            return False
        written = self._written.get(transport.name)
        if written is not None and now - written < WRITTEN_EVERY:
            return False
        self._written[transport.name] = now
        breaker = self._breakers.failed(transport.name, transport.fingerprint, reason, now=now)
        opened = breaker.ripe(now) and self._breakers.open(transport.name, now=now)
        self._known[transport.name] = _Known(breaker, now)
        if opened:
            self._forget(transport.name)
        return opened

    def gone(self, transport: NotificationTransport, reason: str, *, now: datetime) -> bool:
        """The endpoint wants nothing any more; whether that is news."""
        disabled = self._breakers.disable(transport.name, transport.fingerprint, reason, now=now)
        self._forget(transport.name)
        return disabled

    def _breaker(self, transport: NotificationTransport, now: datetime) -> Breaker | None:
        """The breaker of the transport as it is configured now."""
        known = self._known.get(transport.name)
        if known is None or known.holds or not timedelta(0) <= now - known.at < REMEMBERED:
            known = self._known[transport.name] = _Known(self._breakers.get(transport.name), now)
        if known.breaker is None or known.breaker.of != transport.fingerprint:
            return None
        return known.breaker

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
