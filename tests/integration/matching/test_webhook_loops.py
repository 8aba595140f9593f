"""Webhooks that lead back to POST /events, of this Tocsin or by another one: each loop ends by itself."""

import json
from typing import Any

import pytest

from local.sinks import Received, Sinks
from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import match
from tests.integration.matching.test_loops import record
from tocsin.events.model import Event

PRODUCER = {"key_id": "0123456789abcdef", "key_name": "loop", "scopes": "events:write"}
TWO = "[{'action': 'ping', 'context': {'n': 1}}, {'action': 'ping', 'context': {'n': 2}}]"
MANY_ROUNDS = 12


def posted(stack: Stack, body: str, **headers: str) -> dict[str, Any]:
    given = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return stack.call("ingest", request_event("POST", "/events", body, given, None, PRODUCER))


def pings(stack: Stack) -> list[dict[str, Any]]:
    """The events that were posted, without Tocsin's own."""
    return [event for event in stack.events() if event["app"] != "tocsin"]


@pytest.fixture
def forwarding(stack: Stack, sinks: Sinks) -> Sinks:
    """A rule on every ping, whose webhook makes two pings of each."""
    api = Api.of(stack)
    hook = {"mode": "webhook", "url": f"{sinks.url}/webhook/x", "send_once": True, "body_mapping": "two"}
    for path, entry in (
        ("/mappings/two", {"expression": TWO}),
        ("/transports/hook", hook),
        ("/groups/all", {}),
        ("/policies/ping", {"kind": "event_matcher", "action": "custom_ping"}),
        ("/rules/r", {"transports": ["hook"], "destination_group": "all", "bindings": [{"policy": "ping"}]}),
    ):
        assert api("PUT", path, entry).status == 201
    return sinks


def run_until_quiet(stack: Stack, sinks: Sinks) -> list[int]:
    """Match what is new, deliver what is told, and post what webhooks bring; how many events each round had."""
    matched: set[str] = set()
    seen: list[Received] = []
    rounds = []
    for _ in range(MANY_ROUNDS):
        new = [
            Event.from_json(each) for each in stack.events() if each["app"] != "tocsin" and each["id"] not in matched
        ]
        if not new:
            return rounds
        rounds.append(len(new))
        match(stack, *new)
        matched |= {each.id for each in new}
        bodies = stack.messages("Webhook")
        if bodies:
            stack.call("webhook", {"Records": [record(body, number) for number, body in enumerate(bodies)]})
        came = [each for each in sinks.received() if each not in seen]
        seen += came
        for each in came:
            assert posted(stack, each.body, tocsin_depth=each.headers["tocsin-depth"])["statusCode"] == 200
    pytest.fail(f"after {MANY_ROUNDS} rounds it still goes on: {rounds}")


def test_a_webhook_that_doubles_what_it_is_told_of_ends_after_three(stack: Stack, forwarding: Sinks) -> None:
    posted(stack, '{"action": "ping"}')

    rounds = run_until_quiet(stack, forwarding)

    depths = sorted((event.get("cause") or {"depth": 0})["depth"] for event in pings(stack))
    assert rounds == [1, 2, 4, 8]
    assert depths == [0] + [1] * 2 + [2] * 4 + [3] * 8


def test_an_event_that_came_by_a_webhook_is_told_of_as_any_other_is(stack: Stack, forwarding: Sinks) -> None:
    posted(stack, '{"action": "ping"}', tocsin_depth="1")

    (event,) = pings(stack)
    match(stack, Event.from_json(event))

    assert event["cause"] == {"rule": None, "transport": None, "depth": 1}
    assert (event["app"], event["key_id"]) == ("loop", PRODUCER["key_id"])
    assert len(stack.messages("Webhook")) == 1


def test_the_explanation_of_a_rule_says_that_the_chain_ends(stack: Stack, forwarding: Sinks) -> None:
    posted(stack, '{"action": "ping"}', tocsin_depth="7")
    (event,) = pings(stack)

    explained = Api.of(stack)("POST", "/rules/r/test", {"event_id": event["id"]}).body

    assert explained["fires"] is False
    assert explained["loop"] == "the event is the last of 7 that caused one another: nothing fires for it"


@pytest.mark.parametrize(
    "depth", ["0", "-1", "1000", "x", "1, 2", "٣", "1" * 400, "", "0000000011000", "000000001" + "9" * 5_000]
)
def test_a_depth_that_is_none_is_refused_by_its_name(stack: Stack, depth: str) -> None:
    answer = posted(stack, '{"action": "ping"}', tocsin_depth=depth)

    assert answer["statusCode"] == 422
    assert [error["path"] for error in json.loads(answer["body"])["errors"]] == ["Tocsin-Depth"]
    assert stack.events() == []


def test_a_repeat_with_another_depth_is_the_same_event(stack: Stack) -> None:
    once = {"idempotency_key": "k"}

    first = posted(stack, '{"action": "ping"}', tocsin_depth="1", **once)
    again = posted(stack, '{"action": "ping"}', tocsin_depth="2", **once)

    assert (first["statusCode"], again["statusCode"]) == (201, 201)
    assert [event["cause"]["depth"] for event in stack.events()] == [1]


def test_a_mapping_can_not_say_another_depth(stack: Stack, forwarding: Sinks) -> None:
    api = Api.of(stack)
    api("PUT", "/mappings/liar", {"expression": "{'Tocsin-Depth': '1'}"})
    hook = {name: value for name, value in api("GET", "/transports/hook").body.items() if name != "secrets_version"}
    assert api("PUT", "/transports/hook", hook | {"headers_mapping": "liar"}).status == 200
    posted(stack, '{"action": "ping"}')

    rounds = run_until_quiet(stack, forwarding)

    assert rounds == [1]
    assert "can't set Tocsin-Depth" in str([event["context"] for event in stack.events()])


@pytest.mark.parametrize("host", ["api.example.com", "API.example.com.", "x.execute-api.eu-central-1.amazonaws.com"])
@pytest.mark.parametrize("mode", ["webhook", "webhook_slack"])
def test_a_url_of_this_tocsin_itself_is_refused(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, host: str, mode: str
) -> None:
    monkeypatch.setenv("OWN_HOSTS", "x.execute-api.eu-central-1.amazonaws.com, api.example.com")
    api = Api.of(stack)

    answer = api("PUT", "/transports/hook", {"mode": mode, "url": f"https://{host}/events"})
    other = api("PUT", "/transports/other", {"mode": mode, "url": "https://other.example.com/events"})

    assert (answer.status, other.status) == (422, 201)
    (error,) = answer.body["errors"]
    assert error["path"] == "url"
    assert "is this Tocsin itself" in error["message"]
