"""Signed webhooks to endpoints that customers chose. Trigger: SQS, one message a delivery; partial batch responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.egress import policy_of
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logged
from tocsin.aws.metrics import metered
from tocsin.aws.secrets import link_secret
from tocsin.config.secret_store import SecretStore
from tocsin.deliveries.wiring import transport_worker
from tocsin.notifications.webhook import pace_of, webhook_delivery
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
secrets = SecretStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
worker = transport_worker(
    environment,
    lambda _configuration: webhook_delivery(secrets.of, policy_of(environment)),
    secret=link_secret(environment),
    pace=pace_of,
)


@logged
@metered
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """Deliver the messages of a batch; {batchItemFailures} are those that come back."""
    return worker.run(event["Records"])
