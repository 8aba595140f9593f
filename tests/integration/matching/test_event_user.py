"""The person behind an event: found by key or name, looked up only where a rule asks, and told or said why not."""

from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing
from tests.integration.matching.matching_world import INBOX, configure, event, match, rule, told
from tocsin.events.model import Cause
from tocsin.expressions.vocabulary import FIELDS
from tocsin.identity.directory import User

UUID = "5f0c1a2b-0000-4000-8000-00000000abcd"
PEOPLE = [
    User("alice", pk=7),
    User("bob", pk="b-2"),
    User("carol", active=False),
    User("dave"),
    User("erin", pk=UUID),
    User("frank", pk=UUID.replace("-", "")[::-1]),
]


def story(stack: Stack) -> dict[str, Any]:
    (item,) = [item for item in stack.items("deliveries") if item["sk"]["S"].startswith("rule#")]
    return {"facts": item["facts"]["S"], "told": item.get("told#1", {}).get("S")}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"pk": 7}, ["alice"]),
        ({"pk": "7"}, ["alice"]),
        ({"pk": "b-2", "username": "renamed"}, ["bob"]),
        ({"pk": 7, "username": "dave"}, ["alice"]),
        ({"pk": 99, "username": "dave"}, ["dave"]),
        ({"username": "dave"}, ["dave"]),
        ({"pk": UUID}, ["erin"]),
        ({"pk": UUID.replace("-", "")}, ["erin"]),
        ({"pk": UUID.upper(), "username": "dave"}, ["erin"]),
        ({"pk": "dcba0000-0000-0008-0004-0000b2a1c0f5"}, ["frank"]),
        ({"pk": UUID.replace("-", ":"), "username": "dave"}, ["dave"]),
    ],
)
def test_an_events_user_is_told_who_has_their_key_else_their_name(
    stack: Stack, user: dict[str, Any], expected: list[str]
) -> None:
    configure(stack, users=PEOPLE, members={}, rules=[rule(destination_event_user=True)])

    match(stack, event(user=user))

    assert told(stack.messages("Inbox")) == expected
    assert "event_user" not in story(stack)["facts"]


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ({"pk": 99}, "is not in the directory"),
        ({"username": "nobody"}, "is not in the directory"),
        ({"username": "carol"}, "carol is not active"),
        ({}, "is not said by the event"),
        ({"username": ""}, "is not said by the event"),
    ],
)
def test_the_story_says_why_an_events_user_is_told_nothing(stack: Stack, user: dict[str, Any], why: str) -> None:
    configure(stack, users=PEOPLE, members={}, rules=[rule(destination_event_user=True)])

    match(stack, event(user=user))

    assert stack.messages("Inbox") == []
    assert f'"event_user":"{why}"' in story(stack)["facts"].replace(": ", ":")


def test_bindings_ask_for_the_person_whom_the_directory_knows_by_the_key(stack: Stack) -> None:
    configure(
        stack,
        users=PEOPLE,
        members={"oncall": ["dave"], "admins": ["alice"]},
        groups=[{"name": "oncall", "roster": "1"}, {"name": "admins", "roster": "1"}],
        rules=[
            rule(name="by-user", bindings=[{"user": "alice"}]),
            rule(name="by-group", bindings=[{"group": "admins"}]),
        ],
    )

    match(stack, event(user={"pk": 7}))

    assert sorted(message["rule"] for message in stack.messages("Inbox")) == ["by-group", "by-user"]


ASKS = [*(f"type(user.{field}) != null_type" for field in sorted(FIELDS["user"])), "user.pk == 7"]


@pytest.mark.parametrize("expression", ASKS)
@pytest.mark.parametrize("user", [{"pk": 7}, {"username": "alice"}, {"username": "alice", "pk": None}], ids=str)
def test_an_expression_finds_each_field_of_a_known_user_that_it_may_name(
    stack: Stack, user: dict[str, Any], expression: str
) -> None:
    """The fault: `user.attributes` was taken, and failed on each event; who was named had no key."""
    policy = {"name": "asks", "kind": "expression", "expression": expression}
    configure(stack, users=PEOPLE, policies=[policy], rules=[rule(bindings=[{"policy": "asks"}])])

    match(stack, event(user=user))

    assert len(stack.messages("Inbox")) == 1


def chain(length: int) -> list[dict[str, Any]]:
    return [
        {"name": f"g{number}", "roster": "1", "children": [f"g{number + 1}"] if number + 1 < length else []}
        for number in range(length)
    ]


@pytest.mark.parametrize(("expression", "reads"), [("event.action == 'zz'", 0), ("'g0' in user.groups", 10)])
def test_memberships_are_read_once_and_only_for_an_expression_that_asks_who(
    stack: Stack, expression: str, reads: int
) -> None:
    """The fault: one expression read every group's members for every event, a group at a time."""
    groups = [{"name": "oncall", "roster": "1"}, *chain(300)]
    configure(
        stack,
        users=PEOPLE,
        members={"oncall": ["bob"], "g299": ["alice"]},
        groups=groups,
        policies=[{"name": "asks", "kind": "expression", "expression": expression}],
        rules=[rule(bindings=[{"policy": "asks"}])],
    )
    match(stack, event())  # the configuration is read
    stack.messages("Inbox")

    with failing(lambda _: None, "BatchGetItem", table="config") as calls:
        match(stack, event(user={"username": "alice", "pk": 7}), event(user={"username": "alice", "pk": 7}))

    assert len(calls) <= reads
    assert told(stack.messages("Inbox")) == (["bob", "bob"] if reads else [])


def test_one_broken_policy_makes_one_event_an_hour_however_many_rules_ask_it(stack: Stack) -> None:
    """The fault: n policies that fail made n + n(n-1) + n(n-1)^2 events of each event."""
    broken = [{"name": f"p{i}", "kind": "expression", "expression": f"event.context.attempts > {i}"} for i in range(4)]
    configure(
        stack,
        policies=broken,
        transports=[INBOX],
        rules=[rule(name=f"r{i}", bindings=[{"policy": f"p{i % 4}"}]) for i in range(8)],
    )

    for _ in range(3):
        match(stack, event(user={"username": "mallory"}))
    reported = stack.events()
    for each in reported:
        match(stack, event(**{"cause": cause_of(each)}))

    assert sorted(each["context"]["policy"] for each in reported) == ["p0", "p1", "p2", "p3"]
    assert {each["user"]["username"] for each in reported} == {"mallory"}
    assert len(stack.events()) == len(reported)


def cause_of(reported: dict[str, Any]) -> Cause:
    return Cause(reported["cause"]["rule"], None, reported["cause"]["depth"])
