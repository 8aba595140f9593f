"""Each payload of events/ through the handler that it is for: what `sam local invoke -e` does, with a stated result."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import ROOT, Stack
from tests.integration.handler_calls import ALL_SCOPES, Client
from tocsin import __version__
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.events.model import Event
from tocsin.events.store import EventStore, Submission
from tocsin.identity.api_keys import ApiKey, hash_secret
from tocsin.identity.principal import Scope
from tocsin.identity.store import PeopleStore

EVENT_ID = "019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a"
ABOUT = "5f2b1c7a9e0d4f6388a1b2c3d4e5f607"
STEP = {"after": "minutes=15", "destination_group": "oncall"}
BOT = "xoxb-1234567890-abcdefghijkl"
ALL_DONE: dict[str, list[Any]] = {"batchItemFailures": []}


@dataclass
class World:
    """What the payloads take for granted: the event that they are about, people, transports, a rule."""

    stack: Stack
    sinks: Sinks

    def deliveries(self) -> dict[str, tuple[str, str]]:
        """{transport: (state, reason of the last attempt)} of the event's deliveries."""
        story = Client(self.stack, "api").ask("GET", f"/events/{EVENT_ID}/deliveries").body
        return {
            each["transport"]: (each["state"], each["attempts"][-1]["reason"] if each["attempts"] else "")
            for each in story["deliveries"]
        }

    def told(self, queue: str) -> list[str]:
        """Who is told by the messages that wait in a queue."""
        return sorted(message["user"]["username"] for message in self.stack.messages(queue))

    def begin_anew(self) -> None:
        """Forget what came of the payload before."""
        self.sinks.forget()
        for item in self.stack.items("deliveries"):
            self.stack.dynamodb.delete_item(TableName="deliveries", Key={"pk": item["pk"], "sk": item["sk"]})
        for queue in self.stack.queues:
            self.stack.messages(queue)
        now, day = datetime.now(UTC), timedelta(days=1)
        matters = EscalationStore(self.stack.dynamodb, "deliveries")
        matters.begin("disk-full", ABOUT, EVENT_ID, steps=1, due=now + day, now=now, keep=day)


@pytest.fixture
def world(stack: Stack) -> Iterator[World]:
    with Sinks.started() as sinks:
        document = {
            "users": [
                {"username": "alice", "email": "alice@example.com", "name": "Alice Example"},
                {"username": "member-0301", "email": "member@example.com"},
            ],
            "groups": [{"name": "oncall", "members": ["alice", "member-0301"]}],
            "transports": [
                {"name": "hook", "mode": "webhook", "url": f"{sinks.url}/webhook/hook"},
                {"name": "chat", "mode": "webhook_slack", "url": f"{sinks.url}/slack/chat", "send_once": True},
                {
                    "name": "ops",
                    "mode": "webhook_slack",
                    "url": f"{sinks.url}/api",
                    "channel": "#ops",
                    "bot_token": BOT,
                },
                {"name": "mail", "mode": "email"},
                {"name": "inbox", "mode": "local"},
            ],
            "policies": [{"name": "failed", "kind": "event_matcher", "action": "login_failed"}],
            "rules": [
                {
                    "name": "failed-logins",
                    "severity": "warning",
                    "transports": ["hook", "chat", "mail", "inbox"],
                    "destination_group": "oncall",
                    "bindings": [{"policy": "failed"}],
                    "max_age": "days=36500",  # payloads have the time of when they were made
                },
                {"name": "disk-full", "transports": ["hook"], "escalate": [STEP]},
            ],
        }
        assert Client(stack, "api").ask("PUT", "/blueprint", document).status == 200
        key = ApiKey(
            id="0011223344556677", name="billing", scopes=(Scope.EVENTS_WRITE,), secret_hash=hash_secret("x" * 43)
        )
        PeopleStore(stack.dynamodb, "config").write(keys=[key])
        event = Event(
            id=EVENT_ID,
            action="login_failed",
            app="shop",
            user={"username": "alice", "pk": 7},
            context={},
            client_ip=None,
            brand="default",
            expires=None,
            key_id="0011223344556677",
        )
        EventStore(stack.dynamodb, "events").add([Submission(event, None)])
        yield World(stack, sinks)


