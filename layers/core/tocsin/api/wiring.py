"""What the API's routes work on, made from the function's environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tocsin.api.tickets import LiveAddress
from tocsin.aws import clients
from tocsin.aws.bucket import Bucket
from tocsin.aws.egress import policy_of
from tocsin.aws.environment import Environment
from tocsin.aws.secrets import link_secret
from tocsin.aws.sqs import Outbox
from tocsin.config.belongings import Belongings
from tocsin.config.blueprint import Blueprints
from tocsin.config.changes import ChangeEvents
from tocsin.config.lock import ConfigurationLock
from tocsin.config.resources import ConfigurationEditor, Keys, SignIns
from tocsin.config.secret_store import SecretStore
from tocsin.config.store import ConfigurationStore, Stores
from tocsin.deliveries.breaker_store import BreakerStore
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.queues import Queues, queue_urls
from tocsin.deliveries.redrive_store import RedeliveryStore
from tocsin.deliveries.service import DeliveryService, Left
from tocsin.deliveries.store import DeliveryStore
from tocsin.events.search.reader import LogReader
from tocsin.events.store import EventStore
from tocsin.identity.sign_in_store import SignInStore
from tocsin.identity.store import PeopleStore
from tocsin.jobs.store import JobStore
from tocsin.live.push import Pusher
from tocsin.live.store import LiveStore
from tocsin.live.wiring import pusher_of
from tocsin.matching.acknowledging import Acknowledgements
from tocsin.matching.backtest import Backtester
from tocsin.matching.explain import Explainer
from tocsin.matching.firings_store import FiringStore
from tocsin.matching.story import StoryStore
from tocsin.matching.throttle import Throttles
from tocsin.notifications.acknowledge_links import AcknowledgeLinks
from tocsin.notifications.email.suppressions import Suppressions
from tocsin.notifications.email.unsubscribe import UnsubscribeLinks
from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.outcome import Outcome
from tocsin.records import dataclass
from tocsin.status.report import Clients, StatusReport, Watched
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.times import utc_now
from tocsin.types import JsonObject


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes work on."""

    events: EventStore
    acknowledgements: Acknowledgements
    log: LogReader
    stories: StoryStore
    inboxes: InboxStore
    owners: InboxOwnerStore
    preferences: PreferencesStore
    blueprints: Blueprints
    explainer: Explainer
    backtester: Backtester
    editor: ConfigurationEditor
    deliveries: DeliveryService
    suppressions: Suppressions
    unsubscribe_links: Callable[[], UnsubscribeLinks | None]
    acknowledge_links: Callable[[], AcknowledgeLinks | None]
    pusher: Pusher
    live: LiveStore
    live_address: LiveAddress
    status: StatusReport
    firings: FiringStore
    sign_ins: SignIns
    jobs: JobStore
    exports: Bucket


def services_of(environment: Environment) -> Services:
    """Make the services. Nothing is read until a request needs it. Raises MissingSetting."""
    dynamodb = clients.dynamodb()
    events_table = environment.text("EVENTS_TABLE")
    deliveries_table = environment.text("DELIVERIES_TABLE")
    events = EventStore(dynamodb, events_table)
    config_table = environment.text("CONFIG_TABLE")
    configuration = ConfigurationStore(dynamodb, config_table)
    people, preferences = PeopleStore(dynamodb, config_table), PreferencesStore(dynamodb, config_table)
    owners = InboxOwnerStore(dynamodb, deliveries_table)
    explainer = Explainer(configuration, people, Throttles(dynamodb, deliveries_table), events, preferences)
    secret = link_secret(environment)

    def unsubscribe_links() -> UnsubscribeLinks | None:
        found = secret()
        return UnsubscribeLinks(found) if found else None

    def acknowledge_links() -> AcknowledgeLinks | None:
        found = secret()
        return AcknowledgeLinks(found) if found else None

    service = DeliveryService(
        configuration=configuration,
        people=people,
        left=_left(people, owners),
        deliveries=DeliveryStore(dynamodb, deliveries_table),
        redeliveries=RedeliveryStore(dynamodb, deliveries_table),
        breakers=BreakerStore(dynamodb, deliveries_table),
        queues=Queues(lambda: Outbox(clients.sqs()), queue_urls(environment)),
    )
    stores = Stores(
        configuration=configuration,
        secrets=SecretStore(dynamodb, config_table),
        lock=ConfigurationLock(dynamodb, config_table),
        people=people,
        belongings=Belongings(owners, preferences),
        changes=ChangeEvents(events),
    )
    policy = policy_of(environment)
    editor = ConfigurationEditor(stores, policy)
    watched = Watched(
        environment.pairs("WATCHED_QUEUES"),
        environment.pairs("DEAD_LETTERS"),
        environment.text("POWERTOOLS_METRICS_NAMESPACE"),
    )
    stories, pusher = StoryStore(dynamodb, deliveries_table), pusher_of(environment)
    return Services(
        events=events,
        acknowledgements=Acknowledgements(
            EscalationStore(dynamodb, deliveries_table), configuration, events, stories, pusher.tell, utc_now
        ),
        log=LogReader(dynamodb, events_table),
        stories=stories,
        inboxes=InboxStore(dynamodb, deliveries_table),
        owners=owners,
        preferences=preferences,
        blueprints=Blueprints(stores, policy),
        explainer=explainer,
        backtester=Backtester(dynamodb, events_table, explainer, people),
        editor=editor,
        deliveries=service,
        suppressions=Suppressions(dynamodb, deliveries_table),
        unsubscribe_links=unsubscribe_links,
        acknowledge_links=acknowledge_links,
        pusher=pusher,
        live=LiveStore(dynamodb, deliveries_table),
        live_address=LiveAddress(environment.text("LIVE_ENDPOINT")),
        status=StatusReport(
            watched,
            lambda: Clients(clients.sqs(), clients.logs(), clients.cloudwatch()),
            service.breakers,
        ),
        firings=FiringStore(dynamodb, deliveries_table),
        sign_ins=SignIns(Keys(editor), SignInStore(dynamodb, deliveries_table)),
        jobs=JobStore(dynamodb, deliveries_table),
        exports=Bucket(clients.s3, environment.text("EXPORTS_BUCKET")),
    )


def _left(people: PeopleStore, owners: InboxOwnerStore) -> Left:
    def left(messages: Iterable[tuple[DeliveryMessage, JsonObject | None]]) -> dict[str, Outcome]:
        from tocsin.deliveries.leavers import Leavers  # noqa: PLC0415 - few requests send again

        return Leavers(people.users, owners.emptied).of(messages)

    return left
