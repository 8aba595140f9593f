"""E-mail through SES v2. Trigger: SQS, one message a delivery; partial batch responses."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logger
from tocsin.aws.secrets import secret_text
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.courier import Courier
from tocsin.deliveries.gate import Gate
from tocsin.deliveries.reports import Reports
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.notifications.email.message import MailTemplates
from tocsin.notifications.email.send import mail_delivery
from tocsin.notifications.email.suppressions import MailStops
from tocsin.notifications.email.unsubscribe import UnsubscribeLinks
from tocsin.store.breakers import BreakerStore
from tocsin.store.deliveries import DeliveryStore
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()


@cache
def links() -> UnsubscribeLinks | None:
    """The links in our mails; none where no secret is configured."""
    arn = environment.optional("UNSUBSCRIBE_SECRET")
    if not arn:
        return None
    return UnsubscribeLinks(secret_text(clients.secretsmanager(), arn), environment.text("API_URL"))


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
    deliver=mail_delivery(
        clients.sesv2(),
        MailTemplates(),
        environment.optional("MAIL_SENDER"),
        MailStops(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        configuration_set=environment.optional("MAIL_CONFIGURATION_SET"),
        links=links,
    ),
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{batchItemFailures}: the messages that come back."""
    return courier.carry(event["Records"])
