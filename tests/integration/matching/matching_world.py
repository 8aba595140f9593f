"""A stack with a configuration, events put to its matcher, and who was told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partialmethod
from typing import Any

import pytest

from tests.clocks import Clock
from tests.integration.conftest import Stack
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.events.model import Event
from tocsin.events.store import event_key
from tocsin.identity.directory import Group, User
from tocsin.identity.store import PeopleStore
from tocsin.ids import new_id
from tocsin.matching.matcher import Matcher
from tocsin.matching.story import StoryStore
from tocsin.models import validated

type Load = Callable[[str], dict[str, Any]]

FAILED_LOGIN = {"name": "failed-login", "kind": "event_matcher", "action": "login_failed"}
INBOX = {"name": "inbox", "mode": "local"}
HOOK = {"name": "hook", "mode": "webhook", "url": "https://example.com/hook"}
MAIL = {"name": "mail", "mode": "email"}
CHAT = {"name": "chat", "mode": "webhook_slack", "send_once": True}
ONCALL = {"name": "oncall", "roster": "1"}


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
    configuration = validated(Configuration, given | {"groups": [vars_of(group) for group in groups.values()]})
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


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> Clock[datetime]:
    """Have each matcher that is made from here on go by a clock that stands until it is set."""
    clock = Clock(now)
    monkeypatch.setattr(Matcher, "__init__", partialmethod(Matcher.__init__, clock=clock))
    return clock


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


def story_of(stack: Stack, about: Event) -> dict[str, Any]:
    """What the event's story says of the rule that it matched."""
    story = StoryStore(stack.dynamodb, "deliveries").story(about.id, after=None, limit=50, now=datetime.now(UTC))
    (entry,) = [entry for entry in story.items if entry["kind"] == "rule"]
    return entry
