"""A small world for deliveries: moto's tables and queues, workers, the schedule, real endpoints, a clock of our own.

Nothing of ours is faked. Time is: what waits for hours is due as soon as the clock is set forward, and SQS's
delays and visibility go by the same clock.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import moto.sqs.models
import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.conftest import RECORDER, Stack
from tocsin.aws.sqs import Outbox
from tocsin.config.model import Configuration
from tocsin.config.secret_store import SecretStore
from tocsin.config.settings import Settings
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.alerts import Alerts
from tocsin.deliveries.breaker_store import Breakers, BreakerStore
from tocsin.deliveries.digest_store import DigestStore
from tocsin.deliveries.due_steps import DueSteps
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.leavers import Leavers
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.queues import Queues
from tocsin.deliveries.readers import Readers
from tocsin.deliveries.redrive import Redrive
from tocsin.deliveries.redrive_store import RedeliveryStore
from tocsin.deliveries.service import DeliveryService
from tocsin.deliveries.store import DeliveryStore
from tocsin.deliveries.worker import DeliveryWorker
from tocsin.events.model import Event
from tocsin.events.store import EventStore, Submission
from tocsin.events.system import SystemEvents
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.ids import new_id
from tocsin.matching.message import step_sender
from tocsin.matching.story import StoryStore
from tocsin.matching.substitutes import group_members
from tocsin.matching.telling import can_be_muted
from tocsin.notifications.inbox import inbox_delivery
from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Deliver
from tocsin.notifications.slack import PACE, slack_delivery
from tocsin.notifications.thread_store import ThreadStore
from tocsin.notifications.transport import Mapping, NotificationTransport, TransportMode, TransportSecrets
from tocsin.notifications.webhook import pace_of, webhook_delivery
from tocsin.outbound import OutboundPolicy, Timeout
from tocsin.telling.preferences_store import PreferencesStore

SECRET = "whsec_" + "c2VjcmV0" * 4
POLICY = OutboundPolicy.parse(allow_http=True, ports="*", allow_cidrs="127.0.0.0/8")
QUEUE = {
    TransportMode.WEBHOOK: "Webhook",
    TransportMode.WEBHOOK_SLACK: "Slack",
    TransportMode.EMAIL: "Email",
    TransportMode.LOCAL: "Inbox",
}
FUNCTION = {mode: queue.lower() for mode, queue in QUEUE.items()}
"""The function that delivers each mode, whose role the World's workers are held to."""
ALICE = User("alice", "alice@example.com", "Alice Example")


