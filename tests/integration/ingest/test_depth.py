"""How deep in a chain of events that webhooks post an event is, as the request's Tocsin-Depth says."""

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import Client

LOGIN = {"action": "login"}


def test_an_event_has_the_depth_that_its_request_tells(stack: Stack) -> None:
    producer = Client(stack, "ingest")
    told = {"1": 1, "10": 10, "007": 7, "999": 999, "000999": 999}

    ids = {producer.post(LOGIN, tocsin_depth=given).body["id"]: depth for given, depth in told.items()}

    assert {event["id"]: event["cause"]["depth"] for event in stack.events()} == ids


@pytest.mark.parametrize("given", ["", "0", "1000", "-1", "1.5", "x", "X7", "\u0663", "9" * 5_000])
def test_a_depth_that_no_webhook_sends_is_refused(stack: Stack, given: str) -> None:
    answer = Client(stack, "ingest").post(LOGIN, tocsin_depth=given)

    assert answer.is_problem(422)
    assert answer.paths == ["Tocsin-Depth"]
    assert answer.body["errors"][0]["message"].endswith(f"from 1 to 999, as webhooks send it: {given[:20]!r}")
    assert stack.items("events") == []
