"""The loop that every transport's function runs: take, attempt, note, and return the messages that come back.

A message is deleted once the deliveries table has what becomes of its delivery: that it is done, when it is due
again, or that its transport's breaker holds it. A function that dies in between leaves its messages in the queue and a
lease that runs out: the schedule finds the delivery, once the message has come back if this was the first attempt. Only
a message whose outcome could not be stored returns to the queue.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tocsin.aws.errors import as_unavailable
from tocsin.aws.logging import Code, logger, note
from tocsin.aws.metrics import Metric, measured
from tocsin.aws.retry import retry
from tocsin.aws.tracing import caused_by, header_of, message_attributes, trace_header
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.alerts import Alerts
from tocsin.deliveries.backoff import BY_QUEUE_UP_TO, pause_after
from tocsin.deliveries.breaker import BreakerState
from tocsin.deliveries.breaker_store import Breakers
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.deliveries.rendering import context_of, transport_of, why_none
from tocsin.deliveries.store import DeliveryStore, Taken
from tocsin.errors import TocsinError, Unavailable
from tocsin.events.model import Event
from tocsin.events.store import EventStore
from tocsin.ids import id_time
from tocsin.notifications.outcome import Deliver, Outcome, State
from tocsin.notifications.transport import NotificationTransport, PaceOf
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LEASE = timedelta(seconds=35)
"""More than a function's timeout: a delivery that is still taken after it belongs to a function that died."""

COMES_BACK_AFTER = (5, 30, 120, 300, 600, 900)
"""Seconds until a message whose outcome could not be stored is received again; by how often it was received."""

PATIENCE = timedelta(seconds=3)
"""How long a function waits for a turn at a service that is paced; a message waits in SQS for a later turn."""
MAX_QUEUE_DELAY = timedelta(seconds=900)  # SQS's limit

HANGING_PACE = timedelta(seconds=15)
"""The pace of attempts at an endpoint that does not answer: one at a time, since each ends within this time."""
HANGING_WITHIN = timedelta(minutes=2)
"""How far ahead turns at such an endpoint are given; a message that gets none asks again later."""
_AT_ONCE = timedelta(milliseconds=100)  # what a clock's rounding may make of "now"


@dataclass(frozen=True, slots=True)
class _Received:
    message_id: str
    receipt: str
    times: int
    body: str
    trace: str | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> _Received:
        return cls(
            record["messageId"],
            record["receiptHandle"],
            int(record["attributes"]["ApproximateReceiveCount"]),
            record["body"],
            header_of(record),
        )


