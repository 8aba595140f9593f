"""The matcher on moto: who is told by what, what becomes of what fails, and that nothing feeds itself."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.integration.conftest import Stack
from tocsin.aws import clients
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.events.model import Cause, Event, EventAction
from tocsin.events.store import event_key
from tocsin.identity.directory import Group, User
from tocsin.identity.store import PeopleStore
from tocsin.ids import new_id
from tocsin.matching.throttle import Passage, Throttles
from tocsin.rules import Throttle

type Load = Callable[[str], dict[str, Any]]

FAILED_LOGIN = {"name": "failed-login", "kind": "event_matcher", "action": "login_failed"}


def configure(
    stack: Stack,
    *,
    users: list[User] | None = None,
    members: dict[str, list[str]] | None = None,
    **document: Any,
) -> None:
    """Publish a configuration, past the API: the matcher alone is tried here.

    What is not given is the least that tells somebody: alice is on call, and hears of failed logins in her inbox.
    """
    given = {"groups": [ONCALL], "transports": [INBOX], "policies": [FAILED_LOGIN], "rules": [rule()]} | document
    people = PeopleStore(stack.dynamodb, "config")
    people.write(users=users or [User("alice", "alice@example.com"), User("bob")])
    groups = {group["name"]: Group(**group) for group in given["groups"]}
    rosters = {"oncall": ["alice"]} if members is None else members
    people.write(members=[(groups[name], user) for name, names in rosters.items() for user in names])
    configuration = Configuration.model_validate(given | {"groups": [vars_of(group) for group in groups.values()]})
    store = ConfigurationStore(stack.dynamodb, "config")
    store.publish(configuration, replacing=store.version(fresh=True), by="test")


def vars_of(group: Group) -> dict[str, Any]:
    return {"name": group.name, "children": group.children, "roster": group.roster}


def event(**fields: Any) -> Event:
    known: dict[str, Any] = {
        "id": new_id(),
        "action": "login_failed",
        "app": "shop",
        "user": {"username": "alice", "pk": 7},
        "context": {},
        "client_ip": None,
        "brand": "default",
        "expires": datetime.now(UTC) + timedelta(days=1),
    }
    return Event(**(known | fields))


def record(about: Event, sequence: int = 1) -> dict[str, Any]:
    image = event_key(about.id) | {"event": {"S": json.dumps(about.to_json())}}
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"Keys": event_key(about.id), "NewImage": image, "SequenceNumber": str(sequence)},
    }


def match(stack: Stack, *events: Event) -> dict[str, Any]:
    return stack.call("matcher", {"Records": [record(each, number) for number, each in enumerate(events, 1)]})


def work(body: dict[str, Any], message_id: str = "m1") -> dict[str, Any]:
    return {"messageId": message_id, "body": json.dumps(body), "eventSource": "aws:sqs", "attributes": {}}


def store(stack: Stack, about: Event) -> None:
    stack.dynamodb.put_item(
        TableName="events", Item=event_key(about.id) | {"event": {"S": json.dumps(about.to_json())}}
    )


def told(messages: list[dict[str, Any]]) -> list[str | None]:
    return sorted((message["user"] or {}).get("username") or "-" for message in messages)


def rule(**fields: Any) -> dict[str, Any]:
    known = {
        "name": "failed-logins",
        "severity": "warning",
        "transports": ["inbox"],
        "destination_group": "oncall",
        "bindings": [{"policy": "failed-login"}],
    }
    return known | fields


INBOX = {"name": "inbox", "mode": "local"}
HOOK = {"name": "hook", "mode": "webhook", "url": "https://example.com/hook"}
MAIL = {"name": "mail", "mode": "email"}
CHAT = {"name": "chat", "mode": "webhook_slack", "send_once": True}
ONCALL = {"name": "oncall", "roster": "1"}


def test_each_transport_of_a_rule_gets_one_message_a_person(stack: Stack) -> None:
    configure(
        stack,
        members={"oncall": ["alice", "bob"]},
        transports=[INBOX, HOOK, MAIL, CHAT],
        rules=[rule(transports=["inbox", "hook", "mail", "chat"])],
    )

    answer = match(stack, event())

    assert answer == {"batchItemFailures": []}
    assert told(stack.messages("Inbox")) == ["alice", "bob"]
    assert told(stack.messages("Webhook")) == ["alice", "bob"]
    assert told(stack.messages("Email")) == ["alice", "bob"]
    assert told(stack.messages("Slack")) == ["alice"]  # sends once


def test_the_event_user_is_told_once_beside_the_group(stack: Stack) -> None:
    configure(
        stack,
        members={"oncall": ["alice", "bob"]},
        rules=[rule(destination_event_user=True)],
    )

    match(stack, event())

    assert told(stack.messages("Inbox")) == ["alice", "bob"]


def test_members_of_child_groups_are_told_once_and_inactive_or_missing_people_not_at_all(stack: Stack) -> None:
    configure(
        stack,
        users=[User("alice"), User("bob"), User("carol", active=False), User("dave")],
        groups=[
            ONCALL | {"children": ["juniors"]},
            {"name": "juniors", "roster": "1", "children": ["interns"]},
            {"name": "interns", "roster": "1", "children": ["oncall"]},
        ],
        members={"oncall": ["alice", "ghost"], "juniors": ["alice", "bob", "carol"], "interns": ["dave", "bob"]},
    )

    match(stack, event())

    assert told(stack.messages("Inbox")) == ["alice", "bob", "dave"]


def test_a_rule_without_transports_tells_the_inbox(stack: Stack) -> None:
    configure(stack, rules=[rule(transports=[])])

    match(stack, event())

    assert told(stack.messages("Inbox")) == ["alice"]


def test_a_send_once_channel_is_told_although_nobody_is_there(stack: Stack) -> None:
    configure(
        stack,
        members={"oncall": ["ghost"]},
        transports=[CHAT, MAIL | {"send_once": True}],
        rules=[rule(transports=["chat", "mail"])],
    )

    match(stack, event())

    assert told(stack.messages("Slack")) == ["-"]
    assert stack.messages("Email") == []


def test_matching_an_event_again_makes_the_same_deliveries(stack: Stack) -> None:
    configure(
        stack,
        members={"oncall": ["alice", "bob"]},
    )
    about = event()

    match(stack, about)
    first = stack.messages("Inbox")
    match(stack, about)
    second = stack.messages("Inbox")

    assert first == second
    stories = [item for item in stack.items("deliveries") if item["sk"]["S"].startswith("rule#")]
    assert json.loads(stories[0]["told#1"]["S"]) == {"inbox": 2}


def test_a_large_event_travels_by_its_id(stack: Stack) -> None:
    configure(stack)

    match(stack, event(context={"blob": "x" * 190_000}))

    (message,) = stack.messages("Inbox")
    assert "event" not in message


@pytest.mark.no_cover
def test_a_large_group_is_worked_through_in_pages_by_the_match_queue(stack: Stack) -> None:
    people = [User(f"member-{number:04d}") for number in range(1000)]
    configure(
        stack,
        users=people,
        members={"oncall": [user.username for user in people]},
        transports=[INBOX, CHAT],
        rules=[rule(transports=["inbox", "chat"])],
    )
    about = event()
    store(stack, about)

    match(stack, about)
    rounds = 0
    while more := stack.messages("Match"):
        rounds += 1
        stack.call("matcher", {"Records": [work(body, f"m{n}") for n, body in enumerate(more)]})

    assert rounds == 3  # 300 are told at once, then 300, 300 and the last 100
    counted = Counter(told(stack.messages("Inbox", 2000)))
    assert len(counted) == 1000
    assert set(counted.values()) == {1}
    assert len(stack.messages("Slack")) == 1


def test_a_bad_record_is_set_aside_with_its_key_and_reason_and_the_others_go_on(stack: Stack, load: Load) -> None:
    configure(stack)

    answer = stack.call("matcher", load("matcher-bad-record"))

    assert answer == {"batchItemFailures": []}
    (aside,) = stack.messages("MatchDeadLetters")
    assert aside["key"]["sk"] == "019ac0de-5a01-7b31-8c55-1f2e3d4c5b6b"
    assert aside["reason"] == "the record is no event: JSONDecodeError"
    assert told(stack.messages("Inbox")) == ["alice"]


def refuse(
    client: Any, operation: str, *, when: Callable[[dict[str, Any]], bool] = lambda _: True
) -> Callable[[], None]:
    """Make a client's calls fail as AWS does when it throttles; returns what ends that."""

    def throttle(params: dict[str, Any], **_: Any) -> None:
        if when(params):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, operation)

    name = f"provide-client-params.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register(name, throttle)
    return lambda: client.meta.events.unregister(name, throttle)


