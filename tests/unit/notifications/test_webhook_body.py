"""The default webhook body."""

import json
from dataclasses import replace

import pytest

from tests.unit.notifications.test_context import PATHOLOGICAL, rendering_context
from tocsin.identity.directory import User
from tocsin.notifications.webhook import webhook_body, webhook_bytes
from tocsin.types import JsonObject


def test_the_body_has_exactly_the_six_fields() -> None:
    assert webhook_body(rendering_context()) == {
        "body": "mallory failed to log in from 10.0.0.1: wrong password",
        "severity": "alert",
        "user_email": "alice@example.com",
        "user_username": "alice",
        "event_user_email": "mallory@example.com",
        "event_user_username": "mallory",
    }


def test_messages_about_one_thing_name_it_alike_to_its_end() -> None:
    told = replace(rendering_context(), about="a" * 32)

    bodies = [webhook_body(each) for each in (told, replace(told, step=1), replace(told, over=True))]

    assert [body["about"] for body in bodies] == ["a" * 32] * 3


def test_what_is_missing_is_null() -> None:
    body = webhook_body(rendering_context(user=None, event_user={}))

    assert [body[field] for field in body if "user" in field] == [None, None, None, None]


def test_a_blank_address_is_null() -> None:
    body = webhook_body(rendering_context(user=User("alice", email="  "), event_user={"email": ""}))

    assert (body["user_email"], body["event_user_email"]) == (None, None)


def test_the_bytes_are_compact_utf_8() -> None:
    sent = webhook_bytes(rendering_context({"message": "Grüße 😀"}))

    assert sent.startswith('{"body":"Grüße 😀","severity":"alert",'.encode())


@pytest.mark.parametrize("context", PATHOLOGICAL.values(), ids=PATHOLOGICAL.keys())
def test_any_event_makes_a_small_json_body(context: JsonObject) -> None:
    sent = webhook_bytes(rendering_context(context, action="custom_x"))

    assert list(json.loads(sent)) == list(webhook_body(rendering_context()))
    assert len(sent) < 10_000


def test_a_user_name_with_half_a_surrogate_pair_does_not_stop_the_webhook() -> None:
    sent = webhook_bytes(rendering_context(event_user={"username": "m\ud800\0"}))

    assert json.loads(sent)["event_user_username"] == "m\ufffd"
