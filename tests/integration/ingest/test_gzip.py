"""POST /events on moto with compressed bodies."""

import base64
import gzip
import json
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import Client, request
from tocsin.ingest.body import NDJSON_TYPE

BATCH = "\n".join(json.dumps({"action": "login", "context": {"n": n}}) for n in range(40))


@pytest.fixture
def producer(stack: Stack) -> Client:
    return Client(stack, "ingest")


def compressed(body: str, level: int = 6, **headers: str) -> dict[str, Any]:
    """A compressed request as API Gateway hands over a type that it takes for binary."""
    event = request("POST", "/events", content_type=NDJSON_TYPE, content_encoding="gzip", **headers)
    data = base64.b64encode(gzip.compress(body.encode(), level))
    return event | {"body": data.decode(), "isBase64Encoded": True}


def test_a_compressed_batch_is_stored_as_if_it_were_not(stack: Stack, producer: Client) -> None:
    answer = producer.send(compressed(BATCH))

    assert answer.body["accepted"] == 40
    assert sorted(event["context"]["n"] for event in stack.events()) == list(range(40))


def test_a_repeat_may_be_compressed_in_another_way(stack: Stack, producer: Client) -> None:
    first = producer.send(compressed(BATCH, level=1, idempotency_key="k1"))

    again = producer.send(compressed(BATCH, level=9, idempotency_key="k1"))
    plain = producer.post(BATCH, content_type=NDJSON_TYPE, idempotency_key="k1")

    assert again.text == plain.text == first.text
    assert len(stack.events()) == 40
