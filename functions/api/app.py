"""Everything over HTTP but POST /events. Trigger: HTTP API, payload format 2.0."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from tocsin.api import Stores, application
from tocsin.aws import clients
from tocsin.aws.egress import policy_of
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logger
from tocsin.aws.secrets import secret_text
from tocsin.aws.sqs import Outbox
from tocsin.backtesting import Backtester
from tocsin.config.blueprint import Blueprints
from tocsin.config.changes import ChangeEvents
from tocsin.config.resources import ConfigurationEditor
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.desk import DeliveryDesk
from tocsin.deliveries.redrive import Queues
from tocsin.events.search.reader import Reading
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.explaining import Explainer
from tocsin.identity.store import PeopleStore
from tocsin.notifications.email.suppressions import MailStops
from tocsin.notifications.email.unsubscribe import UnsubscribeLinks
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.transport import TransportMode
from tocsin.store.breakers import BreakerStore
from tocsin.store.deliveries import DeliveryStore
from tocsin.store.ledger import Ledger
from tocsin.store.redeliveries import RedeliveryStore
from tocsin.store.throttles import Throttles

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
events = EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE"))
configuration = ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
people = PeopleStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
throttles = Throttles(clients.dynamodb(), environment.text("DELIVERIES_TABLE"))
explainer = Explainer(configuration, people, throttles, events)
deliveries_table = environment.text("DELIVERIES_TABLE")
desk = DeliveryDesk(
    configuration=configuration,
    people=people,
    deliveries=DeliveryStore(clients.dynamodb(), deliveries_table),
    redeliveries=RedeliveryStore(clients.dynamodb(), deliveries_table),
    breakers=BreakerStore(clients.dynamodb(), deliveries_table),
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


@cache
def links() -> UnsubscribeLinks | None:
    """Reads the links in our mails; none where no secret is configured."""
    arn = environment.optional("UNSUBSCRIBE_SECRET")
    return UnsubscribeLinks(secret_text(clients.secretsmanager(), arn)) if arn else None


resolve = application(
    Stores(
        events=events,
        log=Reading(clients.dynamodb(), environment.text("EVENTS_TABLE")),
        ledger=Ledger(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        inboxes=InboxStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        blueprints=Blueprints(configuration, people, policy_of(environment)),
        explainer=explainer,
        backtester=Backtester(clients.dynamodb(), environment.text("EVENTS_TABLE"), explainer, people),
        editing=ConfigurationEditor(configuration, people, policy_of(environment), ChangeEvents(SystemEvents(events))),
        desk=desk,
        mail_stops=MailStops(clients.dynamodb(), deliveries_table),
        unsubscribe_links=links,
    )
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """JSON, or problem+json for what is refused."""
    return resolve(event, context)
