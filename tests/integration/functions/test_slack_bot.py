"""A Slack app's bot, from its configuration by the API to the thread, by the functions themselves."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.handler_calls import Client

type Load = Callable[[str], dict[str, Any]]

TOKEN = "xoxb-1234567890-abcdefghijkl"
MASK = "*" * 20


@pytest.fixture
def sinks() -> Iterator[Sinks]:
    with Sinks.started() as sinks:
        yield sinks


def about(records: dict[str, Any], event_id: str) -> dict[str, Any]:
    """The payload with its message about one thing, and of that event."""
    (record,) = records["Records"]
    body = json.loads(record["body"])
    body |= {"about": "0123456789abcdef0123456789abcdef", "event_id": event_id}
    body["event"]["id"] = event_id
    return {"Records": [record | {"body": json.dumps(body)}]}


def test_what_goes_on_is_told_in_one_thread_and_the_token_is_never_shown(
    stack: Stack, sinks: Sinks, load: Load
) -> None:
    api = Client(stack, "api")
    transport = {"mode": "webhook_slack", "bot_token": TOKEN, "channel": "#ops", "url": f"{sinks.url}/api"}
    saved = api.ask("PUT", "/transports/chat", transport)

    for event_id in ("019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a", "019ac0de-5a01-7b31-8c55-1f2e3d4c5b6a"):
        assert stack.call("slack", about(load("slack-delivery"), event_id)) == {"batchItemFailures": []}

    first, second = (json.loads(received.body) for received in sinks.received("/api/chat.postMessage"))
    assert "thread_ts" not in first
    assert second["thread_ts"]
    assert saved.status == 201, saved.text
    assert {saved.body["bot_token"], api.ask("GET", "/transports/chat").body["bot_token"]} == {MASK}
    shown = [saved.text, api.ask("GET", "/blueprint").text, json.dumps(stack.events())]
    assert not [text for text in shown if TOKEN in text]


def test_a_bot_without_a_channel_is_refused_at_the_field(stack: Stack) -> None:
    refused = Client(stack, "api").ask("PUT", "/transports/chat", {"mode": "webhook_slack", "bot_token": TOKEN})

    assert refused.status == 422
    assert [error["path"] for error in refused.body["errors"]] == ["channel"]
    assert TOKEN not in refused.text
