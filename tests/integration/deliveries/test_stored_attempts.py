"""How many attempts an item holds, which of them, and that each is there once, whoever else notes one meanwhile."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import MESSAGE, NOW, PLACE, Row
from tests.integration.handler_calls import failing
from tocsin.aws.dynamodb import document
from tocsin.deliveries.items import FIRST_ATTEMPTS_KEPT, LAST_ATTEMPTS_KEPT, MOST_ATTEMPTS
from tocsin.deliveries.model import Attempt, Following
from tocsin.notifications.outcome import Outcome, State

KEPT = FIRST_ATTEMPTS_KEPT + LAST_ATTEMPTS_KEPT
GOES_ON = Following(State.RETRYING, NOW)


def attempt(number: int) -> Attempt:
    return Attempt(NOW + timedelta(minutes=number), number, Outcome(State.RETRYING, "http_500"))


class Attempted(Row):
    """A delivery that was attempted so often."""

    def attempted(self, times: int, first: int = 0) -> None:
        self.put(attempts={"L": [document(attempt(number).to_json()) for number in range(first, first + times)]})

    def noted(self, number: int, after: int | None = None, following: Following = GOES_ON) -> None:
        self.deliveries.note(MESSAGE, attempt(number), following, after)

    def numbers(self) -> list[int]:
        return [each["duration_ms"] for each in self.item()["attempts"]]

    def left_out(self) -> Any:
        return self.item().get("attempts_left_out", 0)


@pytest.fixture
def row(stack: Stack) -> Attempted:
    row = Attempted(stack)
    row.take()
    return row


@pytest.mark.parametrize("is_counted", [True, False], ids=["after so many", "after any"])
@pytest.mark.parametrize("before", [0, 1, MOST_ATTEMPTS - 1])
def test_an_attempt_stands_behind_the_others(row: Attempted, before: int, is_counted: bool) -> None:
    row.attempted(before)

    row.noted(before, before if is_counted else None)

    assert (row.numbers(), row.left_out()) == ([*range(before + 1)], 0)
    assert row.item()["tries"] == 1


@pytest.mark.parametrize("is_counted", [True, False], ids=["after so many", "after any"])
@pytest.mark.parametrize("before", [MOST_ATTEMPTS, MOST_ATTEMPTS + 1])
def test_of_too_many_those_in_the_middle_are_counted_alone(row: Attempted, before: int, is_counted: bool) -> None:
    row.attempted(before)

    row.noted(before, before if is_counted else None)

    first, last = range(FIRST_ATTEMPTS_KEPT), range(before - LAST_ATTEMPTS_KEPT, before + 1)
    assert (row.numbers(), row.left_out()) == ([*first, *last], before - KEPT)
    assert (row.item()["state"], row.item()["tries"]) == ("retrying", 1)


def test_those_left_out_are_counted_on(row: Attempted) -> None:
    row.attempted(MOST_ATTEMPTS)
    row.put(attempts_left_out={"N": "7"})

    row.noted(MOST_ATTEMPTS)

    assert row.left_out() == 7 + MOST_ATTEMPTS - KEPT


@pytest.mark.parametrize("before", [0, 5, MOST_ATTEMPTS - 1])
def test_one_that_is_noted_again_is_there_once(row: Attempted, before: int) -> None:
    row.attempted(before)

    for _ in range(2):
        row.noted(before, before)

    assert (row.numbers(), row.item()["tries"]) == ([*range(before + 1)], 1)


def test_one_beside_which_another_was_noted_is_there_too(row: Attempted) -> None:
    row.attempted(1)

    row.noted(77, after=1)
    row.noted(78, after=1)

    assert (row.numbers(), row.item()["tries"]) == ([0, 77, 78], 2)


@pytest.mark.parametrize("before", [1, MOST_ATTEMPTS])
def test_what_is_delivered_takes_no_attempt_that_failed(row: Attempted, before: int) -> None:
    row.attempted(before)
    row.put(state={"S": "delivered"})

    row.noted(77, after=before)
    row.noted(78)

    assert row.numbers() == [*range(before)]
    assert row.item()["state"] == "delivered"


def test_what_is_delivered_twice_says_so(row: Attempted) -> None:
    for number in range(2):
        row.noted(number, after=0, following=Following(State.DELIVERED))

    assert (row.numbers(), row.item()["state"]) == ([0, 1], "delivered")


def test_one_that_is_noted_while_room_is_made_is_not_lost(row: Attempted) -> None:
    """The other one gives way: its function's message comes back, or its lease runs out."""
    row.attempted(MOST_ATTEMPTS)

    def meanwhile(_: dict[str, Any]) -> None:
        row.attempted(KEPT + 1, first=100)

    with failing(meanwhile, "UpdateItem", at=lambda call: call == 2, client=row.dynamodb):
        row.noted(77)

    assert row.numbers() == [*range(100, 100 + KEPT + 1)]


@pytest.mark.parametrize("after", [None, 0, 3, MOST_ATTEMPTS])
def test_what_has_expired_is_not_made_anew(row: Attempted, after: int | None) -> None:
    row.dynamodb.delete_item(TableName="deliveries", Key=PLACE.key)

    row.noted(0, after, Following(State.DELIVERED))

    found = row.deliveries.get(MESSAGE.delivery_id)
    assert (found is None) == (after is not None)
