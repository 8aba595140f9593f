"""The inbox: notifications stored for a person. Trigger: SQS, one message a delivery; partial batch responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logged
from tocsin.aws.metrics import metered
from tocsin.deliveries.wiring import transport_worker
from tocsin.live.wiring import pusher_of
from tocsin.notifications.inbox import inbox_delivery
from tocsin.notifications.inbox_store import InboxStore
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
inboxes = InboxStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE"))
pusher = pusher_of(environment)
worker = transport_worker(
    environment, lambda configuration: inbox_delivery(inboxes, configuration.notifications_kept, pusher.tell)
)


@logged
@metered
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """Deliver the messages of a batch; {batchItemFailures} are those that come back."""
    return worker.run(event["Records"])
