"""A transport's function as it is deployed: what its messages have of the rule, and the link to acknowledge by."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.api_calls import Api
from tests.integration.conftest import REGION, Stack
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.store import DeliveryStore
from tocsin.times import utc_now

ABOUT = "a" * 32
BASE = f"https://api1.execute-api.{REGION}.amazonaws.com"
WORDS = '{"title": rule.title, "runbook": rule.runbook}'


@pytest.fixture
def called(stack: Stack, sinks: Sinks, load: Callable[[str], dict[str, Any]]) -> Callable[..., None]:
    """Call the function with a webhook of a rule that escalates, and may have a runbook."""

    def call(transport: dict[str, Any], **rule: Any) -> None:
        document = {
            "users": [{"username": "alice"}],
            "groups": [{"name": "oncall", "members": ["alice"]}],
            "mappings": [{"name": "words", "expression": WORDS}],
            "transports": [{"name": "hook", "mode": "webhook", "url": f"{sinks.url}/webhook/hook", **transport}],
            "policies": [{"name": "failed", "kind": "event_matcher", "action": "login_failed"}],
            "rules": [
                {
                    "name": "failed-logins",
                    "transports": ["hook"],
                    "bindings": [{"policy": "failed"}],
                    "escalate": [{"after": "minutes=15", "destination_group": "oncall"}],
                    **rule,
                }
            ],
        }
        answer = Api.of(stack)("PUT", "/blueprint", document)
        assert answer.status == 200, answer.text
        record = load("webhook-delivery")["Records"][0]
        message = json.loads(record["body"]) | {"about": ABOUT}
        now = utc_now()
        EscalationStore(stack.dynamodb, "deliveries").begin(
            "failed-logins",
            ABOUT,
            message["event_id"],
            steps=1,
            due=now + timedelta(minutes=15),
            now=now,
            keep=timedelta(days=1),
        )
        assert stack.call("webhook", {"Records": [record | {"body": json.dumps(message)}]}) == {"batchItemFailures": []}

    return call


@pytest.fixture
def delivered(called: Callable[..., None], sinks: Sinks) -> Callable[..., dict[str, Any]]:
    """Deliver that webhook; what was posted."""

    def deliver(transport: dict[str, Any], **rule: Any) -> dict[str, Any]:
        called(transport, **rule)
        (received,) = sinks.received()
        posted: dict[str, Any] = json.loads(received.body)
        return posted

    return deliver


def test_it_signs_links_by_which_what_escalates_is_acknowledged(
    stack: Stack, delivered: Callable[..., dict[str, Any]]
) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="links", SecretString="s" * 48)
    stack.monkeypatch.setenv("LINK_SECRET", secret["ARN"])

    link = delivered({})["links"]["acknowledge"]

    where, _, token = link.partition("?token=")
    assert where == f"{BASE}/acknowledge"
    page = Api.of(stack)("GET", "/acknowledge", query={"token": token}, facts={})
    assert (page.status, "Acknowledge?" in page.text) == (200, True)


def test_without_a_secret_there_are_none(stack: Stack, delivered: Callable[..., dict[str, Any]]) -> None:
    assert "acknowledge" not in delivered({}).get("links", {})


def test_a_mapping_has_what_the_rule_says_of_itself(stack: Stack, delivered: Callable[..., dict[str, Any]]) -> None:
    said = {"title": "Somebody guesses", "runbook": "https://runbooks.example.com/logins"}

    assert delivered({"body_mapping": "words"}, **said) == said


def test_what_fails_is_reported_and_that_is_kept_as_other_events_are(
    stack: Stack, sinks: Sinks, called: Callable[..., None]
) -> None:
    sinks.misbehave(Misbehaviour("/webhook/hook", status=404))

    called({})

    (reported,) = [event for event in stack.events() if event["action"] == "configuration_error"]
    assert (reported["context"]["rule"], reported["context"]["reason"]) == ("failed-logins", "http_404")
    lasts = datetime.fromisoformat(reported["expires"]) - datetime.fromisoformat(reported["created"])
    assert lasts > timedelta(days=300)


def test_a_service_that_takes_so_many_messages_a_time_gets_no_more(
    stack: Stack, sinks: Sinks, called: Callable[..., None]
) -> None:
    """Turns of the next minutes are taken already."""
    now = utc_now()
    DeliveryStore(stack.dynamodb, "deliveries").turn(
        "hook", now=now, every=timedelta(minutes=5), within=timedelta(minutes=15)
    )

    called({"preset": "discord", "url": f"{sinks.url}/api/webhooks/1/abc"})

    assert sinks.received() == []
    (waiting,) = [item for item in stack.items("deliveries") if item["sk"]["S"].startswith("delivery#")]
    assert waiting["state"]["S"] == "queued"
    assert timedelta(minutes=4) < datetime.fromisoformat(waiting["next_attempt"]["S"]) - now < timedelta(minutes=6)