def test_an_event_that_a_throttled_table_keeps_from_its_people_is_handed_on_and_matched_later(stack: Stack) -> None:
    configure(stack)
    unlucky, lucky = event(), event()
    store(stack, unlucky)
    heal = refuse(
        clients.dynamodb(), "UpdateItem", when=lambda params: params["Key"]["pk"]["S"] == f"event#{unlucky.id}"
    )

    answer = match(stack, unlucky, lucky)
    heal()

    assert answer == {"batchItemFailures": []}
    (waiting,) = stack.messages("Match")
    assert waiting["event_id"] == unlucky.id
    assert waiting["reason"] == "noting a match failed: ThrottlingException"
    stack.call("matcher", {"Records": [work(waiting)]})
    assert {message["event_id"] for message in stack.messages("Inbox")} == {unlucky.id, lucky.id}


def test_a_record_goes_back_to_the_stream_where_no_queue_takes_it(stack: Stack) -> None:
    configure(stack)
    heal = refuse(clients.sqs(), "SendMessageBatch")

    answer = match(stack, event(action="logout"), event())
    heal()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}


def test_a_message_that_fails_comes_back_and_keeps_its_reason(stack: Stack) -> None:
    configure(stack)
    about = event()
    store(stack, about)
    heal = refuse(clients.dynamodb(), "Query")

    answer = stack.call("matcher", {"Records": [work({"event_id": about.id, "reason": "before"})]})
    heal()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_rules_are_read_again_when_the_configuration_has_changed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.config.store.REFRESH", timedelta(0))
    configure(stack, rules=[])
    function = stack.function("matcher")
    function.handler({"Records": [record(event())]}, stack.context)
    assert stack.messages("Inbox") == []

    configure(stack)
    function.handler({"Records": [record(event())]}, stack.context)

    assert told(stack.messages("Inbox")) == ["alice"]


