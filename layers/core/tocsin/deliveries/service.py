"""Delivery operations of the API: list, get, retry, redrive, test a transport, breakers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.breaker import Breaker, BreakerState
from tocsin.deliveries.breaker_store import BreakerStore
from tocsin.deliveries.items import Place
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.queues import Queues
from tocsin.deliveries.redrive_store import RedeliveryStore, Span
from tocsin.deliveries.store import DeliveryStore
from tocsin.errors import Conflict, Invalid, NotFound, Unavailable, Violation
from tocsin.events.model import Event, stored_action
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.ids import id_prefix, new_id
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import JsonObject, Page

LISTED = tuple(state for state in State if state is not State.DELIVERING)
"""States that deliveries are listed by; one that is being delivered is listed by the state it had before."""

TEST_RULE = "test"
"""What a test notification names as its rule; there need not be one."""
TEST_WAITS = 20.0
"""Seconds: more than an attempt may take, less than API Gateway's timeout."""

_PARALLEL = 16

type Left = Callable[[Iterable[tuple[DeliveryMessage, JsonObject | None]]], dict[str, Outcome]]
"""Finds why messages are not sent whose person left, by their delivery's id (`deliveries.leavers`)."""


@dataclass(frozen=True, slots=True)
class Redriven:
    """How many deliveries were put on their queue and how many were not, and the position to go on from.

    `gone` are those of `skipped` that were discarded, since their person left.
    """

    queued: int
    skipped: int
    gone: int
    cursor: str | None


