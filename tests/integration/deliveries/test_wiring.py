"""A transport's function as it is deployed: what its messages have of the rule, and the link to acknowledge by."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import boto3
import pytest

from local.sinks import Sinks
from tests.integration.api_calls import Api
from tests.integration.conftest import REGION, Stack
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.times import utc_now

ABOUT = "a" * 32
BASE = f"https://api1.execute-api.{REGION}.amazonaws.com"
WORDS = '{"title": rule.title, "runbook": rule.runbook}'


@pytest.fixture
def delivered(stack: Stack, sinks: Sinks, load: Callable[[str], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Deliver a webhook of a rule that escalates, and may have a runbook; what was posted."""

    def deliver(transport: dict[str, Any], **rule: Any) -> dict[str, Any]:
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
