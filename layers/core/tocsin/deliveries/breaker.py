"""A circuit breaker for each transport, so that one dead endpoint does not delay deliveries to all others.

    closed    ──10 failures in a row over 10 minutes──►  open      deliveries are held, one probe a minute
    open      ──a success────────────────────────────►  draining  held deliveries are sent, in order, at a bounded rate
    draining  ──5 minutes, nothing held any more─────►  closed
    open      ──5 days, or any ──410 Gone────────────►  disabled  deliveries fail, with this reason, until it is reset

A transport whose configuration changes (another URL, another secret) starts with a closed breaker.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import JsonObject

OPENS_AFTER = 10
"""Failures in a row."""
OPENS_OVER = timedelta(minutes=10)
"""The least time that they last: a burst of failures within a minute does not open the breaker."""
HANGS_AFTER = 3
"""Failures in a row, the last of them a timeout."""
GIVES_UP_AFTER = timedelta(days=5)
TIMED_OUT = "timeout"
"""The reason of an attempt that was not answered in time (`outbound.FailureKind`)."""
DRAINS_FOR = timedelta(minutes=5)
"""At least: a delivery that was held just before the endpoint came back may not be in the index yet."""
RELEASED_A_MINUTE = 600
"""Held deliveries of one transport that are released in a minute: ten a second."""


class BreakerState(StrEnum):
    """Whether a transport's deliveries go out."""

    CLOSED = "closed"
    OPEN = "open"
    DRAINING = "draining"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of a transport's endpoint. A transport without a breaker has had no failure lately.

    `failures` counts failures in a row, `since` is when the first of them was. `of` is the fingerprint of the
    transport's configuration that they were about.
    """

    transport: str
    of: str
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    since: datetime | None = None
    changed_at: datetime | None = None
    """When it was opened or disabled, or started to drain."""
    reason: str = ""
    """Why the last attempt failed, as one word: http_500, timeout."""
    told: bool = False
    """Whether an event says that it is disabled: else the schedule makes up for who died before that was stored."""

    def ripe(self, now: datetime) -> bool:
        """Whether enough attempts have failed, over enough time, for it to open."""
        long_enough = self.since is not None and now - self.since >= OPENS_OVER
        return self.state in {BreakerState.CLOSED, BreakerState.DRAINING} and (
            self.failures >= OPENS_AFTER and long_enough
        )

    @property
    def hangs(self) -> bool:
        """Whether attempts mostly time out, so that few are to be made. A disabled breaker lets none through anyway."""
        return self.state is not BreakerState.DISABLED and self.failures >= HANGS_AFTER and self.reason == TIMED_OUT

    def hopeless(self, now: datetime) -> bool:
        """Whether it has been open for so long that it is to be disabled."""
        return (
            self.state is BreakerState.OPEN and self.changed_at is not None and now - self.changed_at >= GIVES_UP_AFTER
        )

    def drained(self, now: datetime) -> bool:
        """Whether it has drained for long enough: if no held delivery is found now, none is left."""
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
