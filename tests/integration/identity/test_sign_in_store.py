"""Tickets in the deliveries table: each is taken once, before its end."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.conftest import Stack
from tocsin.identity.sign_in_store import SignInStore, SignInTicket

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
ENDS = NOW + timedelta(minutes=5)
DESK = SignInTicket("desk", "0011223344556677", ENDS, "8899aabbccddeeff", "ops")


@pytest.fixture
def tickets(stack: Stack) -> SignInStore:
    return SignInStore(stack.dynamodb, "deliveries")


def test_a_ticket_is_taken_once_and_is_then_what_was_put(tickets: SignInStore) -> None:
    tickets.put("abc", DESK)

    assert tickets.take("abc", now=NOW) == DESK
    assert tickets.take("abc", now=NOW) is None


def test_another_ticket_is_left_where_it_is(tickets: SignInStore) -> None:
    tickets.put("abc", DESK)

    assert tickets.take("abd", now=NOW) is None
    assert tickets.take("abc", now=NOW) == DESK


@pytest.mark.parametrize(
    ("later", "taken"),
    [(timedelta(microseconds=-1), True), (timedelta(0), False), (timedelta(days=1), False)],
    ids=["before its end", "at its end", "after its end"],
)
def test_a_ticket_is_taken_before_its_end_alone(tickets: SignInStore, later: timedelta, taken: bool) -> None:
    tickets.put("abc", DESK)

    assert (tickets.take("abc", now=ENDS + later) is not None) is taken


def test_a_ticket_that_nobody_takes_is_deleted_after_its_end(stack: Stack, tickets: SignInStore) -> None:
    tickets.put("abc", DESK)

    (item,) = stack.items("deliveries")
    assert item["expires_at"] == {"N": str(int(ENDS.timestamp()))}


def test_what_else_the_table_holds_is_no_ticket(stack: Stack, tickets: SignInStore) -> None:
    tickets.put("abc", DESK)
    (item,) = stack.items("deliveries")
    tickets.take("abc", now=NOW)
    stack.dynamodb.put_item(TableName="deliveries", Item=item | {"sk": {"S": "another kind"}})

    assert tickets.take("abc", now=NOW) is None
    assert len(stack.items("deliveries")) == 1
