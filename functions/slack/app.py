"""Slack, by incoming webhooks and bots, and Discord. Trigger: SQS, one message a delivery; partial batch responses."""

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
from tocsin.notifications.slack import PACE, slack_delivery
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from tocsin.notifications.thread_store import ThreadStore

environment = Environment.of_process()
secrets = SecretStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))


def threads() -> ThreadStore:
    """What keeps the threads of bots; it is loaded for those who have one."""
    from tocsin.notifications.thread_store import ThreadStore  # noqa: PLC0415

    return ThreadStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE"))


worker = transport_worker(
    environment,
    lambda _configuration: slack_delivery(secrets.of, policy_of(environment), threads),
    secret=link_secret(environment),
    pace=PACE,
)


@logged
@metered
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """Deliver the messages of a batch; {batchItemFailures} are those that come back."""
    return worker.run(event["Records"])
