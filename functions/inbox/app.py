"""The inbox: notifications stored for a person. Trigger: SQS, one message a delivery; partial batch responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logger
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.courier import Courier
from tocsin.deliveries.gate import Gate
from tocsin.deliveries.reports import Reports
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.notifications.inbox import inbox_delivery
from tocsin.notifications.inbox_store import InboxStore
from tocsin.store.breakers import BreakerStore
from tocsin.store.deliveries import DeliveryStore
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
events = EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE"))
configuration = ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
courier = Courier(
    configuration=configuration,
    events=events,
    deliveries=DeliveryStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
    gate=Gate(BreakerStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE"))),
    reports=Reports(SystemEvents(events), configuration),
    sqs=clients.sqs(),
    queue_url=environment.text("QUEUE_URL"),
    deliver=inbox_delivery(
        InboxStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")), configuration.notifications_kept
    ),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{batchItemFailures}: the messages that come back."""
    return courier.carry(event["Records"])
