"""What POST /rules/{name}/test says of an event is what comes of it: random rules, people and events."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import QUEUES, Stack
from tests.integration.matching.matching_world import configure, event, match, rule, store
from tocsin.events.model import Cause, Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.matching.story import StoryStore
from tocsin.models import accepted
from tocsin.telling.preferences import Preferences
from tocsin.telling.preferences_store import PreferencesStore

NAMES = ("ana", "bob", "eve")
GROUPS = ("upper", "lower")
POLICIES = [
    {"name": "matcher", "kind": "event_matcher", "action": "login_failed"},
    {"name": "pattern", "kind": "pattern", "pattern": {"context": {"n": [{"numeric": [">", 3]}]}}},
    {"name": "expression", "kind": "expression", "expression": "event.context.n > 2"},
    {"name": "query", "kind": "event_matcher", "app": "shop", "query": "'lower' in user.groups"},
]
SILENCE = {
    "name": "works",
    "matcher": {"app": "shop"},
    "starts": "2020-01-01T00:00:00Z",
    "ends": "2999-01-01T00:00:00Z",
}


def binding(chance: random.Random) -> dict[str, Any]:
    asked = {"policy": chance.choice(POLICIES)["name"], "user": chance.choice(NAMES), "group": chance.choice(GROUPS)}
    kind = chance.choice(("policy", "policy", "user", "group"))
    flags = {flag: chance.random() < 0.3 for flag in ("negate", "failure_result")}
    return {kind: asked[kind], "order": chance.randrange(100_000), "enabled": chance.random() < 0.9, **flags}


def preferences(chance: random.Random) -> dict[str, Any]:
    severity, at_once = chance.choice(("notice", "alert")), chance.random() < 0.5
    some = {
        "transports": {name: {"enabled": chance.random() < 0.7, "min_severity": severity, "at_once": at_once}
                       for name in ("inbox", "mail")},
        "rules": {"failed-logins": {"muted": True}},
        "digest": {"every": "hour"},
        "alerts_pass": False,
    }  # fmt: skip
    return {field: value for field, value in some.items() if chance.random() < 0.25}


def configure_by(chance: random.Random, stack: Stack) -> None:
    """Publish a rule with whatever it can have, and people with preferences."""
    modes = {"inbox": "local", "mail": "email", "hook": "webhook"}
    transports = [
        {"name": name, "mode": mode, "send_once": chance.random() < 0.4, "enabled": chance.random() < 0.8}
        for name, mode in modes.items()
        if chance.random() < 0.9
    ]
    named = [str(transport["name"]) for transport in transports]
    more: dict[str, Any] = {
        "throttle": {"window": "days=1", "max": 1, "group_by": ["context.n"]},
        "group": {"by": ["context.n"]},
        "can_be_muted": False,
        "enabled": False,
    }
    asked = rule(
        transports=chance.sample(named, chance.randint(0, len(named))),
        destination_group=chance.choice((None, "upper", "lower")),
        destination_event_user=chance.random() < 0.5,
        bindings=[binding(chance) for _ in range(chance.randint(1, 3))],
        policy_engine_mode=chance.choice(("any", "any", "all")),
        severity=chance.choice(("notice", "alert")),
        **{field: value for field, value in more.items() if chance.random() < 0.2},
    )
    configure(
        stack,
        users=[User(name, chance.choice(("", f"{name}@example.com")), pk=name[0]) for name in NAMES],
        members={"upper": chance.sample(NAMES, 1), "lower": chance.sample(NAMES, 2)},
        groups=[{"name": "upper", "roster": "1", "children": ("lower",)}, {"name": "lower", "roster": "1"}],
        transports=transports,
        policies=POLICIES,
        rules=[asked],
        silences=[SILENCE] if chance.random() < 0.1 else [],
    )
    people = PreferencesStore(stack.dynamodb, "config")
    for name in NAMES:
        said = accepted(Preferences, preferences(chance))
        people.change(name, lambda _, said=said: said)  # type: ignore[misc]


def happened(chance: random.Random) -> Event:
    causes = (Cause("failed-logins", None, 1), Cause(None, "inbox", 1), Cause(None, "hook", 1), Cause(None, None, 3))
    return event(
        id=new_id(datetime.now(UTC) - chance.choice((timedelta(0), timedelta(0), timedelta(hours=30)))),
        context=chance.choice(({}, {"n": 1}, {"n": 5}, {"n": "x"})),
        user=chance.choice(({}, {"username": "ana"}, {"pk": "b"}, {"username": "zed"})),
        cause=chance.choice((None, None, None, *causes)),
    )


def sent(stack: Stack) -> Counter[tuple[str, str | None]]:
    """(transport, person) of what was put into the queues; no person where it is sent once."""
    found = [message for queue in QUEUES if queue != "Match" for message in stack.messages(queue)]
    return Counter((each["transport"], None if each["once"] else each["user"]["username"]) for each in found)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_said_of_an_event_is_what_comes_of_it(stack: Stack, seed: int) -> None:
    chance = random.Random(seed)
    configure_by(chance, stack)
    for happens in (happened(chance), happened(chance)):
        store(stack, happens)

        said = Api.of(stack)("POST", "/rules/failed-logins/test", {"event_id": happens.id}).body
        match(stack, happens)

        story = StoryStore(stack.dynamodb, "deliveries").story(happens.id, after=None, limit=50, now=datetime.now(UTC))
        told = [entry for entry in story.items if entry["kind"] == "rule"]
        kept_back = [entry for entry in story.items if entry["kind"] == "delivery"]
        assert bool(told) == (said["fires"] and said["enabled"])
        assert any("held_by" not in entry for entry in told) == said["tells"]
        decisions = said["decisions"] if said["tells"] else []
        at_once = [each for each in decisions if each["decision"] == "send"]
        assert sent(stack) == Counter((each["transport"], each["user"]) for each in at_once)
        assert Counter(str(entry["transport"]) for entry in kept_back) == Counter(
            each["transport"] for each in decisions if each not in at_once
        )
        if said["recipients"]["usernames"] and decisions:
            used = {each["name"] for each in said["transports"] if each["used"]}
            assert used == {each["transport"] for each in decisions}
