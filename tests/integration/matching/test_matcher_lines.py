"""What the matcher's log and metrics say of a rule that fired: whom it told, what it kept back, or what held it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import (
    configure,
    event,
    match,
    record,
    rule,
    set_clock,
    store,
    story_of,
    work,
)
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.times import iso

FACTS = ("event_id", "rule", "bindings", "deliveries", "kept_back", "goes_on", "held_by")


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in out.splitlines() if each.startswith("{")]


def said(out: str, *codes: str) -> list[dict[str, Any]]:
    """The facts of the lines that have one of these codes."""
    return [
        {name: line[name] for name in ("code", *FACTS) if name in line}
        for line in lines(out)
        if line.get("code") in codes
    ]


def metrics(out: str, name: str) -> list[tuple[Any, Any]]:
    """(value, reason) of a metric's lines."""
    return [(line[name], line.get("reason")) for line in lines(out) if name in line]


def test_who_is_told_is_counted_by_transport(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    configure(stack)

    match(stack, about := event())

    out = capsys.readouterr().out
    facts = {"event_id": about.id, "rule": "failed-logins", "bindings": ["policy failed-login holds"]}
    assert said(out, "RULE_FIRED", "RULE_TOLD_NOBODY") == [{"code": "RULE_FIRED", **facts, "deliveries": {"inbox": 1}}]
    assert metrics(out, "EventsMatched") == [([1], None)]


def test_a_rule_that_has_nobody_to_tell_says_so(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    configure(stack, members={})

    match(stack, about := event())

    facts = {"event_id": about.id, "rule": "failed-logins", "bindings": ["policy failed-login holds"]}
    assert said(capsys.readouterr().out, "RULE_FIRED", "RULE_TOLD_NOBODY") == [
        {"code": "RULE_TOLD_NOBODY", **facts, "deliveries": {}}
    ]


def test_what_a_person_keeps_back_is_counted_by_its_cause(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    muted = {"preferences_defaults": {"rules": {"failed-logins": {"muted": True}}}}
    configure(stack, settings=muted)

    match(stack, event())

    out = capsys.readouterr().out
    (line,) = said(out, "RULE_FIRED", "RULE_TOLD_NOBODY")
    assert (line["code"], line["deliveries"], line["kept_back"]) == ("RULE_FIRED", {}, {"muted": 1})


def test_each_page_of_a_large_group_has_a_line_and_the_event_is_counted_with_the_first(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.matching.recipients.PAGE", 1)
    people = [User(f"member-{number}") for number in range(5)]
    configure(stack, users=people, members={"oncall": [user.username for user in people]})
    store(stack, about := event())

    match(stack, about)
    (rest,) = stack.messages("Match")
    stack.call("matcher", {"Records": [work(rest)]})

    out = capsys.readouterr().out
    first, second = said(out, "RULE_FIRED")
    assert (first["deliveries"], first["goes_on"], first["bindings"]) == (
        {"inbox": 3},
        True,
        ["policy failed-login holds"],
    )
    assert second == {
        "code": "RULE_FIRED",
        "event_id": about.id,
        "rule": "failed-logins",
        "deliveries": {"inbox": 2},
    }
    assert metrics(out, "EventsMatched") == [([1], None)]
    assert rest["reason"] == "the group has more members"
    assert story_of(stack, about)["deliveries"] == {"inbox": 5}


@pytest.mark.parametrize("reason", ["silence", "throttle", "age"])
def test_what_is_held_is_a_line_and_counted_by_its_reason(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    # Of tomorrow: the silence is in force then, and not now. No window ends meanwhile.
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    set_clock(monkeypatch, noon)
    silence: dict[str, Any] = {"name": "drill", "matcher": {"app": "shop"}, "comment": "fire drill"}
    silence |= {"starts": iso(noon - timedelta(minutes=1)), "ends": iso(noon + timedelta(minutes=1))}
    fields = {"throttle": {"window": "days=1", "max": 1, "group_by": ["app"]}} if reason == "throttle" else {}
    configure(stack, rules=[rule(**fields)], silences=[silence] if reason == "silence" else [])
    if reason == "throttle":
        match(stack, event(id=new_id(noon)))
    about = event(id=new_id(noon - timedelta(hours=30 if reason == "age" else 1)))
    capsys.readouterr()

    match(stack, about)

    out = capsys.readouterr().out
    midnight = noon.replace(hour=0) + timedelta(days=1)
    held_by = {
        "silence": {"name": "drill", "ends": silence["ends"], "comment": "fire drill"},
        "throttle": {"group": {"app": "shop"}, "max": 1, "window": "days=1", "until": iso(midnight)},
        "age": {"max_age": "hours=24", "seconds": 30 * 3600},
    }
    story = story_of(stack, about)
    assert said(out, "RULE_FIRED", "RULE_HELD") == [
        {
            "code": "RULE_HELD",
            "event_id": about.id,
            "rule": "failed-logins",
            "bindings": ["policy failed-login holds"],
            "held_by": {reason: held_by[reason]},
        }
    ]
    assert metrics(out, "EventsHeld") == [([1], reason)]
    assert story.pop("reason").startswith("dropped: ")
    assert story == {
        "kind": "rule",
        "rule": "failed-logins",
        "at": iso(noon),
        "deliveries": {},
        "severity": "warning",
        "transports": [],
        "bindings": [{"binding": "policy failed-login", "passed": True, "reason": "policy failed-login holds"}],
        "held_by": {reason: held_by[reason]},
    }


def test_the_story_of_a_rule_that_told_somebody_has_all_that_is_known_of_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = set_clock(monkeypatch, datetime.now(UTC))
    steps = [{"after": "hours=1", "destination_group": "oncall"}]
    configure(stack, rules=[rule(escalate=steps, transports=["inbox"])])

    match(stack, about := event())

    assert story_of(stack, about) == {
        "kind": "rule",
        "rule": "failed-logins",
        "at": iso(clock.now),
        "deliveries": {"inbox": 1},
        "severity": "warning",
        "transports": ["inbox"],
        "escalates": True,
        "bindings": [{"binding": "policy failed-login", "passed": True, "reason": "policy failed-login holds"}],
    }


def test_the_rules_that_are_loaded_are_a_line_once_a_process(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    configure(stack, rules=[rule(), rule(name="other")])
    warm = stack.function("matcher")

    for number in (1, 2):
        warm.handler({"Records": [record(event(action="logout"), number)]}, stack.context)

    (line,) = [line for line in lines(capsys.readouterr().out) if line.get("code") == "RULES_LOADED"]
    assert (line["version"], line["rules"]) == (1, 2)
