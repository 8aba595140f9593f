"""Policies with `execution_logging`: what each said of an event is in the log and in the event's story."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import WRITES, failing
from tests.integration.matching.matching_world import FAILED_LOGIN, configure, event, match, rule, store, told
from tocsin.events.model import Event
from tocsin.ids import new_id
from tocsin.matching.story import StoryStore

LOGGED = {"execution_logging": True}
POLICIES = [
    FAILED_LOGIN | LOGGED,
    {"name": "night", "kind": "expression", "expression": "event.context.hour < 6", **LOGGED},
    {"name": "shop", "kind": "pattern", "pattern": {"app": ["shop"]}},
]
RULES = [
    rule(),
    rule(name="nights", bindings=[{"policy": "night"}, {"policy": "shop", "negate": True}]),
]


def policies_of(stack: Stack, about: Event) -> dict[str, tuple[Any, Any]]:
    """{policy: (whether it held, its message)} as the event's story has it over HTTP."""
    found = Api.of(stack)("GET", f"/events/{about.id}/deliveries").body
    assert all(each["duration_ms"] >= 0 and each["user"] == "alice" for each in found["policies"])
    return {each["policy"]: (each["passed"], each["message"]) for each in found["policies"]}


def test_the_story_says_what_each_said_whether_or_not_a_rule_fired(stack: Stack) -> None:
    configure(stack, policies=POLICIES, rules=RULES)
    fired, quiet, odd = event(context={"hour": 3}), event(action="logout", context={"hour": 9}), event(action="logout")
    for each in (fired, quiet, odd):
        store(stack, each)

    match(stack, fired, quiet, odd)

    assert policies_of(stack, fired) == {"failed-login": (True, "holds"), "night": (True, "holds")}
    assert policies_of(stack, quiet) == {"failed-login": (False, "does not hold"), "night": (False, "does not hold")}
    assert policies_of(stack, odd)["night"] == (False, 'line 1, column 14: there is no key "hour"')
    story = Api.of(stack)("GET", f"/events/{fired.id}/deliveries").body
    assert [each["rule"] for each in story["rules"]] == ["failed-logins", "nights"]


def test_a_run_is_a_line_of_the_log(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    configure(stack, policies=POLICIES[:1])
    about = event()

    match(stack, about)

    (line,) = [vars(record) for record in caplog.records if vars(record).get("code") == "POLICY_RAN"]
    assert (line["event_id"], line["policy"], line["user"]) == (about.id, "failed-login", "alice")
    assert (line["passed"], line["message"]) == (True, "holds")
    assert line["duration_ms"] >= 0


def test_how_long_a_policy_took_is_told_in_milliseconds(
    stack: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([5.0, 5.012_345_6])
    monkeypatch.setattr("tocsin.rules.ruleset.time.perf_counter", lambda: next(moments, 5.1))
    configure(stack, policies=POLICIES[:1])

    store(stack, about := event())
    match(stack, about)

    (line,) = [vars(record) for record in caplog.records if vars(record).get("code") == "POLICY_RAN"]
    (said,) = Api.of(stack)("GET", f"/events/{about.id}/deliveries").body["policies"]
    assert line["duration_ms"] == said["duration_ms"] == 12.346


def within_an_hour(ago: timedelta = timedelta(), **fields: Any) -> Event:
    """An event of half past: those of one batch are of one hour, so of one item."""
    at = datetime.now(UTC).replace(minute=30) - ago
    return event(id=new_id(at), **fields)


def test_a_batch_costs_one_write_more_and_none_where_no_policy_logs(stack: Stack) -> None:
    batch = [within_an_hour(action="logout", app="crm") for _ in range(40)]
    configure(stack)
    with failing(lambda _: None, *WRITES, table="deliveries") as plain:
        match(stack, *batch)
    configure(stack, policies=POLICIES)

    with failing(lambda _: None, *WRITES, table="deliveries") as logged:
        match(stack, *batch)

    assert list(plain) == []
    assert list(logged) == ["UpdateItem"]


def test_what_is_held_and_what_policies_said_stand_in_the_same_item(stack: Stack) -> None:
    configure(stack, policies=POLICIES[:1])
    batch = [within_an_hour(ago=timedelta(days=2)) for _ in range(3)]  # too old to tell anybody

    match(stack, *batch)

    (item,) = [item for item in stack.items("deliveries") if item["pk"]["S"].startswith("held#")]
    for each in batch:
        assert item["held"]["S"].count(each.id) == 2
    assert told(stack.messages("Inbox")) == []


def test_matched_again_it_is_said_once_and_forgotten_with_its_event(stack: Stack) -> None:
    configure(stack, policies=POLICIES[:1], rules=[rule()])
    about = event(action="logout")
    store(stack, about)
    match(stack, about)
    match(stack, about)
    stories = StoryStore(stack.dynamodb, "deliveries")
    assert list(policies_of(stack, about)) == ["failed-login"]

    stories.forget(about.id, stories.traces(about.id, 50))

    assert policies_of(stack, about) == {}