class World:
    """Deliveries of one test."""

    def __init__(self, stack: Stack, monkeypatch: Any) -> None:
        self.stack = stack
        # Of today, since what the functions themselves read is the real clock; and not about to turn the hour.
        self.now = datetime.now(UTC).replace(minute=10, second=0, microsecond=0)
        self.slept: list[float] = []
        self.told: list[tuple[str, Any]] = []
        monkeypatch.setattr(moto.sqs.models, "unix_time_millis", lambda: self.now.timestamp() * 1000)
        monkeypatch.setattr(moto.sqs.models, "unix_time", self._seconds)
        dynamodb = stack.dynamodb
        self.configuration = ConfigurationStore(dynamodb, "config")
        self.secrets = SecretStore(dynamodb, "config")
        self.events = EventStore(dynamodb, "events")
        self.deliveries = DeliveryStore(dynamodb, "deliveries")
        self.redeliveries = RedeliveryStore(dynamodb, "deliveries")
        self.breakers = BreakerStore(dynamodb, "deliveries")
        self.ledger = StoryStore(dynamodb, "deliveries")
        self.inboxes = InboxStore(dynamodb, "deliveries")
        PeopleStore(dynamodb, "config").write(users=[ALICE])
        self.urls = {mode: stack.queues[name] for mode, name in QUEUE.items()}

    def clock(self) -> datetime:
        return self.now

    def _seconds(self) -> float:
        return self.now.timestamp()

    def later(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    # what is configured

    def configure(
        self, *transports: NotificationTransport, mappings: tuple[Mapping, ...] = (), **secrets: TransportSecrets
    ) -> None:
        for ref, secret in secrets.items():
            self.secrets.put(ref, secret)
        self.configuration.publish(
            Configuration(settings=Settings(), mappings=mappings, transports=transports),
            replacing=self.configuration.version(fresh=True),
            by="test",
        )

    @staticmethod
    def mapped(fields: dict[str, Any]) -> tuple[tuple[Mapping, ...], dict[str, Any]]:
        """The mappings whose expressions are among a transport's fields, and the fields with their names."""
        wanted = {field: source for field, source in fields.items() if field in {"body_mapping", "headers_mapping"}}
        mappings = tuple(Mapping(name=field, expression=source) for field, source in wanted.items())
        return mappings, fields | {field: field for field in wanted}

    def hook(self, url: str, name: str = "hook", **fields: Any) -> NotificationTransport:
        """Configure one webhook, signed with SECRET. Its mappings are given as expressions."""
        mappings, named = self.mapped(fields)
        transport = NotificationTransport(
            name=name, mode=TransportMode.WEBHOOK, url=url, secrets_ref="signing", **named
        )
        self.configure(transport, mappings=mappings, signing=TransportSecrets(signing=(SECRET,)))
        return transport

    # what is to be delivered

    def event(self, **fields: Any) -> Event:
        """An event that is stored."""
        known: dict[str, Any] = {
            "id": new_id(self.now),
            "action": "login_failed",
            "app": "shop",
            "user": {"username": "mallory"},
            "context": {"reason": "wrong password"},
            "client_ip": None,
            "brand": "default",
            "expires": datetime(2099, 1, 1, tzinfo=UTC),
        }
        event = Event(**(known | fields))
        self.events.add([Submission(event, None)])
        return event

    def message(self, transport: str = "hook", mode: str = "webhook", **fields: Any) -> DeliveryMessage:
        """A message about a new event, which is by itself read by its id."""
        known: dict[str, Any] = {
            "rule": "failed-logins",
            "severity": Severity.WARNING,
            "user": ALICE,
            "once": False,
        }
        event_id = fields.pop("event_id", None) or self.event().id
        return DeliveryMessage(event_id=event_id, transport=transport, mode=mode, **(known | fields))

    def send(self, *messages: DeliveryMessage) -> None:
        """Put messages on their queues, as the matcher does."""
        outbox = Outbox(self.stack.sqs)
        for message in messages:
            outbox.add(self.urls[TransportMode(message.mode)], message.to_body(), "test", group=message.group)
        assert outbox.send() == {}

    # what delivers it

    timeout = Timeout(connect=10, total=10)
    """Of attempts: longer than a busy machine takes for one."""

    def hang(self, sinks: Sinks, path: str, **fields: Any) -> None:
        """Let the endpoint at `path` answer long after the time that attempts have from now on."""
        self.timeout = Timeout(connect=10, total=3)
        sinks.misbehave(Misbehaviour(path, delay=12, **fields))

    def worker(self, mode: str = "webhook", deliver: Deliver | None = None, **options: Any) -> DeliveryWorker:
        """A worker in a process of its own, as it were: it remembers nothing of what others learned."""
        makers: dict[str, Callable[[], Deliver]] = {
            "webhook": lambda: webhook_delivery(self.secrets.of, POLICY, clock=self.clock, timeout=self.timeout),
            "webhook_slack": lambda: slack_delivery(
                self.secrets.of,
                POLICY,
                lambda: ThreadStore(self.stack.dynamodb, "deliveries"),
                timeout=self.timeout,
                clock=self.clock,
                sleep=self.slept.append,
            ),
            "local": lambda: inbox_delivery(
                self.inboxes, self.configuration.notifications_kept, lambda *told: self.told.append(told)
            ),
        }
        pace = {"webhook": pace_of, "webhook_slack": PACE}.get(mode)
        leavers = self._leavers()
        worker = DeliveryWorker(
            configuration=self.configuration,
            events=self.events,
            deliveries=self.deliveries,
            breakers=Breakers(self.breakers, clock=self.clock),
            alerts=Alerts(SystemEvents(self.events), self.configuration),
            sqs=self.stack.sqs,
            queue_url=self.urls[TransportMode(mode)],
            deliver=deliver or makers[mode](),
            left=lambda message, digest: leavers.of([(message, digest)]).get(message.delivery_id),
            **({"pace": pace, "clock": self.clock, "sleep": self.slept.append} | options),
        )
        worker.run = RECORDER.in_role_of(FUNCTION[TransportMode(mode)], worker.run)  # type: ignore[method-assign]
        return worker

    def _leavers(self) -> Leavers:
        people, owners = PeopleStore(self.stack.dynamodb, "config"), InboxOwnerStore(self.stack.dynamodb, "deliveries")
        return Leavers(people.users, owners.emptied)

    def service(self, sleep: Callable[[float], object] = lambda _: None) -> DeliveryService:
        """What the API does with deliveries; `sleep` is what happens while it waits for a test's outcome."""
        return DeliveryService(
            configuration=self.configuration,
            people=PeopleStore(self.stack.dynamodb, "config"),
            left=self._leavers().of,
            deliveries=self.deliveries,
            redeliveries=self.redeliveries,
            breakers=self.breakers,
            queues=Queues(lambda: Outbox(self.stack.sqs), self.urls),
            clock=self.clock,
            sleep=sleep,
        )

    def open_breaker(self, transport: NotificationTransport) -> None:
        """Have the transport's breaker be open since now, after a failure."""
        self.breakers.failed(transport.name, transport.fingerprint, "http_500", now=self.now)
        self.breakers.open(transport.name, now=self.now)

    def redrive(self) -> dict[str, int]:
        """One run of the schedule."""
        preferences = PreferencesStore(self.stack.dynamodb, "config")
        people = PeopleStore(self.stack.dynamodb, "config")
        redrive = Redrive(
            configuration=self.configuration,
            deliveries=self.redeliveries,
            breakers=self.breakers,
            alerts=Alerts(SystemEvents(self.events), self.configuration),
            queues=Queues(lambda: Outbox(self.stack.sqs), self.urls),
            digests=DigestStore(self.stack.dynamodb, "deliveries"),
            readers=Readers(
                people.users,
                lambda usernames: preferences.wishes(usernames, self.configuration.current()[1].settings.defaults),
                lambda rule: can_be_muted(self.configuration.current()[1], rule),
                lambda rule: group_members(rule, self.configuration.current()[1], people),
            ),
            steps=DueSteps(
                EscalationStore(self.stack.dynamodb, "deliveries"),
                self.configuration,
                step_sender(lambda: Outbox(self.stack.sqs), self.stack.queues["Match"]),
                self.clock,
            ),
            clock=self.clock,
        )
        return dict(RECORDER.in_role_of("redrive", redrive.run)(for_at_most=timedelta(seconds=10)))

    def waiting(self, mode: str = "webhook") -> list[dict[str, Any]]:
        """Take what the queue gives out now: records as Lambda hands them over."""
        received = self.stack.sqs.receive_message(
            QueueUrl=self.urls[TransportMode(mode)], MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
            }
            for message in received.get("Messages", [])
        ]

    def under_way(self, mode: str = "webhook") -> int:
        """How many messages of a mode's queue some function has, or had when it died."""
        names = ["ApproximateNumberOfMessagesNotVisible"]
        found = self.stack.sqs.get_queue_attributes(QueueUrl=self.urls[TransportMode(mode)], AttributeNames=names)
        return int(found["Attributes"][names[0]])

    def forget_messages(self, mode: str = "webhook") -> None:
        """Lose what is in a mode's queue: only the schedule brings deliveries back."""
        self.stack.sqs.purge_queue(QueueUrl=self.urls[TransportMode(mode)])

    def attempt_unnoted(self, records: list[dict[str, Any]]) -> None:
        """Have a function attempt these deliveries, and its process end before it notes how that went."""

        def die(*_: object) -> None:
            raise SystemExit

        with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit):
            patched.setattr(self.deliveries, "note", die)
            self.worker().run(records)

    def pump(self, worker: DeliveryWorker, mode: str = "webhook") -> int:
        """Deliver all that waits in a queue now, as Lambda does; how many messages that were."""
        count = 0
        while records := self.waiting(mode):
            count += len(records)
            back = {failure["itemIdentifier"] for failure in worker.run(records)["batchItemFailures"]}  # type: ignore[call-overload,index,union-attr]
            for record in records:
                if record["messageId"] not in back:
                    self.stack.sqs.delete_message(
                        QueueUrl=self.urls[TransportMode(mode)], ReceiptHandle=record["receiptHandle"]
                    )
        return count

    def go_on(self, worker: DeliveryWorker, mode: str = "webhook", **duration: float) -> int:
        """Set the clock forward, let the schedule run, deliver what waits."""
        self.later(**duration)
        self.redrive()
        return self.pump(worker, mode)

    # what became of it

    def delivery(self, message: DeliveryMessage) -> dict[str, Any]:
        """The delivery as the API shows it."""
        shown: Any = self.deliveries.get(message.delivery_id)
        assert shown is not None
        return dict(shown)

    def all(self) -> list[dict[str, Any]]:
        """All deliveries' items."""
        pages = self.stack.dynamodb.get_paginator("scan").paginate(TableName="deliveries")
        return [item for page in pages for item in page["Items"] if item["sk"]["S"].startswith("delivery#")]

    def states(self) -> dict[str, int]:
        """How many deliveries stand where."""
        counted: dict[str, int] = {}
        for item in self.all():
            counted[item["state"]["S"]] = counted.get(item["state"]["S"], 0) + 1
        return counted

    def reported(self, action: str = "configuration_error") -> list[dict[str, Any]]:
        """The system events of that action."""
        return [event for event in self.stack.events() if event["action"] == action and event["app"] == "tocsin"]


def bodies(sinks: Sinks, path: str | None = None) -> list[dict[str, Any]]:
    """What came, parsed."""
    return [json.loads(received.body) for received in sinks.received(path)]
