"""Bounces and complaints of SES: no more mail to who can't or won't have it. Trigger: EventBridge, source aws.ses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logged
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.alerts import Alerts
from tocsin.deliveries.bounces import SesFeedback
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.notifications.email.suppressions import Suppressions
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
feedback = SesFeedback(
    Suppressions(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
    Alerts(
        SystemEvents(EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE"))),
        ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE")),
    ),
)


@logged
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{stopped}: how many addresses get no more mail. What fails is invoked again, then kept for a person to see."""
    return {"stopped": feedback.take(event["detail"])}