type Expectation = Callable[[Any, World], None]


def answered(status: int, /, **members: Any) -> Expectation:
    """Over HTTP: the status, and members of the body."""

    def check(answer: Any, _: World) -> None:
        body = json.loads(answer["body"])
        assert answer["statusCode"] == status
        assert {name: body.get(name) for name in members} == members

    return check


def listed(name: str, value: str) -> Expectation:
    """Over HTTP: among the items is one whose `name` is `value`."""

    def check(answer: Any, _: World) -> None:
        assert answer["statusCode"] == 200
        assert value in [item[name] for item in json.loads(answer["body"])["items"]]

    return check


def problem(status: int, code: str) -> Expectation:
    """Over HTTP: a problem of that kind."""
    return answered(status, status=status, type=f"urn:tocsin:problem:{code}")


def has(**members: Any) -> Expectation:
    """The result has these members, which may be of its context."""

    def check(answer: Any, _: World) -> None:
        flat = answer | answer.get("context", {})
        assert {name: flat.get(name) for name in members} == members

    return check


def done(then: Callable[[World], Any] = lambda _: None, expected: Any = None) -> Expectation:
    """Of a batch nothing comes back, and what `then` sees is `expected`."""

    def check(answer: Any, world: World) -> None:
        assert answer == ALL_DONE
        assert then(world) == expected

    return check


def delivered(transport: str, reason: str, state: str = "delivered") -> Expectation:
    return done(World.deliveries, {transport: (state, reason)})


def of_yaml(answer: Any, _: World) -> None:
    assert answer["statusCode"] == 200
    assert "failed-logins" in answer["body"]


def ingested(status: int, events: int) -> Expectation:
    """So many events of the payload are in the log, beside the one that was there."""

    def check(answer: Any, world: World) -> None:
        assert answer["statusCode"] == status
        body = json.loads(answer["body"])
        ids = [result["id"] for result in body.get("results", [body])]
        assert len(ids) == events
        assert {event["id"] for event in world.stack.events()} >= set(ids)

    return check


def told_of(world: World) -> dict[str, list[str]]:
    return {queue: world.told(queue) for queue in ("Webhook", "Slack", "Email", "Inbox")}


EVERYBODY = {
    "Webhook": ["alice", "member-0301"],
    "Slack": ["alice"],
    "Email": ["alice", "member-0301"],
    "Inbox": ["alice", "member-0301"],
}