class DeliveryWorker:
    """Delivers the messages of one transport's queue, each batch in parallel."""

    def __init__(
        self,
        *,
        configuration: ConfigurationStore,
        events: EventStore,
        deliveries: DeliveryStore,
        breakers: Breakers,
        alerts: Alerts,
        sqs: SQSClient,
        queue_url: str,
        deliver: Deliver,
        left: Callable[[DeliveryMessage, JsonObject | None], Outcome | None],
        pace: timedelta | PaceOf | None = None,
        paced_together: str = "",
        hanging_pace: timedelta = HANGING_PACE,
        parallel: int = 10,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`left` returns why a message is not sent whose person left; it is given what the message tells as a digest.

        `pace` is how much time one message of a transport needs before the next one, if any, or what tells it of a
        transport; with `paced_together`, the name of a service, one message of all of the queue's transports.

        `hanging_pace` is the same for a transport whose endpoint has not answered lately.
        """
        self._configuration = configuration
        self._events = events
        self._deliveries = deliveries
        self._breakers = breakers
        self._alerts = alerts
        self._sqs = sqs
        self._queue_url = queue_url
        self._deliver = deliver
        self._left = left
        self._pace, self._paced_together = pace, paced_together
        self._hanging_pace = hanging_pace
        self._parallel = parallel
        self._clock = clock
        self._sleep = sleep

    def run(self, records: Sequence[Mapping[str, Any]]) -> JsonObject:
        """Attempt each message of a batch. Return those that come back, as {batchItemFailures}."""
        received = [_Received.of(record) for record in records]
        with ThreadPoolExecutor(self._parallel) as pool:  # it starts no more threads than there are messages
            coming_back = list(pool.map(self._run_one, received))
        failures: list[Json] = [{"itemIdentifier": each} for each in coming_back if each is not None]
        return {"batchItemFailures": failures}

    def _run_one(self, received: _Received) -> str | None:
        """Handle a message. Return its id in the queue if it comes back."""
        names: dict[str, object] = {"message_id": received.message_id}
        with caused_by(received.trace):
            try:
                message = DeliveryMessage.from_body(received.body)
                names |= {"event_id": message.event_id, "delivery_id": message.delivery_id}
                self._handle(message)
            except TocsinError as error:
                self._come_back(received)
                note(Code.DELIVERY_LEFT, error.detail, level=logging.WARNING, **names)
            except Exception:  # noqa: BLE001 - one broken message must not keep the others of its batch
                self._come_back(received)
                logger.exception("a message could not be handled", extra={"code": Code.DELIVERY_LEFT.value, **names})
            else:
                return None
            return received.message_id

    def _handle(self, message: DeliveryMessage) -> None:
        configuration, transport = self._configuration.having(partial(transport_of, message))
        keep = configuration.settings.stories_kept
        begun = self._clock()
        breaker = BreakerState.CLOSED
        if transport is not None and not message.test and not message.probe:
            breaker = self._breakers.state(transport)
        if breaker is BreakerState.OPEN:
            self._deliveries.hold(message, now=begun, lease=LEASE, keep=keep)
            self._measure(message, State.HELD, begun)
            self._say(Code.DELIVERY_HELD, "held until the transport's endpoint answers again", message)
            return
        taken = self._deliveries.take(message, now=begun, lease=LEASE, keep=keep)
        if isinstance(taken, State):
            self._say(Code.DELIVERY_REPEATED, "this is not to be attempted now", message, state=taken.value)
            return
        if not self._may_go(message, transport, begun):
            return
        begun = self._clock()
        event, outcome = self._attempt(message, configuration, transport, breaker, taken.digest)
        ended = self._clock()
        attempt = Attempt(begun, round((ended - begun).total_seconds() * 1000), outcome)
        self._settle(message, event, transport, attempt, taken, ended)

    def _attempt(
        self,
        message: DeliveryMessage,
        configuration: Configuration,
        transport: NotificationTransport | None,
        breaker: BreakerState,
        digest: JsonObject | None,
    ) -> tuple[Event | None, Outcome]:
        if transport is None:
            return None, Outcome(State.DISCARDED, "no_transport", why_none(message, configuration))
        if breaker is BreakerState.DISABLED:
            why = self._breakers.reason(transport)
            detail = f"the transport is disabled since its endpoint failed ({why}); mend it, then reset its breaker"
            return None, Outcome(State.FAILED, "transport_disabled", detail)
        event = None
        try:
            gone = self._left(message, digest) if message.comes_late(self._clock()) else None
            if gone is not None:
                return None, gone
            context = context_of(message, digest, transport, configuration.expressions, self._events)
            if context is None:
                return None, Outcome(State.DISCARDED, "event_gone", "the event has expired or was deleted")
            event = context.event
            return event, self._deliver(context)
        except Unavailable as error:
            return event, Outcome(State.RETRYING, error.code, error.detail, ours=True)
        except Exception as error:  # noqa: BLE001 - any error is an outcome: tried again, then final
            # A fault of ours, or an answer that nobody foresaw. Were it not stored, the lease would run out and the
            # message would be sent again each minute.
            names = _names(message) | {"code": Code.ATTEMPT_BROKEN.value}
            logger.exception("an attempt could not be made", extra=names)
            return event, Outcome(State.RETRYING, "fault", f"a fault of Tocsin's: {type(error).__name__}", ours=True)

    def _settle(
        self,
        message: DeliveryMessage,
        event: Event | None,
        transport: NotificationTransport | None,
        attempt: Attempt,
        taken: Taken,
        now: datetime,
    ) -> None:
        """Store the outcome of an attempt, and do what follows from it: send again, measure, tell the breaker."""
        outcome, count = attempt.outcome, taken.tries + 1
        following = Following(outcome.state)
        retried = outcome.state is State.RETRYING  # also where the delivery ends as failed: the endpoint failed it
        if retried:
            following = self._next(message, transport, outcome, count, now)
            if following.state is State.FAILED:
                detail = f"{outcome.detail}; given up after {count} attempt{'s' if count != 1 else ''}"
                outcome = replace(outcome, state=State.FAILED, detail=detail.removeprefix("; "))
                attempt = replace(attempt, outcome=outcome)
        failed = outcome.state is State.FAILED and outcome.reason != "transport_disabled"
        if failed and not message.test:  # first: who died in between would have told nobody
            self._alerts.failed(message, event, outcome, now=now)
        # The endpoint has had the message: were this not stored, it would get it again.
        retry(partial(self._deliveries.note, message, attempt, following, taken.attempts))
        pause = None if following.next_attempt is None else (following.next_attempt - now).total_seconds()
        if pause is not None and following.by_queue:
            self._send(message, pause)
        self._measure(message, following.state, now)
        self._say(
            Code.DELIVERY_ENDED if following.state.final else Code.DELIVERY_RETRIED,
            outcome.detail or outcome.reason,
            message,
            level=logging.INFO if outcome.state in {State.DELIVERED, State.DISCARDED} else logging.WARNING,
            user=message.user.username if message.user else None,
            state=following.state.value,
            reason=outcome.reason,
            status=outcome.status,
            attempt=count,
            duration_ms=attempt.duration_ms,
            next_attempt_s=None if pause is None else round(pause),
        )
        if transport is not None:
            self._learn(message, event, transport, outcome, now, count, retried=retried)

    def _measure(self, message: DeliveryMessage, state: State, now: datetime) -> None:
        """Count an outcome, and measure the time from the event to it."""
        if message.test:
            return
        measured(Metric.DELIVERIES, mode=message.mode, outcome=state)
        # A digest is as old as its person wants it, and a step as its rule does.
        if state is State.DELIVERED and message.digest is None and message.step is None:
            age = now - id_time(message.event_id)
            measured(Metric.DELIVERY_AGE, age.total_seconds() * 1000, mode=message.mode)

    def _next(
        self,
        message: DeliveryMessage,
        transport: NotificationTransport | None,
        outcome: Outcome,
        count: int,
        now: datetime,
    ) -> Following:
        """What comes after an attempt that may succeed later."""
        if message.test:  # somebody waits for the outcome; and a test's event is stored nowhere
            return Following(State.FAILED)
        if message.probe and self._is_open(transport):  # else nobody would release it
            return Following(State.HELD, counted=False)
        pause = pause_after(count, outcome.retry_after)
        if pause is None:
            return Following(State.FAILED)
        by_queue = pause <= BY_QUEUE_UP_TO
        return Following(State.RETRYING, now + timedelta(seconds=math.ceil(pause) if by_queue else pause), by_queue)

    def _is_open(self, transport: NotificationTransport | None) -> bool:
        """Whether the transport's breaker holds deliveries; also where that can't be read, as it did a minute ago."""
        try:
            return transport is not None and self._breakers.state(transport) is BreakerState.OPEN
        except Unavailable:
            return True

    def _learn(
        self,
        message: DeliveryMessage,
        event: Event | None,
        transport: NotificationTransport,
        outcome: Outcome,
        now: datetime,
        count: int,
        *,
        retried: bool,
    ) -> None:
        """Tell the breaker, and administrators. The outcome is stored already: a failure here must not undo that."""
        try:
            if outcome.state is State.DELIVERED:
                if self._breakers.succeeded(transport, retried=count > 1):
                    note(Code.BREAKER_RECOVERED, "the endpoint answers again", transport=transport.name)
            elif outcome.disables:
                if self._breakers.gone(transport, outcome.reason):
                    note(Code.TRANSPORT_DISABLED, outcome.detail, level=logging.ERROR, transport=transport.name)
                    if self._alerts.disabled(transport.name, outcome.detail, now=now):
                        self._breakers.told(transport)
            elif retried and not outcome.ours and self._breakers.failed(transport, outcome.reason):
                detail = "the endpoint fails: its deliveries are held, and one a minute tries it"
                note(Code.BREAKER_OPENED, detail, level=logging.WARNING, transport=transport.name)
                self._alerts.held(transport.name, outcome, now=now)
        except Unavailable as error:
            note(Code.DELIVERY_LEFT, error.detail, level=logging.WARNING, transport=transport.name)
        if outcome.state is State.DELIVERED and outcome.mapping and not message.test:
            self._alerts.failed(message, event, outcome, now=now)

    def _may_go(self, message: DeliveryMessage, transport: NotificationTransport | None, now: datetime) -> bool:
        """Whether the message may be attempted now; otherwise it was sent again, to come in its turn.

        Each attempt at an endpoint that hangs keeps a function busy that could deliver elsewhere meanwhile. So these
        attempts get turns, and the function does not wait for one.
        """
        if message.paced:
            return True
        hangs = transport is not None and not (message.test or message.probe) and self._breakers.hangs(transport)
        if hangs:
            return self._has_turn(message, self._hanging_pace, now, patience=_AT_ONCE, within=HANGING_WITHIN)
        pace = self._pace(transport) if callable(self._pace) else self._pace
        return pace is None or self._has_turn(message, pace, now, of=self._paced_together)

    def _has_turn(
        self,
        message: DeliveryMessage,
        pace: timedelta,
        now: datetime,
        *,
        of: str = "",
        patience: timedelta = PATIENCE,
        within: timedelta = MAX_QUEUE_DELAY,
    ) -> bool:
        """Whether the message has a turn, after a wait of at most `patience`; otherwise it was sent again for later."""
        turn = self._deliveries.turn(of or message.transport, now=now, every=pace, within=within)
        moment = now + within if turn is None else turn
        wait = moment - now
        if turn is not None and wait <= patience:
            self._sleep(max(wait.total_seconds(), 0.0))
            return True
        self._deliveries.postpone(message, moment, by_queue=turn is not None, now=now)
        if turn is not None:
            self._send(replace(message, paced=True), wait.total_seconds())
        self._say(Code.DELIVERY_POSTPONED, "waits for its turn", message, next_attempt_s=round(wait.total_seconds()))
        return False

    def _send(self, message: DeliveryMessage, pause: float) -> None:
        try:
            with as_unavailable("sending a message again"):
                self._sqs.send_message(
                    QueueUrl=self._queue_url,
                    MessageBody=message.once_more().to_body(),
                    MessageGroupId=message.group,
                    DelaySeconds=math.ceil(pause),
                    MessageSystemAttributes=message_attributes(trace_header()),
                )
        except Unavailable as error:  # the table knows when it is due, and the schedule sends it then
            self._say(Code.DELIVERY_NOT_REQUEUED, error.detail, message, level=logging.WARNING)

    def _come_back(self, received: _Received) -> None:
        """Have the message received again sooner than after the queue's visibility timeout."""
        pause = COMES_BACK_AFTER[min(received.times, len(COMES_BACK_AFTER)) - 1]
        try:
            with as_unavailable("setting a message's return"):
                self._sqs.change_message_visibility(
                    QueueUrl=self._queue_url, ReceiptHandle=received.receipt, VisibilityTimeout=pause
                )
        except Unavailable as error:  # then it returns when the queue's own time is over
            note(Code.DELIVERY_LEFT, error.detail, level=logging.WARNING, message_id=received.message_id)

    def _say(
        self, code: Code, text: str, message: DeliveryMessage, *, level: int = logging.INFO, **facts: object
    ) -> None:
        note(code, text, level=level, **_names(message), **facts)


def _names(message: DeliveryMessage) -> dict[str, str]:
    """Facts of a message for the log."""
    return {
        "event_id": message.event_id,
        "delivery_id": message.delivery_id,
        "rule": message.rule,
        "transport": message.transport,
    }