class DeliveryService:
    """Raises NotFound, Conflict, Invalid and Unavailable."""

    def __init__(
        self,
        *,
        configuration: ConfigurationStore,
        people: PeopleStore,
        left: Left,
        deliveries: DeliveryStore,
        redeliveries: RedeliveryStore,
        breakers: BreakerStore,
        queues: Queues,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._configuration = configuration
        self._people = people
        self._left = left
        self._deliveries = deliveries
        self._redeliveries = redeliveries
        self._breakers = breakers
        self._queues = queues
        self._clock = clock
        self._sleep = sleep

    # ── looking ──────────────────────────────────────────────────────────────

    def list(
        self,
        *,
        transport: str | None,
        states: Sequence[State],
        since: datetime | None,
        until: datetime | None,
        before: str | None,
        limit: int,
    ) -> Page[JsonObject]:
        """List deliveries by the time of their events, newest first; of all configured transports, or of one."""
        names = [transport] if transport is not None else sorted(self._current().transports_by_name)
        span = Span(names, states or LISTED, _id_at(since, ""), _id_at(until, "g"))
        places = self._redeliveries.newest(span, before=before, limit=limit)
        shown = self._redeliveries.read(places, now=self._clock())
        return Page(tuple(shown), places[-1].delivery_id if len(places) == limit else None)

    def get(self, delivery_id: str) -> JsonObject:
        """One delivery."""
        found = self._deliveries.get(delivery_id)
        if found is None:
            raise NotFound(f"there is no delivery {delivery_id}, or it has expired")
        return found

    # ── sending again ────────────────────────────────────────────────────────

    def retry(self, delivery_id: str) -> JsonObject:
        """Send a delivery again, from the beginning of its schedule. Conflict where it was told, or its person left."""
        told = (State.DELIVERED, State.JOINED)
        place, now = Place.of(delivery_id), self._clock()
        if gone := self._discard_gone([place], skip=told, now=now):
            raise Conflict(f"it is not sent again: {gone[delivery_id].detail}")
        queued = self._redeliveries.requeue(place, now=now, skip=told)
        if queued is None:
            raise NotFound(f"there is no delivery {delivery_id}, or it has expired")
        if isinstance(queued, State):
            raise Conflict(f"the delivery is {queued.value}; it is not sent again")
        if queued.test:
            raise Conflict("this was a test, whose event is stored nowhere; test the transport again")
        if not self._queues.send([(queued, 0)]):
            raise Unavailable("the queue does not take it now; the schedule sends it within an hour")
        return self.get(delivery_id)

    def redrive(
        self,
        *,
        transport: str,
        states: Sequence[State],
        since: datetime | None,
        until: datetime | None,
        after: str | None,
        limit: int,
    ) -> Redriven:
        """Send at most `limit` deliveries again, oldest event first, after the id `after`.

        Repeating this is harmless: deliveries that were queued are no longer in their old state.
        """
        span = Span((transport,), states, _id_at(since, ""), _id_at(until, "g"))
        places = self._redeliveries.oldest(span, after=after, limit=limit)
        skip = tuple(state for state in State if state not in states)
        now = self._clock()
        gone = self._discard_gone(places, skip=skip, now=now)
        wanted = [place for place in places if place.delivery_id not in gone]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            queued = list(pool.map(lambda place: self._redeliveries.requeue(place, now=now, skip=skip), wanted))
        messages = [(message, 0) for message in queued if isinstance(message, DeliveryMessage) and not message.test]
        sent = self._queues.send(messages)
        cursor = places[-1].delivery_id if len(places) == limit else None
        return Redriven(sent, len(places) - sent, len(gone), cursor)

    def _discard_gone(self, places: Sequence[Place], *, skip: Sequence[State], now: datetime) -> dict[str, Outcome]:
        """Discard those of `places` whose person left. Return why, by their ids; their attempts say so too.

        Those in a state of `skip` are left alone, and what a function has now, which asks by itself.
        """
        asked = {
            found.message.delivery_id: found
            for found in self._redeliveries.found(places)
            if found.state not in skip and found.state is not State.DELIVERING and not found.message.test
        }
        gone = self._left((found.message, found.digest) for found in asked.values())
        with ThreadPoolExecutor(_PARALLEL) as pool:
            list(pool.map(lambda each: self._redeliveries.discard(asked[each], gone[each], now=now), gone))
        return gone

    # ── trying a transport ───────────────────────────────────────────────────

    def test(self, transport_name: str, username: str | None) -> JsonObject:
        """Send a test notification by the same queue and function as every other, and wait for the outcome.

        Return the delivery when it has an outcome, or after TEST_WAITS seconds. Its event is in no table, so that no
        rule fires for it. It goes out although the transport's breaker is open, and is tried once.
        """
        transport = self._transport(transport_name)
        user = self._person(username)
        if user is None and transport.mode in {TransportMode.EMAIL, TransportMode.LOCAL}:
            raise Invalid([Violation("user", f"a transport of mode {transport.mode.value} needs a person to be told")])
        message = self._test_message(transport, user)
        if not self._queues.send([(message, 0)]):
            raise Unavailable("the queue does not take the test now", retry_after=5)
        waited = 0.0
        while waited < TEST_WAITS:
            found = self._deliveries.get(message.delivery_id)
            if found is not None and State(str(found["state"])).final:
                return found
            pause = min(0.1 + waited / 10, 1.0)
            self._sleep(pause)
            waited += pause
        found = self._deliveries.get(message.delivery_id)
        return found or {"id": message.delivery_id, "state": State.QUEUED.value, "attempts": []}

    def _test_message(self, transport: NotificationTransport, user: User | None) -> DeliveryMessage:
        now = self._clock()
        event = Event(
            id=new_id(now),
            action=stored_action("custom_test"),
            app="tocsin",
            user={} if user is None else {"username": user.username, "email": user.email},
            context={"message": f"This is a test of the transport {transport.name}."},
            client_ip=None,
            brand=self._configuration.version().settings.brand,
            expires=now + timedelta(days=1),
        )
        return DeliveryMessage(
            event_id=event.id,
            rule=TEST_RULE,
            severity=Severity.NOTICE,
            transport=transport.name,
            mode=transport.mode,
            user=user,
            once=transport.send_once,
            event=event,
            test=True,
        )

    def _person(self, username: str | None) -> User | None:
        if username is None:
            return None
        user = self._people.users([username]).get(username)
        if user is None:
            raise Invalid([Violation("user", f"there is no user {username[:100]!r}")])
        return user

    # ── breakers ─────────────────────────────────────────────────────────────

    def breaker(self, transport_name: str) -> Breaker:
        """The breaker of a transport; a closed one where nothing has failed lately."""
        transport = self._transport(transport_name)
        return _of_now(transport, self._breakers.get(transport.name))

    def breakers(self) -> Sequence[Breaker]:
        """The breakers of all configured transports, by name."""
        known = {found.transport: found for found in self._breakers.all()}
        return [
            _of_now(transport, known.get(name))
            for name, transport in sorted(self._current().transports_by_name.items())
        ]

    def reset(self, transport_name: str) -> Breaker:
        """Close the breaker of a transport. Held deliveries are queued from the next minute on."""
        transport = self._transport(transport_name)
        if self.breaker(transport_name).state is not BreakerState.CLOSED:
            self._breakers.recover(transport.name, transport.fingerprint, now=self._clock())
        return self.breaker(transport_name)

    def _transport(self, name: str) -> NotificationTransport:
        _, transport = self._configuration.having(lambda known: known.transports_by_name.get(name))
        if transport is None:
            raise NotFound(f"there is no transport {name[:100]!r}")
        return transport

    def _current(self) -> Configuration:
        return self._configuration.current()[1]


def _of_now(transport: NotificationTransport, found: Breaker | None) -> Breaker:
    """The breaker that was found; a closed one where there is none, or it is about an earlier configuration."""
    if found is None or found.of != transport.fingerprint:
        return Breaker(transport.name, transport.fingerprint)
    return found


def _id_at(moment: datetime | None, otherwise: str) -> str:
    """The beginning of ids of that moment, to compare ids with as text."""
    return otherwise if moment is None else id_prefix(moment)
