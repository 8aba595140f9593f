"""Events against rules. Triggers: the events table's stream (INSERTs of events), and the match queue, which
brings events that failed once and the next pages of large groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import logged
from tocsin.aws.metrics import metered
from tocsin.aws.sqs import Outbox
from tocsin.config.store import ConfigurationStore
from tocsin.config.version_item import REFRESH
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.queues import queue_urls
from tocsin.deliveries.waiting_store import WaitingStore
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.identity.store import PeopleStore
from tocsin.live.store import LiveStore
from tocsin.live.tail import TailFeed
from tocsin.live.wiring import pusher_of
from tocsin.matching.firings_store import Firings, FiringStore
from tocsin.matching.held_store import HeldStore
from tocsin.matching.matcher import Matcher
from tocsin.matching.open_store import OpenStore
from tocsin.matching.story import StoryStore
from tocsin.matching.throttle import Throttles
from tocsin.matching.worker import MatchWorker
from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.notifications.seen_store import SeenStore
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
outbox = Outbox(clients.sqs())
events = EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE"))
firings = Firings(FiringStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")))
worker = MatchWorker(
    Matcher(
        ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE")),
        PeopleStore(clients.dynamodb(), environment.text("CONFIG_TABLE"), hold=REFRESH),
        StoryStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        outbox,
        queues=queue_urls(environment),
        match_queue=environment.text("MATCH_QUEUE_URL"),
        throttles=Throttles(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        held=HeldStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        system_events=SystemEvents(events),
        firings=firings,
        preferences=PreferencesStore(clients.dynamodb(), environment.text("CONFIG_TABLE"), hold=REFRESH),
        waiting=WaitingStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        opened=OpenStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        matters=EscalationStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        seen=SeenStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        deleted=InboxOwnerStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")).emptied,
    ),
    events,
    outbox,
    match_queue=environment.text("MATCH_QUEUE_URL"),
    set_aside=environment.text("MATCH_DEAD_LETTERS_URL"),
    watch=TailFeed(LiveStore(clients.dynamodb(), environment.text("DELIVERIES_TABLE")), pusher_of(environment)).feed,
)


@logged
@metered
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """{batchItemFailures}: the records or messages that come back."""
    records = event["Records"]
    is_stream = bool(records) and records[0]["eventSource"] == "aws:dynamodb"
    try:
        return worker.stream(records) if is_stream else worker.queue(records)
    finally:
        firings.flush()
