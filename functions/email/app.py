"""E-mail through SES v2. Trigger: SQS, one message a delivery; partial batch responses."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logged
from tocsin.aws.metrics import metered
from tocsin.aws.secrets import link_secret
from tocsin.deliveries.wiring import transport_worker
from tocsin.notifications.email.message import MailTemplates
from tocsin.notifications.email.send import mail_delivery
from tocsin.notifications.email.suppressions import Suppressions
from tocsin.notifications.email.unsubscribe import UnsubscribeLinks
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
suppressions = Suppressions(clients.dynamodb(), environment.text("DELIVERIES_TABLE"))
secret = link_secret(environment)


@cache
def links() -> UnsubscribeLinks | None:
    """Return what makes the links in our mails; None where no secret is configured."""
    found = secret()
    return UnsubscribeLinks(found, environment.text("API_URL")) if found else None


worker = transport_worker(
    environment,
    lambda _configuration: mail_delivery(
        clients.sesv2(),
        MailTemplates(),
        environment.optional("MAIL_SENDER"),
        suppressions,
        configuration_set=environment.optional("MAIL_CONFIGURATION_SET"),
        links=links,
    ),
    secret=secret,
    pace=timedelta(seconds=1 / int(environment.optional("MAIL_PER_SECOND", "14"))),
    paced_together="#ses",  # no transport is called so: names begin with a letter or digit
)


@logged
@metered
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """Deliver the messages of a batch; {batchItemFailures} are those that come back."""
    return worker.run(event["Records"])
