"""What must be read as it is now, though most reads of DynamoDB may be late."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.corrections.late_reads import LateReads
from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import KEEP, LEASE, MESSAGE, NOW, PLACE, Row
from tests.integration.deliveries.stored_waiting import DIGEST, ONE, Told
from tests.integration.handler_calls import failing, throttled
from tocsin.deliveries.breaker_store import BreakerStore
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.redrive_store import GivenUp
from tocsin.notifications.outcome import State

type Read = Callable[[Stack], Any]


def got(stack: Stack) -> Any:
    row = Row(stack)
    row.take()
    return row.deliveries.get(MESSAGE.delivery_id)


def sent_again(stack: Stack) -> Any:
    row = Row(stack)
    row.retried()
    return isinstance(row.again.requeue(PLACE, now=NOW, skip=()), DeliveryMessage)


def found(stack: Stack) -> Any:
    row = Row(stack)
    row.retried()
    return [each.state for each in row.again.found([PLACE])] == [State.RETRYING]


def given_up(stack: Stack) -> Any:
    row = Row(stack)
    place, too_large = row.retried(), throttled("ValidationException")
    with failing(too_large, "UpdateItem", at=lambda call: call == 1, client=stack.dynamodb):
        return isinstance(row.again.claim(place, now=NOW), GivenUp)


def breaker(stack: Stack) -> Any:
    store = BreakerStore(stack.dynamodb, "deliveries")
    store.failed("hook", "config", "http_500", now=NOW)
    return store.get("hook")


def matter(stack: Stack) -> Any:
    store = EscalationStore(stack.dynamodb, "deliveries")
    store.begin("r", "a", MESSAGE.event_id, steps=1, due=NOW + LEASE, now=NOW, keep=KEEP)
    return store.get("r", "a", now=NOW)


def made(stack: Stack) -> Any:
    told = Told(stack)
    told.store.make(DIGEST, [told.joined()], now=ONE, keep=timedelta(days=9))
    return told.store.made(DIGEST)


@pytest.mark.parametrize("read", [got, sent_again, found, given_up, breaker, matter, made])
def test_what_was_written_a_moment_ago_is_found(stack: Stack, late_reads: LateReads, read: Read) -> None:
    assert read(stack)


def test_what_left_its_digest_a_moment_ago_is_not_told_in_it(stack: Stack, late_reads: LateReads) -> None:
    """The index is late by nature, and says only where to look."""
    told = Told(stack)
    told.joined()
    late_reads.catch_up()
    stack.dynamodb.update_item(
        TableName="deliveries",
        Key=PLACE.key,
        UpdateExpression="SET #state = :dropped",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":dropped": {"S": "dropped"}},
    )

    assert told.store.joined(DIGEST) == []


def test_a_delivery_is_listed_late_and_that_does_no_harm(stack: Stack, late_reads: LateReads) -> None:
    row = Row(stack)
    row.take()

    assert row.again.read([PLACE, replace(PLACE, told="another")], now=NOW) == []
    late_reads.catch_up()
    assert [each["id"] for each in row.again.read([PLACE], now=NOW)] == [MESSAGE.delivery_id]
    assert row.again.read([PLACE], now=NOW + KEEP) == []