EXPECTED: dict[str, Expectation] = {
    "api-acknowledge": problem(404, "not-found"),  # the rule does not escalate
    "api-acknowledge-by-link": problem(404, "not-found"),  # which nobody signed
    "api-blueprint-get": of_yaml,
    "api-blueprint-put": answered(200, dry_run=True, changed=True),
    "api-breaker": answered(200, transport="hook", state="closed"),
    "api-deliveries": answered(200, event_id=EVENT_ID, deliveries=[]),
    "api-deliveries-failed": answered(200, items=[]),
    "api-erasure": answered(202, state="queued", reason="ticket 4711", events=0),
    "api-export": answered(202, state="queued", format="csv", filters={"app": "shop"}),
    "api-event": answered(200, id=EVENT_ID, action="login_failed"),
    "api-events-actions": listed("action", "login_failed"),
    "api-events-list": listed("app", "tocsin"),
    "api-events-search": answered(200, items=[], filter_failed=None),
    "api-events-stats": listed("step", "hours=24"),
    "api-events-top": answered(200, items=[]),
    "api-events-volume": answered(200, interval_seconds=21_600),
    "api-events-wrong-cursor": problem(422, "invalid"),
    "api-health": answered(200, status="ok", version=__version__),
    "api-minute": has(settled=False),
    "api-notifications": answered(200, user="alice", items=[], unread=0),
    "api-notifications-clear": answered(200, user="alice", through=0),
    "api-notifications-seen": answered(200, user="alice", seen=True, through=0),
    "api-notifications-unread": answered(200, unread=0, total=0, limit=1000),
    "api-redrive": answered(202, queued=0, skipped=0),
    "api-tickets": answered(201, url="wss://live1.execute-api.eu-central-1.amazonaws.com/live"),
    "api-unknown-path": problem(404, "not-found"),
    "authorizer-known-key": has(isAuthorized=True, key_id="0011223344556677", scopes="events:write"),
    "authorizer-no-key": has(
        isAuthorized=True, key_id=None, error="send an API key in the header `Authorization: Bearer …`"
    ),
    "authorizer-token": has(isAuthorized=True, key_id=None, error="this API key is not known"),  # no issuer is set
    "authorizer-unknown-key": has(isAuthorized=True, key_id=None, error="this API key is not known"),
    "console-not-there": problem(404, "not-found"),
    "console-page": has(statusCode=200, isBase64Encoded=False),
    "email-delivery": delivered("mail", "sent"),
    "email-no-address": delivered("mail", "no_address", "discarded"),
    "feedback-bounce": has(stopped=1),
    "feedback-complaint": has(stopped=1),
    "feedback-transient-bounce": has(stopped=0),
    "inbox-delivery": delivered("inbox", "stored"),
    "ingest-base64": ingested(201, 1),
    "ingest-batch": ingested(200, 3),
    "ingest-gzip": ingested(200, 3),
    "ingest-invalid": problem(422, "invalid"),
    "ingest-ndjson": ingested(200, 3),
    "ingest-no-key": problem(401, "unauthenticated"),
    "ingest-once": ingested(201, 1),
    "ingest-replaced": ingested(201, 1),
    "ingest-single": ingested(201, 1),
    "matcher-bad-record": done(lambda world: len(world.stack.messages("MatchDeadLetters")), 1),
    "matcher-go-on": done(
        told_of, {"Webhook": ["member-0301"], "Slack": [], "Email": ["member-0301"], "Inbox": ["member-0301"]}
    ),
    "matcher-insert": done(told_of, EVERYBODY),
    "matcher-step": done(told_of, {"Webhook": ["alice", "member-0301"], "Slack": [], "Email": [], "Inbox": []}),
    "jobs-minute": has(steps=0, left=0),
    "redrive-minute": has(due=0),
    "rollup-recount": has(marked=24),
    "rollup-schedule": has(left=0),
    "rollup-stream": done(),
    "slack-delivery": delivered("chat", "http_200"),
    "slack-thread": delivered("ops", "http_200"),
    "webhook-delivery": delivered("hook", "http_200"),
    "webhook-large-event": delivered("hook", "http_200"),
    "websocket-connect": has(statusCode=401),
    "websocket-disconnect": has(statusCode=200),
    "websocket-message": has(statusCode=200),
    "websocket-minute": has(ended=0),
}


def test_each_payload_is_for_a_function_and_has_an_expectation() -> None:
    payloads = {path.stem for path in (ROOT / "events").iterdir()}
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}

    assert payloads == EXPECTED.keys()
    assert {payload.split("-")[0] for payload in payloads} == functions


def test_each_payload_has_the_expected_result(
    world: World, load: Callable[[str], dict[str, Any]], subtests: pytest.Subtests
) -> None:
    for payload, expectation in EXPECTED.items():
        with subtests.test(payload):
            world.begin_anew()

            answer = world.stack.call(payload.split("-")[0], load(payload))

            expectation(answer, world)


def test_requests_in_payloads_are_by_keys_that_there_could_be(load: Callable[[str], dict[str, Any]]) -> None:
    for payload in EXPECTED:
        facts = load(payload).get("requestContext", {}).get("authorizer", {}).get("lambda", {})

        assert set(facts.get("scopes", "").split()) <= set(ALL_SCOPES.split())
        assert all(isinstance(fact, str) for fact in facts.values())
