"""What stands in the functions themselves."""

from typing import Any

import boto3
import pytest

from tests.integration.conftest import Stack
from tocsin.ids import new_id
from tocsin.notifications.email.unsubscribe import Subscription

ALICES = Subscription("alice", "alice@example.com", "mail", "failed-logins")


def record(pk: str, sk: str) -> dict[str, Any]:
    return {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "SequenceNumber": "1"}}


def test_the_rollup_marks_events_and_leaves_what_is_none(stack: Stack) -> None:
    records = [record("event#2026-11-23#0", new_id()), record("repeat#x", "y"), record("event#2026-11-23#0", "no id")]

    answer = stack.call("rollup", {"Records": records})

    assert answer == {"batchItemFailures": []}
    assert len([item for item in stack.items("events") if item["pk"]["S"].startswith("rollup#due")]) == 1


def test_mail_has_links_to_end_it_where_there_is_a_secret_for_them(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="unsubscribe", SecretString="s" * 48)
    monkeypatch.setenv("LINK_SECRET", secret["ARN"])
    monkeypatch.setenv("API_URL", "https://tocsin.example.com")

    links = stack.function("email").links()

    before, _, token = links.url(ALICES).partition("?token=")
    assert before == "https://tocsin.example.com/unsubscribe"
    assert links.read(token) == ALICES
