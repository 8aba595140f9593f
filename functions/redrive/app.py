"""Deliveries that go on: retries that are due, what a function left behind, what a breaker held. Trigger: a schedule,
each minute."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logger
from tocsin.aws.sqs import Outbox
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.redrive import Queues, Redrive
from tocsin.deliveries.reports import Reports
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.notifications.transport import TransportMode
from tocsin.store.breakers import BreakerStore
from tocsin.store.redeliveries import RedeliveryStore
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

RUNS_FOR = timedelta(seconds=45)
"""Within the function's timeout; what is left then is the next minute's."""

environment = Environment.of_process()
configuration = ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
events = EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE"))
redrive = Redrive(
    configuration=configuration,
    deliveries=RedeliveryStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
    breakers=BreakerStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
    reports=Reports(SystemEvents(events), configuration),
    queues=Queues(
        lambda: Outbox(clients.sqs()),
        {
            TransportMode.WEBHOOK: environment.text("WEBHOOK_QUEUE_URL"),
            TransportMode.WEBHOOK_SLACK: environment.text("SLACK_QUEUE_URL"),
            TransportMode.EMAIL: environment.text("EMAIL_QUEUE_URL"),
            TransportMode.LOCAL: environment.text("INBOX_QUEUE_URL"),
        },
    ),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{due, probes, released}: how many deliveries were put back."""
    return dict(redrive.run(for_at_most=RUNS_FOR))
