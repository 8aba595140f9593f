"""What the schedule does each minute: put deliveries that go on back on their queues.

    those that are due          a retry whose time has come, a message that SQS did not bring back, a delivery
                                whose function died
    those that wait             for the end of quiet hours, or for a digest: each person's become one message
    steps of escalations        that are due: they are handed to the match queue, since the matcher tells people
    those that are held         one a minute of a transport whose breaker is open, to try its endpoint; the
                                others in order and at a bounded rate once it is back, or was given up

Deliveries are found by an index and claimed one by one, by a conditional write: two runs at once, or one that
dies in between, send nothing twice and lose nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from tocsin.aws.dynamodb import Item
from tocsin.aws.logging import Code, logger, note
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.alerts import Alerts
from tocsin.deliveries.breaker import GIVES_UP_AFTER, RELEASED_A_MINUTE, Breaker, BreakerState
from tocsin.deliveries.breaker_store import BreakerStore, breaker_of
from tocsin.deliveries.digest_store import DigestStore, Head
from tocsin.deliveries.digests import HEADS_AT_ONCE, Digests
from tocsin.deliveries.due_steps import MATTERS_AT_ONCE, DueSteps
from tocsin.deliveries.escalation_store import ESCALATION_SHARDS
from tocsin.deliveries.items import DUE_SHARDS, Place
from tocsin.deliveries.matters import DueMatter
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.queues import Queues
from tocsin.deliveries.readers import Readers
from tocsin.deliveries.redrive_store import GivenUp, RedeliveryStore, Span
from tocsin.deliveries.waiting_store import DIGEST_SHARDS
from tocsin.errors import Unavailable
from tocsin.notifications.outcome import State
from tocsin.times import utc_now

PAGE = 200
"""Deliveries of a shard that are claimed before they are sent: so many are late by an hour if a run dies in between."""

PARALLEL = 8
_MINUTE = 60


class Redrive:
    """One run of the schedule.

    A failure with one delivery, shard or breaker stops no other: it is logged, and the next run tries again. A run in
    which something failed raises Unavailable at its end, so that an alarm rings.
    """

    def __init__(
        self,
        *,
        configuration: ConfigurationStore,
        deliveries: RedeliveryStore,
        breakers: BreakerStore,
        alerts: Alerts,
        queues: Queues,
        digests: DigestStore,
        readers: Readers,
        steps: DueSteps,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._configuration = configuration
        self._deliveries = deliveries
        self._breakers = breakers
        self._alerts = alerts
        self._queues = queues
        self._digests = Digests(digests, steps.matters, readers, clock)
        self._steps = steps
        self._clock = clock

    def run(self, *, for_at_most: timedelta) -> Counter[str]:
        """Put deliveries back on their queues, and hand steps on. Return {due, digests, steps, probes, released}."""
        until = self._clock() + for_at_most
        done: Counter[str] = Counter()
        _, configuration = self._configuration.current()
        failures = _Failures()
        for transport, item in (failures.none_where_it_fails(self._breakers.stored) or {}).items():
            released = partial(self._of_stored, item, configuration)
            done += failures.none_where_it_fails(released, transport=transport) or Counter()
        keep = configuration.settings.stories_kept
        with ThreadPoolExecutor(PARALLEL) as pool:
            for count in pool.map(lambda shard: self._due(shard, until, failures), range(DUE_SHARDS)):
                done["due"] += count
            tell = partial(self._tell_digests, until=until, keep=keep, failures=failures)
            for count in pool.map(tell, range(DIGEST_SHARDS)):
                done["digests"] += count
            for count in pool.map(lambda shard: self._hand_on(shard, until, failures), range(ESCALATION_SHARDS)):
                done["steps"] += count
        note(Code.REDRIVE_DONE, "put back on their queues", failed=len(failures), **done)
        failures.raise_first()
        return done

    def _due(self, shard: int, until: datetime, failures: _Failures) -> int:
        sent = 0
        while (now := self._clock()) <= until:
            due = partial(self._deliveries.due, shard, now=now, limit=PAGE)
            places = failures.none_where_it_fails(due, shard=shard) or []
            claim = partial(self._deliveries.claim, now=now, give_up=partial(self._tell_given_up, now=now))
            claimed = [
                failures.none_where_it_fails(partial(claim, place), delivery_id=place.delivery_id) for place in places
            ]
            sent += self._queues.send([(each, 0) for each in claimed if isinstance(each, DeliveryMessage)])
            if len(places) < PAGE or not any(claimed):
                break
        return sent

    def _tell_digests(self, shard: int, *, until: datetime, keep: timedelta, failures: _Failures) -> int:
        sent = 0
        while self._clock() <= until:
            heads = failures.none_where_it_fails(partial(self._digests.due, shard), shard=f"digest-{shard}") or []

            def tell(head: Head) -> DeliveryMessage | None:
                return failures.none_where_it_fails(partial(self._digests.tell, head, keep=keep), digest=head.partition)

            with ThreadPoolExecutor(PARALLEL) as pool:
                told = [message for message in pool.map(tell, heads) if message is not None]
            sent += self._queues.send([(message, 0) for message in told])
            if len(heads) < HEADS_AT_ONCE or not told:
                break
        return sent

    def _hand_on(self, shard: int, until: datetime, failures: _Failures) -> int:
        """Hand the due steps of a shard on. Return how many."""

        def step(due: DueMatter) -> bool | None:
            return failures.none_where_it_fails(partial(self._steps.step, due), rule=due.rule, about=due.about)

        handed_on = 0
        while self._clock() <= until:
            found = failures.none_where_it_fails(partial(self._steps.due, shard), shard=f"escalation-{shard}") or []
            with ThreadPoolExecutor(PARALLEL) as pool:
                stepped = list(pool.map(step, found))
            handed_on += stepped.count(True)
            if len(found) < MATTERS_AT_ONCE or True not in stepped:
                break
        return handed_on

    def _tell_given_up(self, ended: GivenUp, *, now: datetime) -> None:
        self._alerts.failed(ended.message, None, ended.outcome, now=now)

    def _of_stored(self, item: Item, configuration: Configuration) -> Counter[str]:
        return self._of_breaker(breaker_of(item), configuration)

    def _of_breaker(self, breaker: Breaker, configuration: Configuration) -> Counter[str]:
        now, why = self._clock(), ""
        transport = configuration.transports_by_name.get(breaker.transport)
        current = transport is not None and transport.fingerprint == breaker.of
        if current and breaker.hopeless(now):
            why = f"its endpoint failed for {GIVES_UP_AFTER.days} days, the last time with {breaker.reason}"
            if self._breakers.disable(breaker.transport, breaker.of, breaker.reason, now=now):
                note(Code.TRANSPORT_DISABLED, why, level=logging.ERROR, transport=breaker.transport)
            breaker = replace(breaker, state=BreakerState.DISABLED)
        if current and breaker.state is BreakerState.DISABLED and not breaker.told:
            why = why or f"its endpoint failed, the last time with {breaker.reason}"
            if self._alerts.disabled(breaker.transport, why, now=now):
                self._breakers.note_told(breaker.transport, breaker.of)
        if current and breaker.state is BreakerState.OPEN:
            return Counter(probes=self._release(breaker, 1, probe=True, now=now))
        if not current and (breaker.state is not BreakerState.DRAINING or breaker.failures):
            # An index may not show yet what it held a moment ago, by functions that know the old configuration.
            breaker = self._breakers.drain(breaker, now=now)
        released = self._release(breaker, RELEASED_A_MINUTE, probe=False, now=now)
        if not released and breaker.drained(now):
            self._breakers.forget(breaker)
        return Counter(released=released)

    def _release(self, breaker: Breaker, at_most: int, *, probe: bool, now: datetime) -> int:
        """Release the oldest held deliveries of a transport, spread over the minute."""
        held = Span((breaker.transport,), (State.HELD,))
        places: list[Place] = self._deliveries.oldest(held, after=None, limit=at_most)
        with ThreadPoolExecutor(PARALLEL) as pool:
            claimed = list(pool.map(lambda place: self._deliveries.release(place, breaker.transport, now=now), places))
        messages = [replace(message, probe=probe) for message in claimed if message is not None]
        return self._queues.send(
            [(message, position * _MINUTE // RELEASED_A_MINUTE) for position, message in enumerate(messages)]
        )


class _Failures:
    """Errors of a run that goes on in spite of them."""

    def __init__(self) -> None:
        self._errors: list[Unavailable] = []

    def __len__(self) -> int:
        return len(self._errors)

    def none_where_it_fails[Result](self, call: Callable[[], Result], **names: object) -> Result | None:
        """Return what `call` returns; None, and a log line with `names`, where it raises Unavailable, or has a fault.

        An item that can't be read is a fault: it would end each run, and all others with it.
        """
        try:
            return call()
        except Unavailable as error:
            note(Code.REDRIVE_FAILED, error.detail, level=logging.ERROR, **names)
            self._errors.append(error)
        except Exception as error:  # noqa: BLE001 - one delivery's trouble must stay its own
            logger.exception("a part of the run failed", extra={"code": Code.REDRIVE_FAILED.value, **names})
            self._errors.append(Unavailable(f"a fault of Tocsin's: {type(error).__name__}"))
        return None

    def raise_first(self) -> None:
        """Raise the first of the errors, if there was one."""
        if self._errors:
            raise self._errors[0]
