"""What the schedule does each minute: puts back on their queues the deliveries that go on.

    those that are due          a retry whose time has come, a message that SQS did not bring back, a delivery
                                whose function died
    those that are held         one a minute of a transport whose breaker is open, to try its endpoint; the
                                others in order and at a bounded rate once it is back, or was given up

Everything is found by an index, and claimed one by one by a conditional write: two runs at once, or one that
dies in between, send nothing twice and forget nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.aws.logging import Code, note
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.alerts import Alerts
from tocsin.deliveries.breaker import GIVES_UP_AFTER, RELEASED_A_MINUTE, Breaker, BreakerState
from tocsin.deliveries.breaker_store import BreakerStore
from tocsin.deliveries.items import DUE_SHARDS, Place
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.queues import Queues
from tocsin.deliveries.redrive_store import GivenUp, RedeliveryStore, Span
from tocsin.notifications.outcome import State
from tocsin.times import utc_now

PAGE = 200
"""Deliveries of a shard that are claimed before they are sent: what a death in between delays by an hour."""

PARALLEL = 8
_MINUTE = 60


class Redrive:
    """One run of the schedule. Raises Unavailable where a table does not do as asked: the next run goes on."""

    def __init__(
        self,
        *,
        configuration: ConfigurationStore,
        deliveries: RedeliveryStore,
        breakers: BreakerStore,
        alerts: Alerts,
        queues: Queues,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._configuration = configuration
        self._deliveries = deliveries
        self._breakers = breakers
        self._alerts = alerts
        self._queues = queues
        self._clock = clock

    def run(self, *, for_at_most: timedelta) -> Counter[str]:
        """Put back what goes on; {due, probes, released}: how many."""
        until = self._clock() + for_at_most
        done: Counter[str] = Counter()
        _, configuration = self._configuration.current()
        for breaker in self._breakers.all():
            done += self._of_breaker(breaker, configuration)
        with ThreadPoolExecutor(PARALLEL) as pool:
            for count in pool.map(lambda shard: self._due(shard, until), range(DUE_SHARDS)):
                done["due"] += count
        note(Code.REDRIVE_DONE, "put back on their queues", **done)
        return done

    def _due(self, shard: int, until: datetime) -> int:
        sent = 0
        while (now := self._clock()) <= until:
            places = self._deliveries.due(shard, now=now, limit=PAGE)
            claimed = [self._deliveries.claim(place, now=now) for place in places]
            sent += self._queues.send([(each, 0) for each in claimed if isinstance(each, DeliveryMessage)])
            for given_up in claimed:
                if isinstance(given_up, GivenUp):
                    self._alerts.failed(given_up.message, None, given_up.outcome, now=now)
            if len(places) < PAGE:
                break
        return sent

    def _of_breaker(self, breaker: Breaker, configuration: Configuration) -> Counter[str]:
        now = self._clock()
        transport = configuration.transports_by_name.get(breaker.transport)
        current = transport is not None and transport.fingerprint == breaker.of
        if current and breaker.hopeless(now):
            why = f"its endpoint failed for {GIVES_UP_AFTER.days} days, the last time with {breaker.reason}"
            if self._breakers.disable(breaker.transport, breaker.of, breaker.reason, now=now):
                note(Code.TRANSPORT_DISABLED, why, level=logging.ERROR, transport=breaker.transport)
                self._alerts.disabled(breaker.transport, why, now=now)
            breaker = replace(breaker, state=BreakerState.DISABLED)
        if current and breaker.state is BreakerState.OPEN:
            return Counter(probes=self._release(breaker, 1, probe=True, now=now))
        released = self._release(breaker, RELEASED_A_MINUTE, probe=False, now=now)
        if not released and (not current or (breaker.state is BreakerState.DRAINING and not breaker.failures)):
            self._breakers.forget(breaker)
        return Counter(released=released)

    def _release(self, breaker: Breaker, at_most: int, *, probe: bool, now: datetime) -> int:
        """Let go of the oldest held deliveries of a transport, spread over the minute."""
        held = Span((breaker.transport,), (State.HELD,))
        places: list[Place] = self._deliveries.oldest(held, after=None, limit=at_most)
        with ThreadPoolExecutor(PARALLEL) as pool:
            claimed = list(pool.map(lambda place: self._deliveries.release(place, breaker.transport, now=now), places))
        messages = [replace(message, probe=probe) for message in claimed if message is not None]
        return self._queues.send(
            [(message, position * _MINUTE // RELEASED_A_MINUTE) for position, message in enumerate(messages)]
        )
