"""Makes the worker of a transport's function from its environment, alike for all four functions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.alerts import Alerts
from tocsin.deliveries.breaker_store import Breakers, BreakerStore
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.store import DeliveryStore
from tocsin.deliveries.worker import DeliveryWorker
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.notifications.acknowledge_links import AcknowledgeLinks, LinkOf
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.outcome import Deliver, Outcome
from tocsin.notifications.rule_words import RuleWords, in_rules_words
from tocsin.notifications.transport import PaceOf
from tocsin.times import utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tocsin.deliveries.leavers import Leavers


def transport_worker(
    environment: Environment,
    deliver: Callable[[ConfigurationStore], Deliver],
    *,
    secret: Callable[[], str | None] = lambda: None,
    pace: timedelta | PaceOf | None = None,
    paced_together: str = "",
) -> DeliveryWorker:
    """Return the worker of the queue QUEUE_URL.

    `deliver` is given the configuration and returns what makes an attempt; `secret` reads what signs links by which
    messages are acknowledged: without one they have none. `pace` is how much time one message of a transport needs
    before the next one, or what tells it of a transport; or it is that of all transports of the service
    `paced_together`. Raises MissingSetting.
    """
    dynamodb = clients.dynamodb()
    events = EventStore(dynamodb, environment.text("EVENTS_TABLE"))
    configuration = ConfigurationStore(dynamodb, environment.text("CONFIG_TABLE"))
    console = f"{environment.text('API_URL')}/console"
    deliveries_table = environment.text("DELIVERIES_TABLE")
    return DeliveryWorker(
        configuration=configuration,
        events=events,
        deliveries=DeliveryStore(dynamodb, deliveries_table),
        breakers=Breakers(BreakerStore(dynamodb, deliveries_table)),
        alerts=Alerts(SystemEvents(events), configuration),
        sqs=clients.sqs(),
        queue_url=environment.text("QUEUE_URL"),
        deliver=in_rules_words(
            deliver(configuration),
            partial(_words_of, configuration),
            console,
            _links_to_acknowledge(secret, environment.text("API_URL")),
        ),
        left=_left(dynamodb, environment),
        pace=pace,
        paced_together=paced_together,
    )


def _left(
    dynamodb: DynamoDBClient, environment: Environment
) -> Callable[[DeliveryMessage, JsonObject | None], Outcome | None]:
    """Return what finds why a message is not sent whose person left."""
    config_table, deliveries_table = environment.text("CONFIG_TABLE"), environment.text("DELIVERIES_TABLE")

    @cache
    def leavers() -> Leavers:
        from tocsin.deliveries.leavers import Leavers  # noqa: PLC0415 - few messages come late
        from tocsin.identity.store import PeopleStore  # noqa: PLC0415
        from tocsin.notifications.inbox_owner_store import InboxOwnerStore  # noqa: PLC0415

        return Leavers(PeopleStore(dynamodb, config_table).users, InboxOwnerStore(dynamodb, deliveries_table).emptied)

    return lambda message, digest: leavers().of([(message, digest)]).get(message.delivery_id)


def _links_to_acknowledge(secret: Callable[[], str | None], base_url: str) -> LinkOf:
    """Return what makes the link by which a message is acknowledged: none where there is no secret."""

    def link_of(context: RenderingContext) -> str | None:
        found = secret()
        return AcknowledgeLinks(found, base_url).url(context, utc_now()) if found else None

    return link_of


def _words_of(configuration: ConfigurationStore, name: str) -> RuleWords | None:
    """What the rule `name` says of itself; None where there is none, as of a test."""
    _, rule = configuration.having(lambda known: known.rules_by_name.get(name))
    if rule is None:
        return None
    return RuleWords(
        title=rule.title,
        body=rule.body,
        runbook=rule.runbook,
        group=rule.destination_group,
        event_user=rule.destination_event_user,
        can_be_muted=rule.can_be_muted,
        groups_of_steps=tuple(step.destination_group for step in rule.escalate),
    )
