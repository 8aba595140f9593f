"""People with preferences, rules that tell them, and the way of an event from the matcher to what is told of it."""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from local.sinks import Sinks
from tests.integration.conftest import RECORDER, Stack
from tests.integration.delivery_world import SECRET, World
from tests.integration.matching.matching_world import record
from tocsin.aws.sqs import Outbox
from tocsin.config.model import Configuration
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.waiting_store import WaitingStore
from tocsin.events.model import Event
from tocsin.events.system import SystemEvents
from tocsin.identity.directory import Group, User
from tocsin.identity.store import PeopleStore
from tocsin.matching.firings_store import Firings, FiringStore
from tocsin.matching.held_store import HeldStore
from tocsin.matching.matcher import Matcher
from tocsin.matching.open_store import OpenStore
from tocsin.matching.story import StoryStore
from tocsin.matching.throttle import Throttles
from tocsin.matching.worker import MatchWorker
from tocsin.models import validated
from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.notifications.seen_store import SeenStore
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets
from tocsin.telling.preferences import Preferences
from tocsin.telling.preferences_store import PreferencesStore

ONCALL = Group("oncall", roster="1")
SECOND = Group("second", roster="2")


class Killed(BaseException):
    """A function's process ends here."""


class TellingWorld(World):
    """Rule `refunds` tells the group `oncall` (ana and bob) of what the shop says, by the webhook `hook`.

    Of the group `second` are bob and eve.
    """

    def __init__(self, stack: Stack, monkeypatch: Any, sinks: Sinks) -> None:
        super().__init__(stack, monkeypatch)
        self.sinks = sinks
        self.people = PeopleStore(stack.dynamodb, "config")
        self.preferences = PreferencesStore(stack.dynamodb, "config")
        self.people.write(
            users=[User(name, f"{name}@example.com") for name in ("ana", "bob", "eve")],
            members=[(ONCALL, "ana"), (ONCALL, "bob"), (SECOND, "bob"), (SECOND, "eve")],
        )
        self.rules()

    def rules(
        self,
        *,
        settings: dict[str, Any] | None = None,
        once: bool = False,
        mail_once: bool = False,
        silences: Sequence[dict[str, Any]] = (),
        **rule: Any,
    ) -> None:
        """Configure the rule, with other fields; `once` has its webhook be one of a channel, `mail_once` its mail go
        to one person."""
        hook = NotificationTransport(
            name="hook",
            mode=TransportMode.WEBHOOK,
            url=f"{self.sinks.url}/webhook/x",
            secrets_ref="signing",
            send_once=once,
        )
        self.secrets.put("signing", TransportSecrets(signing=(SECRET,)))
        known: dict[str, Any] = {
            "name": "refunds",
            "severity": "warning",
            "transports": ["hook"],
            "destination_group": "oncall",
            "bindings": [{"policy": "shop"}],
        }
        configuration = validated(
            Configuration,
            {
                "settings": settings or {},
                "groups": [{"name": group.name, "roster": group.roster} for group in (ONCALL, SECOND)],
                "policies": [{"name": "shop", "kind": "event_matcher", "app": "shop"}],
                "rules": [known | rule],
                "silences": silences,
                "transports": [
                    hook,
                    {"name": "mail", "mode": "email", "send_once": mail_once},
                    {"name": "inbox", "mode": "local"},
                ],
            },
        )
        self.configuration.publish(configuration, replacing=self.configuration.version(fresh=True), by="test")

    def say(self, username: str, **said: Any) -> None:
        """Have a person say how they want to be told."""
        self.preferences.change(username, lambda _: validated(Preferences, said))

    def quiet(self, *, hours: int = 8) -> dict[str, Any]:
        """Quiet hours that began an hour ago and end in `hours`."""
        ends = self.now + timedelta(hours=hours)
        return {"quiet_hours": [{"starts": f"{self.now - timedelta(hours=1):%H:%M}", "ends": f"{ends:%H:%M}"}]}

    def happened(self, number: int, **fields: Any) -> list[Event]:
        """Events of the shop that are stored, and not matched yet."""
        return [
            self.event(action="custom_refund", context={"message": f"refund {position}"}, **fields)
            for position in range(number)
        ]

    def matcher(self) -> MatchWorker:
        """The matcher in a process of its own."""
        outbox = Outbox(self.stack.sqs)
        dynamodb = self.stack.dynamodb
        matcher = Matcher(
            self.configuration,
            PeopleStore(dynamodb, "config"),
            StoryStore(dynamodb, "deliveries"),
            outbox,
            queues=self.urls,
            match_queue=self.stack.queues["Match"],
            throttles=Throttles(dynamodb, "deliveries"),
            held=HeldStore(dynamodb, "deliveries"),
            system_events=SystemEvents(self.events),
            firings=Firings(FiringStore(dynamodb, "deliveries")),
            preferences=PreferencesStore(dynamodb, "config"),
            waiting=WaitingStore(dynamodb, "deliveries"),
            opened=OpenStore(dynamodb, "deliveries"),
            matters=EscalationStore(dynamodb, "deliveries"),
            seen=SeenStore(dynamodb, "deliveries"),
            deleted=InboxOwnerStore(dynamodb, "deliveries").emptied,
            clock=self.clock,
        )
        worker = MatchWorker(
            matcher,
            self.events,
            outbox,
            match_queue=self.stack.queues["Match"],
            set_aside=self.stack.queues["MatchDeadLetters"],
        )
        worker.stream = RECORDER.in_role_of("matcher", worker.stream)  # type: ignore[method-assign]
        worker.queue = RECORDER.in_role_of("matcher", worker.queue)  # type: ignore[method-assign]
        return worker

    def match(self, *events: Event) -> None:
        """Have the matcher see these events."""
        answer = self.matcher().stream([record(each, number) for number, each in enumerate(events, 1)])
        assert answer == {"batchItemFailures": []}

    def story(self, event: Event) -> dict[str, Any]:
        """{rule: …, deliveries by person} of an event, as the API shows it; that of a digest is not among them."""
        page: Any = self.ledger.story(event.id, after=None, limit=100, now=self.now)
        return {
            "rule": next(entry for entry in page.items if entry["kind"] == "rule"),
            **{entry["user"]: entry for entry in page.items if entry["kind"] == "delivery" and "digest" not in entry},
        }

    def posted(self, username: str | None) -> list[dict[str, Any]]:
        """What was posted for a person: each body with its webhook-id as `id`."""
        found = [
            json.loads(received.body) | {"id": received.headers["webhook-id"]}
            for received in self.sinks.received("/webhook/x")
        ]
        return [body for body in found if body["user_username"] == username]

    def heads(self) -> list[dict[str, Any]]:
        """The items that say when something is due."""
        return [item for item in self.stack.items("deliveries") if item["sk"]["S"] == "head"]


def next_minute(world: TellingWorld, moment: datetime) -> None:
    """Set the clock to a minute after `moment`: what is due then is due."""
    world.now = max(world.now, moment + timedelta(minutes=1))


@contextmanager
def dying(world: TellingWorld, seed: int, share: float) -> Iterator[list[str]]:
    """Has a function die before, or after, that share of its calls to AWS; the calls that it died at."""
    chance, died = random.Random(seed), []

    def perhaps(when: str) -> Any:
        def die(model: Any, **_: Any) -> None:
            if chance.random() < share / 2:
                died.append(f"{when} {model.name}")
                raise Killed

        return die

    handlers = [
        (client, event, perhaps(event))
        for client in (world.stack.dynamodb, world.stack.sqs)
        for event in ("before-call", "after-call")
    ]
    for client, event, handler in handlers:
        client.meta.events.register(event, handler)
    try:
        yield died
    finally:
        for client, event, handler in handlers:
            client.meta.events.unregister(event, handler)
