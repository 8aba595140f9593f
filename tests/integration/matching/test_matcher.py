"""The matcher on moto: who is told by what, what becomes of what fails, and that nothing feeds itself."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import (
    CHAT,
    HOOK,
    INBOX,
    MAIL,
    ONCALL,
    configure,
    event,
    match,
    record,
    rule,
    store,
    told,
    work,
)
from tocsin.events.model import Cause, Event, EventAction
from tocsin.identity.directory import Group, User
from tocsin.identity.store import PeopleStore
from tocsin.matching.story import StoryStore
from tocsin.models import validated
from tocsin.telling.preferences import Preferences
from tocsin.telling.preferences_store import PreferencesStore


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


def test_the_log_says_whether_a_rule_that_fired_has_anybody_to_tell(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    configure(stack)
    match(stack, event())
    configure(stack, groups=[{"name": "nobody"}], members={}, rules=[rule(destination_group="nobody")])

    match(stack, event())

    codes = [vars(line).get("code") for line in caplog.records]
    assert [code for code in codes if str(code).startswith("RULE_")] == ["RULE_FIRED", "RULE_TOLD_NOBODY"]


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


@pytest.mark.parametrize(
    "first", [User("alice"), User("alice", "alice@example.com", active=False), User("alice", "alice@example.com")]
)
def test_a_mail_that_is_sent_once_goes_to_the_first_who_takes_it(stack: Stack, first: User) -> None:
    """The fault: it was for whoever came first, and reached nobody where they had no address or had unsubscribed."""
    configure(
        stack,
        users=[first, User("bob", "bob@example.com"), User("carl", "carl@example.com")],
        members={"oncall": ["alice", "bob", "carl"]},
        transports=[CHAT, MAIL | {"send_once": True}],
        rules=[rule(transports=["chat", "mail"])],
    )
    if first.active and first.email:
        off = validated(Preferences, {"transports": {"mail": {"enabled": False}}})
        PreferencesStore(stack.dynamodb, "config").change("alice", lambda _: off)

    match(stack, event())

    assert told(stack.messages("Email")) == ["bob"]
    assert told(stack.messages("Slack")) == ["alice" if first.active else "bob"]


def test_a_mail_that_nobody_takes_is_dropped_and_the_story_says_so(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last page has nobody who could take it: who was on the page before counts."""
    for name in ("PAGE", "PAGES_AT_ONCE"):
        monkeypatch.setattr(f"tocsin.matching.recipients.{name}", 1)
    configure(
        stack,
        users=[User("alice"), User("bob", active=False)],
        members={"oncall": ["alice", "bob"]},
        transports=[CHAT, MAIL | {"send_once": True}],
        rules=[rule(transports=["chat", "mail"])],
    )
    store(stack, about := event())

    match(stack, about)
    (rest,) = stack.messages("Match")
    stack.call("matcher", {"Records": [work(rest)]})

    assert told(stack.messages("Slack")) == ["alice"]
    assert stack.messages("Email") == []
    story = StoryStore(stack.dynamodb, "deliveries").story(about.id, after=None, limit=9, now=datetime.now(UTC))
    (dropped,) = [entry for entry in story.items if entry["kind"] == "delivery"]
    assert (dropped["state"], dropped["user"]) == ("dropped", None)
    assert "nobody of those whom rule failed-logins tells takes mail" in str(dropped["attempts"])


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


def test_the_messages_of_a_transport_are_a_group_of_their_queue(stack: Stack) -> None:
    """So that one that tells very many does not keep the others waiting."""
    configure(stack, transports=[HOOK | {"name": "on call"}], rules=[rule(transports=["on call"])])

    match(stack, event())

    (message,) = stack.sqs.receive_message(QueueUrl=stack.queues["Webhook"], AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "on_call"


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
