"""Records and messages that can't be matched now: set aside, handed on or given back, and matched later."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import (
    Load,
    configure,
    event,
    match,
    record,
    rule,
    store,
    story_of,
    told,
    work,
)
from tocsin.aws import clients
from tocsin.identity.directory import User


def test_a_bad_record_is_set_aside_with_its_key_and_reason_and_the_others_go_on(
    stack: Stack, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(stack, rules=[rule(max_age="days=3650")])  # the payload's events have a date of their own

    answer = stack.call("matcher", load("matcher-bad-record"))

    assert answer == {"batchItemFailures": []}
    (aside,) = stack.messages("MatchDeadLetters")
    assert aside["key"]["sk"] == "019ac0de-5a01-7b31-8c55-1f2e3d4c5b6b"
    assert aside["reason"] == "the record is no event: JSONDecodeError"
    assert aside["sequence_number"] == "4421584500000000017450439092"
    assert told(stack.messages("Inbox")) == ["alice"]
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "RECORD_SET_ASIDE" in each]
    assert (line["level"], line["message"], line["key"]) == ("ERROR", aside["reason"], aside["key"])


def test_a_record_without_even_a_key_is_set_aside_too(stack: Stack) -> None:
    configure(stack)
    bad = record(event(), 7)
    bad["dynamodb"] = {"SequenceNumber": "7"}

    answer = stack.call("matcher", {"Records": [bad, record(event(), 8)]})

    assert answer == {"batchItemFailures": []}
    assert stack.messages("MatchDeadLetters") == [
        {"key": {}, "reason": "the record is no event: KeyError", "sequence_number": "7"}
    ]
    assert len(stack.messages("Inbox")) == 1


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


def test_a_message_that_comes_back_is_told_of_with_its_event(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """The fault: the line named SQS's message alone, so the log of its event knew nothing of it."""
    configure(stack)
    store(stack, unlucky := event())
    heal = refuse(clients.dynamodb(), "UpdateItem")

    stack.call("matcher", {"Records": [work({"event_id": unlucky.id})]})
    heal()

    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "RECORD_LEFT" in each]
    assert line["event_id"] == unlucky.id


def test_a_record_goes_back_to_the_stream_where_no_queue_takes_it(stack: Stack) -> None:
    configure(stack)
    heal = refuse(clients.sqs(), "SendMessageBatch")

    answer = match(stack, event(action="logout"), event())
    heal()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}


def test_a_record_goes_back_to_the_stream_where_no_queue_takes_the_rest_of_its_people(stack: Stack) -> None:
    people = [User(f"member-{number:04d}") for number in range(310)]
    configure(stack, users=people, members={"oncall": [user.username for user in people]})
    heal = refuse(clients.sqs(), "SendMessageBatch", when=lambda params: "match" in params["QueueUrl"].lower())

    answer = match(stack, event())
    heal()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


@pytest.mark.parametrize("before", ["absent", "disabled"])
def test_the_rest_of_a_rule_of_this_moment_is_told_by_whichever_process_has_it(stack: Stack, before: str) -> None:
    """The fault: a process that had read the configuration just before took the rule for deleted, and told nobody."""
    people = [User(f"member-{number:04d}") for number in range(310)]
    members = {"oncall": [user.username for user in people]}
    configure(stack, members={}, rules=[] if before == "absent" else [rule(enabled=False)])
    warm = stack.function("matcher")
    warm.handler({"Records": [record(event(action="logout"), 1)]}, stack.context)
    configure(stack, users=people, members=members)
    store(stack, about := event())
    match(stack, about)
    (rest,) = stack.messages("Match")
    stack.messages("Inbox")

    warm.handler({"Records": [work(rest)]}, stack.context)

    assert len(stack.messages("Inbox")) == 10


@pytest.mark.parametrize(
    "children",
    [["b", "c"], ["b", "a", "c"], ["c", "a", "b"], ["new", "a", "b", "c"], ["a", "c"], ["a", "b", "new"]],
)
def test_groups_that_change_while_a_rule_tells_its_people_leave_none_of_them_out(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, children: list[str]
) -> None:
    """The fault: where it went on was a group's position, which was another group's by then.

    Those of before come again where the groups up to there are others, and only then.
    """
    monkeypatch.setattr("tocsin.matching.recipients.PAGE", 2)
    monkeypatch.setattr("tocsin.matching.recipients.PAGES_AT_ONCE", 2)
    members = {"top": [], "a": ["ann"], "b": ["ben", "bob", "bud"], "c": ["al", "cid"], "new": ["art"]}

    def with_groups(below: list[str]) -> None:
        top = {"name": "top", "children": below, "roster": "1"}
        groups = [top, *({"name": name, "roster": "1"} for name in below)]
        people = [User(name) for names in members.values() for name in names]
        known = {name: members[name] for name in ("top", *below)}
        configure(stack, users=people, members=known, groups=groups, rules=[rule(destination_group="top")])

    with_groups(["a", "b", "c"])
    store(stack, about := event())
    match(stack, about)
    heard = {name for name in told(stack.messages("Inbox")) if name}
    (rest,) = stack.messages("Match")
    while rest["cursor"]["group"] < 2:  # until it stands at group b
        stack.call("matcher", {"Records": [work(rest)]})
        heard |= {name for name in told(stack.messages("Inbox")) if name}
        (rest,) = stack.messages("Match")

    with_groups(children)
    waiting, later = [rest], set[str]()
    while waiting:
        stack.call("matcher", {"Records": [work(each) for each in waiting]})
        later |= {name for name in told(stack.messages("Inbox")) if name}
        waiting = stack.messages("Match")

    assert ("ann" in later) is ("a" in children and children[:2] != ["a", "b"])
    heard |= later
    assert heard >= {name for group in children if group != "new" for name in members[group]}
    assert sum(story_of(stack, about)["deliveries"].values()) <= len(heard)


def test_a_bad_record_that_can_not_be_set_aside_goes_back_to_the_stream_too(stack: Stack) -> None:
    bad = record(event(), 7)
    bad["dynamodb"]["NewImage"]["event"] = {"S": "{"}
    heal = refuse(clients.sqs(), "SendMessageBatch")

    answer = stack.call("matcher", {"Records": [bad]})
    heal()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}


def test_a_message_that_fails_comes_back_and_keeps_its_reason(stack: Stack) -> None:
    configure(stack)
    about = event()
    store(stack, about)
    heal = refuse(clients.dynamodb(), "Query")

    answer = stack.call("matcher", {"Records": [work({"event_id": about.id, "reason": "before"})]})
    heal()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
