"""Jobs that take longer than a request may: erasures and exports, a step after the other. Trigger: a schedule, each
minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.bucket import Bucket
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logged
from tocsin.aws.sqs import Outbox
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.queues import Queues
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.identity.store import PeopleStore
from tocsin.jobs.erasure import Erasure
from tocsin.jobs.export import Export
from tocsin.jobs.model import JobKind
from tocsin.jobs.runner import JobRunner
from tocsin.jobs.store import JobStore
from tocsin.matching.story import StoryStore
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.transport import TransportMode
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SPARE_MILLISECONDS = 25_000
"""A step that has begun is ended within this, so that none begins with less time left."""

environment = Environment.of_process()
dynamodb, events_table = clients.dynamodb(), environment.text("EVENTS_TABLE")
deliveries_table, config_table = environment.text("DELIVERIES_TABLE"), environment.text("CONFIG_TABLE")
configuration = ConfigurationStore(dynamodb, config_table)
system_events = SystemEvents(EventStore(dynamodb, events_table))
erasure = Erasure(
    dynamodb,
    events_table,
    stories=StoryStore(dynamodb, deliveries_table),
    inboxes=InboxStore(dynamodb, deliveries_table),
    system_events=system_events,
    configuration=configuration,
)
export = Export(
    dynamodb,
    events_table,
    Bucket(clients.s3, environment.text("EXPORTS_BUCKET")),
    people=PeopleStore(dynamodb, config_table),
    queues=Queues(lambda: Outbox(clients.sqs()), {TransportMode.LOCAL: environment.text("INBOX_QUEUE_URL")}),
    system_events=system_events,
    configuration=configuration,
    console_url=f"{environment.text('API_URL')}/console",
)
runner = JobRunner(
    JobStore(dynamodb, deliveries_table),
    {JobKind.ERASURE: erasure, JobKind.EXPORT: export},
    system_events,
    configuration,
)


@logged
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{steps, done, failed, left}: how many steps were done, and what came of their jobs."""
    return {**runner.run(has_time=lambda: context.get_remaining_time_in_millis() > SPARE_MILLISECONDS)}
