"""What change events tell of credentials: that they changed."""

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, throttled
from tocsin.config import changes
from tocsin.config.blueprint.model import MASK, Blueprint
from tocsin.config.store import ConfigurationStore

SECRET = "SECRETVAL9"


@pytest.mark.parametrize(
    ("path", "entry", "change"),
    [
        (
            "/mappings/m",
            {"expression": f"{{'X-Api-Key': '{SECRET}a'}}"},
            {"expression": f"{{'X-Api-Key': '{SECRET}b'}}"},
        ),
        (
            "/transports/t",
            {"mode": "webhook", "url": f"http://127.0.0.1:9/hooks/{SECRET}a"},
            {"mode": "webhook", "url": f"http://127.0.0.1:9/hooks/{SECRET}b"},
        ),
        (
            "/transports/t",
            {
                "mode": "webhook_slack",
                "url": f"http://127.0.0.1:9/{SECRET}a",
                "icon_url": f"https://x.example/{SECRET}",
            },
            {
                "mode": "webhook_slack",
                "url": f"http://127.0.0.1:9/{SECRET}b",
                "icon_url": f"https://x.example/?{SECRET}b",
            },
        ),
        (
            "/policies/p",
            {"kind": "expression", "expression": f"event.context.key == '{SECRET}a'"},
            {"kind": "expression", "expression": f"event.context.key == '{SECRET}b'"},
        ),
        (
            "/policies/p",
            {"kind": "event_matcher", "query": f"event.context.key == '{SECRET}a'"},
            {"kind": "event_matcher", "query": f"event.context.key == '{SECRET}b'"},
        ),
        (
            "/silences/s",
            {"matcher": {"query": f"event.context.key == '{SECRET}a'"}, "ends": "2999-01-01T00:00:00Z"},
            {"matcher": {"query": f"event.context.key == '{SECRET}b'"}, "ends": "2999-01-01T00:00:00Z"},
        ),
        (
            "/rules/r",
            {"resolve": {"query": f"event.context.key == '{SECRET}a'"}},
            {"resolve": {"query": f"event.context.key == '{SECRET}b'"}},
        ),
    ],
)
def test_an_event_tells_that_an_expression_or_an_address_changed_not_what_it_says(
    stack: Stack, path: str, entry: dict[str, object], change: dict[str, object]
) -> None:
    api = Api.of(stack)
    assert api("PUT", path, entry).status == 201

    assert api("PUT", path, change).status == 200

    updated = [event for event in stack.events() if event["action"] in {"model_updated", "secret_rotate"}]
    assert len(updated) == 1
    assert SECRET not in json.dumps(stack.events())


def test_an_event_tells_the_host_that_a_transport_leads_to_now(stack: Stack) -> None:
    api = Api.of(stack)
    api("PUT", "/transports/t", {"mode": "webhook", "url": "http://127.0.0.1:9/a"})

    api("PUT", "/transports/t", {"mode": "webhook", "url": "http://localhost:9/b"})

    (event,) = [event for event in stack.events() if event["action"] == "model_updated"]
    assert event["context"]["diff"]["url"] == {"from": "http://127.0.0.1/…", "to": "http://localhost/…"}


def test_an_event_tells_that_a_picture_is_no_more(stack: Stack) -> None:
    api = Api.of(stack)
    transport = {"mode": "webhook_slack", "url": "http://127.0.0.1:9/x"}
    api("PUT", "/transports/t", transport | {"icon_url": "https://x.example/y"})

    api("PUT", "/transports/t", transport)

    (event,) = [event for event in stack.events() if event["action"] == "model_updated"]
    assert event["context"]["diff"]["icon_url"] == {"from": "https://x.example/…", "to": None}


@pytest.mark.parametrize("icon_url", [f"http://[{SECRET}/x", f"{SECRET}.png", f"/{SECRET}", "https:///" + SECRET])
def test_an_event_tells_nothing_of_a_picture_whose_address_is_none(stack: Stack, icon_url: str) -> None:
    """What was stored before it was validated may be anything; it is shown, and can be replaced."""
    api = Api.of(stack)
    transport = {"mode": "webhook_slack", "url": "http://127.0.0.1:9/x"}
    api("PUT", "/transports/t", transport | {"icon_url": "https://x.example/y"})
    store = ConfigurationStore(stack.dynamodb, "config")
    version, configuration = store.current(fresh=True)
    odd = tuple(replace(each, icon_url=icon_url) for each in configuration.transports)
    store.publish(configuration.changed(transports=odd), replacing=version, by="an earlier version")

    assert api("GET", "/transports/t").body["icon_url"] == icon_url
    refused = api("PUT", "/transports/t", transport | {"icon_url": icon_url})
    api("PUT", "/transports/t", transport | {"icon_url": "https://x.example/y"})

    assert (refused.status, refused.body["errors"][0]["path"]) == (422, "icon_url")
    (event,) = [event for event in stack.events() if event["action"] == "model_updated"]
    assert event["context"]["diff"]["icon_url"] == {"from": MASK, "to": "https://x.example/…"}


def test_an_event_tells_that_a_rule_resolves_from_now_on(stack: Stack) -> None:
    api = Api.of(stack)
    api("PUT", "/rules/r", {})

    api("PUT", "/rules/r", {"resolve": {"app": "payroll", "query": f"event.context.key == '{SECRET}'"}})

    (event,) = [event for event in stack.events() if event["action"] == "model_updated"]
    told = event["context"]["diff"]["resolve"]
    assert (told["from"], told["to"]["app"], told["to"]["query"]) == (None, "payroll", "…")


def test_a_change_whose_event_can_not_be_stored_is_not_made(stack: Stack) -> None:
    """The fault: it was made, and a line of the log alone said so."""
    api = Api.of(stack)

    with failing(throttled("InternalServerError", 500), table="events"):
        answer = api("PUT", "/rules/r", {})

    assert answer.is_problem(503)
    assert api("GET", "/rules/r").status == 404
    assert stack.events() == []


def test_every_field_that_holds_an_expression_is_told_without_it() -> None:
    models: dict[str, Any] = TypeAdapter(Blueprint).json_schema()["$defs"]
    expressions = {"expression", "query"}
    holding = {f"#/$defs/{name}" for name, model in models.items() if expressions & model.get("properties", {}).keys()}

    fields = {
        field
        for name in ("NotificationRule", "Silence")
        for field, schema in models[name]["properties"].items()
        if any(f'"{reference}"' in json.dumps(schema) for reference in holding)
    }

    assert fields == {"matcher", "resolve"}
    assert fields <= changes._WITH_EXPRESSIONS
