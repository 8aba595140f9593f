"""The loop that every SQS-fed transport runs: take, attempt, note, and say which messages come back.

A message is gone from its queue only when its delivery's end is in the ledger. What fails in a way that time
can heal comes back after a pause that grows; after the last try the delivery has failed, and says why. What
our own code does wrong brings the message back until SQS puts it among the dead letters.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.deliveries.models import Attempt, DeliveryMessage, Outcome, State
from tocsin.durations import parse_duration
from tocsin.errors import TocsinError, Unavailable
from tocsin.jsontypes import Json, JsonObject
from tocsin.notifications import Notification
from tocsin.observability import Code, logger, note
from tocsin.rendering.context import RenderingContext
from tocsin.store.configuration import ConfigurationStore
from tocsin.store.events import EventStore
from tocsin.store.failures import as_unavailable
from tocsin.store.ledger import Ledger
from tocsin.transports import INBOX, NotificationTransport

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PAUSES = (5, 30, 120, 300)
"""Seconds before the second, third, … attempt. One attempt more than there are pauses."""

LEASE = timedelta(seconds=35)
"""Longer than a function may run: a delivery that is still taken then belongs to a function that died."""

_KEEP_LONGER = timedelta(days=1)

type Deliver = Callable[[RenderingContext], Outcome]
"""Attempts one delivery. It raises nothing that it can name: what went wrong is an Outcome."""


@dataclass(frozen=True, slots=True)
class _Received:
    message_id: str
    receipt: str
    tries: int
    body: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> _Received:
        return cls(
            record["messageId"],
            record["receiptHandle"],
            int(record.get("attributes", {}).get("ApproximateReceiveCount", "1")),
            record["body"],
        )


class Courier:
    """Delivers the messages of one transport's queue, each batch in parallel."""

    def __init__(
        self,
        *,
        configuration: ConfigurationStore,
        events: EventStore,
        ledger: Ledger,
        sqs: SQSClient,
        queue_url: str,
        deliver: Deliver,
        parallel: int = 10,
    ) -> None:
        self._configuration = configuration
        self._events = events
        self._ledger = ledger
        self._sqs = sqs
        self._queue_url = queue_url
        self._deliver = deliver
        self._parallel = parallel

    def carry(self, records: Sequence[Mapping[str, Any]]) -> JsonObject:
        """Attempt each message of a batch; {batchItemFailures} are those that come back."""
        received = [_Received.of(record) for record in records]
        with ThreadPoolExecutor(min(self._parallel, len(received) or 1)) as pool:
            done = list(pool.map(self._carry_one, received))
        failures: list[Json] = [
            {"itemIdentifier": message.message_id} for message, ok in zip(received, done, strict=True) if not ok
        ]
        return {"batchItemFailures": failures}

    def _carry_one(self, received: _Received) -> bool:
        """Whether the message is done with."""
        try:
            return self._attempt(received)
        except TocsinError as error:
            self._come_back(received, error.retry_after)
            note(Code.DELIVERY_LEFT, error.detail, level=logging.WARNING, message_id=received.message_id)
        except Exception:  # noqa: BLE001 - one broken message must not keep the others of its batch
            logger.exception(
                "a message could not be handled",
                code=Code.DELIVERY_LEFT.value,
                message_id=received.message_id,
            )
        return False

    def _attempt(self, received: _Received) -> bool:
        message = DeliveryMessage.from_body(received.body)
        _, configuration = self._configuration.current()
        keep = parse_duration(configuration.settings.notification_retention) + _KEEP_LONGER
        begun = datetime.now(UTC)
        taken = self._ledger.take(message, now=begun, lease=LEASE, keep=keep)
        if isinstance(taken, State):
            note(
                Code.DELIVERY_REPEATED,
                "delivery was done before",
                event_id=message.event_id,
                delivery_id=message.delivery_id,
                state=taken.value,
            )
            return True
        transport = configuration.transports_by_name.get(message.transport)
        if transport is None and message.transport == INBOX.name:
            transport = INBOX
        outcome = self._outcome(message, transport)
        ended = datetime.now(UTC)
        return self._note(received, message, taken.attempts + 1, outcome, begun, ended)

    def _outcome(self, message: DeliveryMessage, transport: NotificationTransport | None) -> Outcome:
        if transport is None or not transport.enabled:
            return Outcome(State.DISCARDED, "no_transport", f"transport {message.transport} is gone or disabled")
        event = message.event or self._events.get(message.event_id)
        if event is None:
            return Outcome(State.DISCARDED, "event_gone", "the event has expired or was deleted")
        notification = Notification.of(event, message.rule, message.severity, message.user)
        if message.remark is not None:
            notification = replace(notification, body=f"{notification.body} ({message.remark})")
        return self._deliver(
            RenderingContext(
                event=event,
                notification=notification,
                user=message.user,
                rule=message.rule,
                severity=message.severity,
                transport=transport,
            )
        )

    def _note(
        self,
        received: _Received,
        message: DeliveryMessage,
        attempts: int,
        outcome: Outcome,
        begun: datetime,
        ended: datetime,
    ) -> bool:
        pause: float | None = None
        if outcome.state is State.RETRYING:
            # The queue counts receptions, the ledger attempts; a function that died was one of the former only.
            if max(received.tries, attempts) > len(PAUSES):
                detail = f"{outcome.detail}; given up after {attempts} attempts".removeprefix("; ")
                outcome = replace(outcome, state=State.FAILED, detail=detail)
            else:
                pause = min(max(PAUSES[min(attempts, len(PAUSES)) - 1], outcome.retry_after or 0), 900)
        attempt = Attempt(begun, round((ended - begun).total_seconds() * 1000), outcome)
        next_attempt = None if pause is None else ended + timedelta(seconds=pause)
        self._ledger.note_attempt(message, attempt, next_attempt=next_attempt)
        self._say(message, attempts, attempt, pause)
        if pause is None:
            return True
        self._come_back(received, pause)
        return False

    def _say(self, message: DeliveryMessage, attempts: int, attempt: Attempt, pause: float | None) -> None:
        outcome = attempt.outcome
        note(
            Code.DELIVERY_ENDED if pause is None else Code.DELIVERY_RETRIED,
            outcome.detail or outcome.reason,
            level=logging.WARNING if outcome.state in {State.FAILED, State.RETRYING} else logging.INFO,
            event_id=message.event_id,
            delivery_id=message.delivery_id,
            rule=message.rule,
            transport=message.transport,
            user=message.user.username if message.user else None,
            state=outcome.state.value,
            reason=outcome.reason,
            status=outcome.status,
            attempt=attempts,
            duration_ms=attempt.duration_ms,
            next_attempt_s=pause,
        )

    def _come_back(self, received: _Received, pause: float | None) -> None:
        """Let the message be received again after `pause` seconds rather than after the queue's own time."""
        try:
            with as_unavailable("setting a message's return"):
                self._sqs.change_message_visibility(
                    QueueUrl=self._queue_url,
                    ReceiptHandle=received.receipt,
                    VisibilityTimeout=round(pause or PAUSES[0]),
                )
        except Unavailable as error:  # then it returns when the queue's own time is over
            note(Code.DELIVERY_LEFT, error.detail, level=logging.WARNING, message_id=received.message_id)
