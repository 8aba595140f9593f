"""A breaker a transport: what keeps one dead endpoint from costing every other one.

    closed    ──10 failures in a row over 10 minutes──►  open      deliveries are held, one probe a minute
    open      ──a success────────────────────────────►  draining  the held ones flow, in order, at a bounded rate
    draining  ──5 minutes, nothing held any more─────►  closed
    open      ──5 days, or any ──410 Gone────────────►  disabled  deliveries fail and say so, until it is reset

A transport that is configured anew (another URL, another secret) begins with a closed breaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.times import iso
from tocsin.types import JsonObject

OPENS_AFTER = 10
"""Failures in a row."""
OPENS_OVER = timedelta(minutes=10)
"""How long they have to have gone on: a burst of failures in a bad minute opens nothing."""
HANGS_AFTER = 3
"""Failures in a row, of which the last one was that no answer came in time."""
GIVES_UP_AFTER = timedelta(days=5)
TIMED_OUT = "timeout"
"""The reason of an attempt that was not answered in time (`outbound.FailureKind`)."""
DRAINS_FOR = timedelta(minutes=5)
"""At least: a delivery that was held just before the endpoint came back may not stand in the index yet."""
RELEASED_A_MINUTE = 600
"""Held deliveries of one transport that are let go in a minute: ten a second."""


class BreakerState(StrEnum):
    """Whether a transport's deliveries go out."""

    CLOSED = "closed"
    OPEN = "open"
    DRAINING = "draining"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of a transport's endpoint. A transport without one has had no failure lately.

    `failures` counts those in a row, `since` is the first of them. `of` is the configuration (the transport's
    fingerprint) that it is about.
    """

    transport: str
    of: str
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    since: datetime | None = None
    changed_at: datetime | None = None
    """When it was opened or disabled, or began to drain."""
    reason: str = ""
    """The last failure's word."""

    def ripe(self, now: datetime) -> bool:
        """Whether so much has failed for so long that it opens."""
        long_enough = self.since is not None and now - self.since >= OPENS_OVER
        return self.state in {BreakerState.CLOSED, BreakerState.DRAINING} and (
            self.failures >= OPENS_AFTER and long_enough
        )

    @property
    def hangs(self) -> bool:
        """Whether attempts take as long as they may, and so are to be few. A disabled one makes none at all."""
        return self.state is not BreakerState.DISABLED and self.failures >= HANGS_AFTER and self.reason == TIMED_OUT

    def hopeless(self, now: datetime) -> bool:
        """Whether it has been open for so long that nobody expects the endpoint back."""
        return (
            self.state is BreakerState.OPEN and self.changed_at is not None and now - self.changed_at >= GIVES_UP_AFTER
        )

    def drained(self, now: datetime) -> bool:
        """Whether what was held is known to have gone, if nothing held is found: it has drained for a while."""
        long_enough = self.changed_at is None or now - self.changed_at >= DRAINS_FOR
        return self.state is BreakerState.DRAINING and not self.failures and long_enough

    def to_json(self) -> JsonObject:
        """As the API shows it."""
        return {
            "transport": self.transport,
            "state": self.state.value,
            "failures_in_a_row": self.failures,
            "failing_since": None if self.since is None else iso(self.since),
            "changed_at": None if self.changed_at is None else iso(self.changed_at),
            "last_failure": self.reason or None,
        }
