"""Slack, and Discord through its /slack address. Trigger: SQS, one message a delivery; partial batch responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin import clients
from tocsin.deliveries.courier import Courier
from tocsin.deliveries.http import policy_of
from tocsin.deliveries.slack import slack_delivery
from tocsin.jsontypes import JsonObject
from tocsin.observability import logger
from tocsin.settings import Environment
from tocsin.store.configuration import ConfigurationStore
from tocsin.store.events import EventStore
from tocsin.store.ledger import Ledger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
configuration = ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
ledger = Ledger(clients.dynamodb(), environment.text("DELIVERIES_TABLE"))
courier = Courier(
    configuration=configuration,
    events=EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE")),
    ledger=ledger,
    sqs=clients.sqs(),
    queue_url=environment.text("QUEUE_URL"),
    deliver=slack_delivery(configuration, policy_of(environment)),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{batchItemFailures}: the messages that come back."""
    return courier.carry(event["Records"])