def test_a_stack_that_was_never_configured_alerts_its_admins(stack: Stack) -> None:
    people = PeopleStore(stack.dynamodb, "config")
    people.write(users=[User("root")], members=[(Group("admins"), "root")])

    match(stack, event(action=EventAction.CONFIGURATION_ERROR))

    assert told(stack.messages("Inbox")) == ["root"]
    assert told(stack.messages("Email")) == ["root"]


# ── held back ───────────────────────────────────────────────────────────────────────────────────────────────


def story_of(stack: Stack, about: Event) -> dict[str, Any]:
    (item,) = [
        item
        for item in stack.items("deliveries")
        if item["pk"]["S"] == f"event#{about.id}" and item["sk"]["S"].startswith("rule#")
    ]
    facts: dict[str, Any] = json.loads(item["facts"]["S"])
    return facts


def test_a_silence_keeps_people_from_being_told_and_the_story_says_which(stack: Stack) -> None:
    now = datetime.now(UTC)
    configure(
        stack,
        silences=[
            {
                "name": "drill",
                "matcher": {"app": "shop"},
                "starts": (now - timedelta(hours=1)).isoformat(),
                "ends": (now + timedelta(hours=1)).isoformat(),
                "comment": "fire drill",
            }
        ],
    )
    about = event()

    match(stack, about, event(app="crm"))

    assert told(stack.messages("Inbox")) == ["alice"]  # of the other app's event
    assert story_of(stack, about)["held_by"]["silence"]["name"] == "drill"


def test_a_throttle_lets_max_through_a_group_and_the_story_says_what_it_held(stack: Stack, atomic_calls: None) -> None:
    throttle = {"window": "days=1", "max": 2, "group_by": ["user.username"]}
    configure(
        stack,
        rules=[rule(throttle=throttle)],
    )
    of_alice = [event() for _ in range(5)]
    of_bob = event(user={"username": "bob"})

    match(stack, *of_alice, of_bob)

    heard = {message["event_id"] for message in stack.messages("Inbox")}
    held = [each for each in of_alice if each.id not in heard]  # events of one batch are told side by side
    assert of_bob.id in heard
    assert len(held) == 3
    assert story_of(stack, held[0])["held_by"]["throttle"]["group"] == {"user.username": "alice"}


