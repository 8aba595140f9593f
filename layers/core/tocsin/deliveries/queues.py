"""The transports' queues: one for each mode."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from tocsin.aws.environment import Environment
from tocsin.aws.logging import Code, note
from tocsin.aws.sqs import Outbox
from tocsin.aws.tracing import caused_by
from tocsin.deliveries.model import DeliveryMessage
from tocsin.notifications.transport import TransportMode


def queue_urls(environment: Environment) -> dict[TransportMode, str]:
    """Return the URL of each mode's queue, for functions that send to all of them. Raises MissingSetting."""
    return {
        TransportMode.WEBHOOK: environment.text("WEBHOOK_QUEUE_URL"),
        TransportMode.WEBHOOK_SLACK: environment.text("SLACK_QUEUE_URL"),
        TransportMode.EMAIL: environment.text("EMAIL_QUEUE_URL"),
        TransportMode.LOCAL: environment.text("INBOX_QUEUE_URL"),
    }


class Queues:
    """The queue of each mode, and messages on their way to it."""

    def __init__(self, outbox: Callable[[], Outbox], urls: Mapping[TransportMode, str]) -> None:
        """`outbox` makes an outbox: one for each batch, since they are filled in parallel."""
        self._outbox = outbox
        self._urls = urls

    def send(self, messages: list[tuple[DeliveryMessage, int]]) -> int:
        """Send messages, each after its delay in seconds; return how many SQS took. The others stay due."""
        outbox = self._outbox()
        for message, delay in messages:
            with caused_by(message.trace):
                outbox.add(
                    self._urls[TransportMode(message.mode)],
                    message.to_body(),
                    message.delivery_id,
                    group=message.group,
                    delay=delay,
                )
        failed = outbox.send()
        for delivery_id, reason in failed.items():
            note(Code.DELIVERY_NOT_REQUEUED, reason, level=logging.WARNING, delivery_id=delivery_id)
        return len(messages) - len(failed)
