"""What stands in the item of a delivery that goes out again or no more, attribute by attribute."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import (
    HTTP_500,
    MESSAGE,
    NO_LONGER,
    NOW,
    PLACE,
    RETRYING,
    TAKEN,
    Row,
    at,
    listed,
    without,
)
from tests.integration.handler_calls import failing, throttled
from tocsin.deliveries.items import KEPT_AT_LEAST
from tocsin.deliveries.redrive_store import STUCK_AFTER, GivenUp
from tocsin.notifications.outcome import Outcome, State


@pytest.fixture
def row(stack: Stack) -> Row:
    return Row(stack)


# ── again ────────────────────────────────────────────────────────────────────

QUEUED = {
    "state": "queued",
    "updated": "2026-03-01T12:05:00.000Z",
    "due_at": at(minutes=5) + STUCK_AFTER.total_seconds(),
}
IN_FIVE = NOW + timedelta(minutes=5)


def test_what_is_due_is_found_the_longest_due_first_and_as_many_as_are_asked_for(row: Row) -> None:
    """Both are in the same shard."""
    first, second = (replace(MESSAGE, event_id=f"{MESSAGE.event_id[:-1]}{number}") for number in (8, 7))
    for message, seconds in ((second, 2), (first, 1)):
        row.take(message)
        row.deliveries.postpone(message, NOW + timedelta(seconds=seconds), by_queue=False, now=NOW)

    def due(seconds: float, limit: int = 9) -> list[str]:
        found = row.again.due(0, now=NOW + timedelta(seconds=seconds), limit=limit)
        return [place.delivery_id for place in found]

    assert due(2) == [first.delivery_id, second.delivery_id]
    assert (due(2, limit=1), due(1.999), due(0.999)) == ([first.delivery_id], [first.delivery_id], [])


def test_what_is_claimed_is_queued_and_due_again_where_no_queue_gives_it_out(row: Row) -> None:
    place = row.retried()

    claimed = row.again.claim(place, now=IN_FIVE)

    assert (claimed, getattr(claimed, "again", False)) == (MESSAGE, True)
    assert row.item() == without(RETRYING, "not_before") | QUEUED


@pytest.mark.parametrize("begun", ["2026-03-01T12:00:00.000Z", None])
def test_whose_function_died_has_an_attempt_from_when_it_was_taken(row: Row, begun: str | None) -> None:
    row.take()
    row.take(seconds=30)
    if begun is None:
        row.put(taken_at={"S": "2026-03-01T12:05:00.000Z"})

    claimed = row.again.claim(replace(PLACE, due_at=row.due_at()), now=IN_FIVE)

    assert claimed == MESSAGE
    (attempt,) = row.item().pop("attempts")
    assert attempt == {
        "at": begun or "2026-03-01T12:05:00.000Z",
        "duration_ms": 0,
        "state": "retrying",
        "reason": "interrupted",
        "detail": "the function ended before it could say what came of this attempt",
    }
    assert without(row.item(), "attempts", "taken_at") == without(TAKEN, "attempts", "taken_at") | QUEUED | listed(
        "queued"
    ) | {"due_shard": "7", "tries": 1}


def test_whose_function_died_may_be_taken_at_once_though_it_had_waited(row: Row) -> None:
    row.retried()
    row.take(replace(MESSAGE, again=True), seconds=40)

    row.again.claim(replace(PLACE, due_at=row.due_at()), now=IN_FIVE)

    assert (row.item()["state"], "not_before" in row.item()) == ("queued", False)


def test_whose_function_died_each_time_is_given_up(row: Row) -> None:
    row.take()
    row.take(seconds=30)
    row.put(tries={"N": "9"})
    told = list[GivenUp]()

    claimed = row.again.claim(replace(PLACE, due_at=row.due_at()), now=IN_FIVE, give_up=told.append)

    assert isinstance(claimed, GivenUp)
    assert (claimed.message, told) == (MESSAGE, [claimed])
    assert without(row.item(), "attempts") == without(TAKEN, "attempts") | listed("failed") | {
        "state": "failed",
        "updated": "2026-03-01T12:05:00.000Z",
        "tries": 10,
    }
    (attempt,) = row.item()["attempts"]
    assert (attempt["state"], attempt["reason"], attempt["duration_ms"]) == ("failed", "interrupted", 0)


def test_what_dynamodb_refuses_to_change_is_given_up_and_loses_its_attempts(row: Row) -> None:
    place, told = row.retried(), list[GivenUp]()

    too_large = throttled("ValidationException")
    with failing(too_large, "UpdateItem", at=lambda call: call == 1, client=row.dynamodb):
        claimed = row.again.claim(place, now=IN_FIVE, give_up=told.append)

    assert isinstance(claimed, GivenUp)
    assert (claimed.message, told) == (MESSAGE, [claimed])
    (attempt,) = row.item()["attempts"]
    detail = attempt.pop("detail")
    assert attempt == {
        "at": "2026-03-01T12:05:00.000Z",
        "duration_ms": 0,
        "state": "failed",
        "reason": "item_refused",
    }
    assert detail.startswith("its item could not be changed any more, and lost its attempts: ")
    assert without(row.item(), "attempts") == without(RETRYING, "attempts", *NO_LONGER) | listed("failed") | {
        "state": "failed",
        "updated": "2026-03-01T12:05:00.000Z",
    }


def test_what_is_erased_while_its_claim_is_refused_is_nothing_to_give_up(row: Row) -> None:
    place, told = row.retried(), list[GivenUp]()

    def erased_then_refused(call: dict[str, Any]) -> Any:
        row.dynamodb.delete_item(TableName="deliveries", Key=place.key)
        return throttled("ValidationException")(call)

    with failing(erased_then_refused, "UpdateItem", at=lambda call: call == 1, client=row.dynamodb):
        claimed = row.again.claim(place, now=IN_FIVE, give_up=told.append)

    assert (claimed, told) == (None, [])


def test_what_is_released_is_queued(row: Row) -> None:
    row.hold()
    held = row.item()

    assert row.again.release(PLACE, "hook", now=IN_FIVE) == MESSAGE

    assert row.item() == held | QUEUED | listed("queued") | {"due_shard": "7"}


@pytest.mark.parametrize(
    ("days", "kept"), [(30, 30), (1, KEPT_AT_LEAST.days), (KEPT_AT_LEAST.days - 0.1, KEPT_AT_LEAST.days)]
)
def test_what_is_sent_again_begins_anew_and_is_kept_until_it_is_done(row: Row, days: float, kept: float) -> None:
    row.retried()
    row.put(expires_at={"N": str(int((IN_FIVE + timedelta(days=days)).timestamp()))})

    assert row.again.requeue(PLACE, now=IN_FIVE, skip=()) == MESSAGE

    assert row.item() == without(RETRYING, "not_before", "next_attempt") | QUEUED | listed("queued") | {
        "tries": 0,
        "expires_at": (IN_FIVE + timedelta(days=kept)).timestamp(),
    }


def test_what_is_found_says_what_it_is_and_what_it_tells(row: Row) -> None:
    row.retried()
    (plain_,) = row.again.found([PLACE, replace(PLACE, told="another")])
    row.put(digest={"S": '{"count":2}'})
    (digest,) = row.again.found([PLACE])

    assert (plain_.message, plain_.state, plain_.digest) == (MESSAGE, State.RETRYING, None)
    assert (digest.message.digest, digest.digest) == (PLACE.told, {"count": 2})


def test_what_nobody_is_to_have_is_discarded_unless_it_has_changed_since(row: Row) -> None:
    row.retried()
    (found,) = row.again.found([PLACE])
    gone = Outcome(State.DISCARDED, "person_deleted", "its person was deleted")

    row.again.discard(replace(found, state=State.QUEUED), gone, now=IN_FIVE)
    assert row.item() == RETRYING
    row.again.discard(found, gone, now=IN_FIVE)

    attempt = {
        "at": "2026-03-01T12:05:00.000Z",
        "duration_ms": 0,
        "state": "discarded",
        "reason": "person_deleted",
        "detail": "its person was deleted",
    }
    assert row.item() == without(RETRYING, *NO_LONGER) | listed("discarded") | {
        "state": "discarded",
        "updated": "2026-03-01T12:05:00.000Z",
        "attempts": [HTTP_500, attempt],
    }
