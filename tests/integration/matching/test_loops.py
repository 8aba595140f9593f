"""The loops that authentik is known for, run until nothing happens any more: each ends by itself."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import MAIL, configure, event, match, rule, store
from tocsin.events.model import Event

FUNCTIONS = {"Webhook": "webhook", "Slack": "slack", "Email": "email", "Inbox": "inbox"}
MANY_ROUNDS = 12


def record(body: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


def run_until_quiet(stack: Stack) -> Counter[str]:
    """Match every event and deliver every message until there are none; how many messages each queue had."""
    matched: set[str] = set()
    carried: Counter[str] = Counter()
    for _ in range(MANY_ROUNDS):
        new = [Event.from_json(each) for each in stack.events() if each["id"] not in matched]
        if new:
            match(stack, *new)
            matched |= {each.id for each in new}
        messages = {queue: found for queue in FUNCTIONS if (found := stack.messages(queue))}
        for queue, bodies in messages.items():
            carried[queue] += len(bodies)
            stack.call(FUNCTIONS[queue], {"Records": [record(body, number) for number, body in enumerate(bodies)]})
        if not new and not messages:
            return carried
    pytest.fail(f"after {MANY_ROUNDS} rounds it still goes on: {carried}")


def on(action: str) -> dict[str, str]:
    return {"name": "on-it", "kind": "event_matcher", "action": action}


def actions(stack: Stack) -> Counter[str]:
    return Counter(each["action"] for each in stack.events())


def test_a_rule_on_email_sent_that_tells_by_email_sends_one(stack: Stack) -> None:
    configure(
        stack,
        transports=[MAIL],
        policies=[on("email_sent")],
        rules=[rule(transports=["mail"], bindings=[{"policy": "on-it"}])],
    )
    store(stack, event(action="email_sent"))

    carried = run_until_quiet(stack)

    assert carried == {"Email": 1}


def test_a_failing_webhook_with_a_rule_on_its_failure_tells_others_and_not_itself(stack: Stack) -> None:
    blocked = {"name": "hook", "mode": "webhook", "url": "https://10.0.0.1/hook"}
    both = ["hook", "inbox"]
    configure(
        stack,
        transports=[blocked, {"name": "inbox", "mode": "local"}],
        policies=[on("configuration_error"), {"name": "start", "kind": "event_matcher", "app": "shop"}],
        rules=[
            rule(name="first", transports=["hook"], bindings=[{"policy": "start"}]),
            rule(name="watch", transports=both, bindings=[{"policy": "on-it"}]),
            rule(name="watch-too", transports=both, bindings=[{"policy": "on-it"}]),
        ],
    )
    store(stack, event())

    carried = run_until_quiet(stack)

    assert actions(stack)["configuration_error"] == 1
    assert carried == {"Webhook": 1, "Inbox": 2}


def test_a_failing_mapping_with_a_rule_on_its_exception_tells_others_and_not_itself(stack: Stack) -> None:
    broken = {
        "name": "hook",
        "mode": "webhook",
        "url": "https://example.com/hook",
        "body_mapping": "broken",
    }
    both = ["hook", "inbox"]
    configure(
        stack,
        mappings=[{"name": "broken", "expression": "{'value': event.context.nothing}"}],
        transports=[broken, {"name": "inbox", "mode": "local"}],
        policies=[on("property_mapping_exception"), {"name": "start", "kind": "event_matcher", "app": "shop"}],
        rules=[
            rule(name="first", transports=["hook"], bindings=[{"policy": "start"}]),
            rule(name="watch", transports=both, bindings=[{"policy": "on-it"}]),
        ],
    )
    store(stack, event())

    carried = run_until_quiet(stack)

    assert actions(stack)["property_mapping_exception"] == 1
    assert carried == {"Webhook": 1, "Inbox": 1}