def test_a_throttle_counts_dotted_keys_apart_as_patterns_find_them(stack: Stack) -> None:
    throttles = Throttles(stack.dynamodb, "deliveries")
    throttle = Throttle(window="days=1", max=1, group_by=("context.host.name",))
    now = datetime(2026, 7, 1, tzinfo=UTC)
    shapes: list[Any] = [{"host.name": "web-1"}, {"host.name": "web-2"}, {"host": {"name": "web-1"}}]

    passages = [throttles.pass_through("r", throttle, event(context=shape), now=now) for shape in shapes]

    assert [passage.passes for passage in passages] == [True, True, False]
    assert [passage.group["context.host.name"] for passage in passages] == ["web-1", "web-2", "web-1"]


def test_a_throttled_event_that_is_matched_again_gets_the_same_answer(stack: Stack) -> None:
    throttle = {"window": "days=1", "max": 1}
    configure(
        stack,
        rules=[rule(throttle=throttle)],
    )
    first, second = event(), event()
    match(stack, first)

    for _ in range(2):
        match(stack, first, second)

    assert {message["event_id"] for message in stack.messages("Inbox")} == {first.id}


def test_the_first_of_the_next_window_says_how_many_were_held_back(stack: Stack) -> None:
    throttles = Throttles(stack.dynamodb, "deliveries")
    throttle = Throttle(window="minutes=10", max=1)
    start = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    for _ in range(4):
        throttles.pass_through("r", throttle, event(), now=start)
    repeated = event()
    throttles.pass_through("r", throttle, repeated, now=start)
    throttles.pass_through("r", throttle, repeated, now=start)  # counted once

    next_one = event()
    passages = [throttles.pass_through("r", throttle, next_one, now=start + timedelta(minutes=10)) for _ in range(2)]

    assert [(passage.passes, passage.held_before) for passage in passages] == [(True, 4), (True, 4)]


@pytest.fixture
def atomic_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call at a time, as DynamoDB has it for an item; moto checks a condition and writes without a lock."""
    lock, call = threading.RLock(), BaseClient._make_api_call

    def locked(self: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        with lock:
            return call(self, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", locked)


def test_a_throttle_is_right_under_concurrent_matchers(stack: Stack, atomic_calls: None) -> None:
    throttle = Throttle(window="days=1", max=7)
    events = [event() for _ in range(60)]
    passages: list[Passage] = []
    now = datetime.now(UTC)

    def run(chunk: list[Event]) -> None:
        throttles = Throttles(stack.dynamodb, "deliveries")
        for each in chunk:
            passages.append(throttles.pass_through("r", throttle, each, now=now))

    threads = [threading.Thread(target=run, args=(events[start::6],)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passages) == 60
    assert sum(passage.passes for passage in passages) == 7
    state = Throttles(stack.dynamodb, "deliveries").look("r", throttle, event(), now=now)
    assert (state["told"], state["held_back"]) == (7, 53)


# ── loops ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failing_policy_leaves_one_event_that_does_not_fire_its_own_rule(stack: Stack) -> None:
    broken = {"name": "broken", "kind": "expression", "expression": "event.context.nothing == 1"}
    exceptions = {"name": "exceptions", "kind": "event_matcher", "action": "policy_exception"}
    configure(
        stack,
        policies=[broken, exceptions],
        # fires for its own policy's exception, if anything does
        rules=[rule(name="loop", bindings=[{"policy": "broken"}, {"policy": "exceptions"}])],
    )
    about = event()

    match(stack, about)
    match(stack, about)
    (exception,) = stack.events()
    match(stack, Event.from_json(exception))

    assert exception["action"] == "policy_exception"
    assert exception["context"]["policy"] == "broken"
    assert exception["cause"] == {"rule": "loop", "transport": None, "depth": 1}
    assert len(stack.events()) == 1  # the exception is not put to the rule that caused it
    assert stack.messages("Inbox") == []


def test_an_event_does_not_reach_the_transport_that_caused_it(stack: Stack) -> None:
    sent = {"name": "sent", "kind": "event_matcher", "action": "email_sent"}
    configure(
        stack,
        transports=[MAIL, INBOX],
        policies=[sent],
        rules=[rule(transports=["mail", "inbox"], bindings=[{"policy": "sent"}])],
    )

    match(stack, event(action="email_sent", cause=Cause("another-rule", "mail", 1)))

    assert stack.messages("Email") == []
    assert told(stack.messages("Inbox")) == ["alice"]
