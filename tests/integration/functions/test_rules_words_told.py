"""A rule's title, body and runbook, as the four functions tell them: each with the rule from the configuration."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.ses.models import ses_backends

from local.sinks import Sinks
from tests.integration.conftest import REGION, Stack
from tests.integration.handler_calls import Client
from tocsin.notifications.inbox_store import InboxStore
from tocsin.times import utc_now

type Load = Callable[[str], dict[str, Any]]

CONSOLE = f"https://api1.execute-api.{REGION}.amazonaws.com/console"
RULE: dict[str, Any] = {
    "name": "failed-logins",
    "transports": ["hook", "chat", "mail", "inbox"],
    "destination_group": "oncall",
    "bindings": [{"policy": "failed"}],
    "title": "{{ event.user.username }} can't get in",
    "body": "Reason: {{ event.context.reason }}",
    "runbook": "https://wiki.example.com/logins",
}


@pytest.fixture
def sinks() -> Iterator[Sinks]:
    with Sinks.started() as sinks:
        yield sinks


def configure(stack: Stack, sinks: Sinks, **fields: Any) -> None:
    document = {
        "users": [{"username": "alice", "email": "alice@example.com"}],
        "groups": [{"name": "oncall", "members": ["alice"]}],
        "transports": [
            {"name": "hook", "mode": "webhook", "url": f"{sinks.url}/webhook/hook"},
            {"name": "chat", "mode": "webhook_slack", "url": f"{sinks.url}/slack/chat", "send_once": True},
            {"name": "mail", "mode": "email"},
            {"name": "inbox", "mode": "local"},
        ],
        "policies": [{"name": "failed", "kind": "event_matcher", "action": "login_failed"}],
        "rules": [RULE | fields],
    }
    assert Client(stack, "api").ask("PUT", "/blueprint", document).status == 200


def test_a_webhooks_body_is_the_rules(stack: Stack, sinks: Sinks, load: Load) -> None:
    configure(stack, sinks)

    stack.call("webhook", load("webhook-delivery"))

    (received,) = sinks.received()
    assert json.loads(received.body)["body"] == "Reason: wrong password"


def test_slack_has_the_rules_title_body_and_runbook_and_the_way_to_the_event(
    stack: Stack, sinks: Sinks, load: Load
) -> None:
    configure(stack, sinks)

    stack.call("slack", load("slack-delivery"))

    (received,) = sinks.received()
    message = json.loads(received.body)
    assert [block["text"]["text"] for block in message["blocks"][:2]] == [
        "alice can't get in",
        "Reason: wrong password",
    ]
    assert "<https://wiki.example.com/logins|Runbook>" in received.body
    assert f"<{CONSOLE}#/events?event=" in received.body
    assert "For “oncall”: rule “failed-logins” fired." in json.dumps(message, ensure_ascii=False)


def test_an_inbox_has_the_rules_words(stack: Stack, sinks: Sinks, load: Load) -> None:
    configure(stack, sinks)

    stack.call("inbox", load("inbox-delivery"))

    inboxes = InboxStore(stack.dynamodb, "deliveries")
    items: Any = inboxes.page("alice", inboxes.head("alice"), limit=10, now=utc_now()).items
    (item,) = items
    assert item["body"] == item["words"]["text"] == "Reason: wrong password"
    assert item["words"]["title"] == "alice can't get in"
    assert item["words"]["runbook"] == "https://wiki.example.com/logins"
    assert item["words"]["why"] == "You are told since you are in “oncall” and rule “failed-logins” fired."


def test_a_mail_has_the_rules_words(stack: Stack, sinks: Sinks, load: Load) -> None:
    configure(stack, sinks)

    stack.call("email", load("email-delivery"))

    (sent,) = ses_backends["123456789012"][REGION].sent_messages
    assert sent.subject == "Tocsin Notification: alice can't get in"
    assert "Reason: wrong password" in sent.body
    assert f"{CONSOLE}#/preferences?rule=failed-logins" in sent.body


def test_words_that_fail_on_an_event_are_told_otherwise_and_reported(stack: Stack, sinks: Sinks, load: Load) -> None:
    configure(stack, sinks, body="{{ event.context.order.id }}")

    stack.call("webhook", load("webhook-delivery"))

    (received,) = sinks.received()
    assert json.loads(received.body)["body"] == "alice failed to log in from 203.0.113.7: wrong password"
    (event,) = [each for each in stack.events() if each["action"] == "property_mapping_exception"]
    assert "the rule's body failed" in json.dumps(event["context"])
