"""Deliveries that go on: retries that are due, what a function left behind, what a breaker held; and steps of
escalations. Trigger: a schedule, each minute."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logged
from tocsin.aws.sqs import Outbox
from tocsin.config.store import ConfigurationStore
from tocsin.config.version_item import REFRESH
from tocsin.deliveries.alerts import Alerts
from tocsin.deliveries.breaker_store import BreakerStore
from tocsin.deliveries.digest_store import DigestStore
from tocsin.deliveries.due_steps import DueSteps
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.queues import Queues, queue_urls
from tocsin.deliveries.readers import Readers
from tocsin.deliveries.redrive import Redrive
from tocsin.deliveries.redrive_store import RedeliveryStore
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.identity.store import PeopleStore
from tocsin.matching.message import step_sender
from tocsin.matching.substitutes import group_members
from tocsin.matching.telling import can_be_muted
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.times import utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

RUNS_FOR = timedelta(seconds=45)
"""Within the function's timeout; what is left then is the next minute's."""

environment = Environment.of_process()
configuration = ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
preferences = PreferencesStore(clients.dynamodb(), environment.text("CONFIG_TABLE"), hold=REFRESH)
people = PeopleStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
events = EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE"))
redrive = Redrive(
    configuration=configuration,
    deliveries=RedeliveryStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
    breakers=BreakerStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
    digests=DigestStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
    readers=Readers(
        people.users,
        lambda usernames: preferences.wishes(usernames, configuration.current()[1].settings.defaults),
        lambda rule: can_be_muted(configuration.current()[1], rule),
        lambda rule: group_members(rule, configuration.current()[1], people),
    ),
    alerts=Alerts(SystemEvents(events), configuration),
    queues=Queues(
        lambda: Outbox(clients.sqs()),
        queue_urls(environment),
    ),
    steps=DueSteps(
        EscalationStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        configuration,
        step_sender(lambda: Outbox(clients.sqs()), environment.text("MATCH_QUEUE_URL")),
        utc_now,
    ),
)


@logged
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{due, digests, steps, probes, released}: how many deliveries were put back, and steps handed on."""
    return dict(redrive.run(for_at_most=RUNS_FOR))
