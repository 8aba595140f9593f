"""What stands in a delivery's item, attribute by attribute, after each step of its way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import (
    HTTP_500,
    LEASE,
    MESSAGE,
    NO_LONGER,
    NOW,
    RETRYING,
    TAKEN,
    WAITS,
    Row,
    at,
    listed,
    plain,
    without,
)
from tests.integration.handler_calls import failing
from tocsin.deliveries.items import QUEUE_GRACE
from tocsin.deliveries.model import Following
from tocsin.deliveries.store import Taken
from tocsin.notifications.outcome import State


@pytest.fixture
def row(stack: Stack) -> Row:
    return Row(stack)


# ── one attempt ──────────────────────────────────────────────────────────────


def test_what_is_taken_for_the_first_time_is_in_no_index(row: Row) -> None:
    assert row.take() == Taken(0)

    assert row.item() == TAKEN


def test_what_a_copy_of_its_message_finds_taken_is_due_when_the_lease_of_the_first_is_over(row: Row) -> None:
    row.take()

    for seconds, writes in ((30, 3), (60, 2)):
        with failing(lambda _: None, "UpdateItem", client=row.dynamodb) as calls:
            assert row.take(seconds=seconds) is State.DELIVERING
        assert row.item() == TAKEN | {"due_shard": "7", "due_at": (NOW + LEASE).timestamp()}
        assert len(calls) == writes


def test_what_is_erased_while_its_message_is_in_its_queue_is_made_anew_and_kept_as_long(row: Row) -> None:
    assert row.take(replace(MESSAGE, again=True)) == Taken(0)

    assert row.item() == TAKEN | {"due_shard": "7", "due_at": (NOW + LEASE).timestamp()}


def test_what_a_breaker_would_hold_and_is_being_delivered_is_due_when_its_lease_is_over(row: Row) -> None:
    row.take()

    row.hold(seconds=30)

    assert row.item() == TAKEN | {"due_shard": "7", "due_at": (NOW + LEASE).timestamp()}


@pytest.mark.parametrize(("by_queue", "grace"), [(False, timedelta()), (True, QUEUE_GRACE)])
def test_what_is_tried_again_has_its_attempt_and_is_due(row: Row, by_queue: bool, grace: timedelta) -> None:
    row.take()

    row.note(Following(State.RETRYING, NOW + timedelta(seconds=40), by_queue=by_queue), after=0)

    assert row.item() == RETRYING | {"due_at": at(seconds=40) + grace.total_seconds()}


def test_what_is_taken_again_keeps_what_it_has_and_is_due_when_its_lease_is_over(row: Row) -> None:
    row.retried()

    assert row.take(seconds=40) == Taken(1, 1)

    taken = {"state": "delivering", "taken_at": "2026-03-01T12:00:40.000Z", "due_at": at(seconds=40 + 120)}
    assert row.item() == RETRYING | taken


@pytest.mark.parametrize(("seconds", "early"), [(38, False), (37.9, True)])
def test_what_comes_early_by_more_than_clocks_differ_waits(row: Row, seconds: float, early: bool) -> None:
    row.retried()

    taken = row.take(replace(MESSAGE, again=True), seconds=seconds)

    assert taken == (State.RETRYING if early else Taken(1, 1))


@pytest.mark.parametrize("state", [State.DELIVERED, State.FAILED, State.DISCARDED])
def test_what_is_done_is_due_no_more_and_neither_taken_nor_held(row: Row, state: State) -> None:
    row.retried()
    row.take(seconds=40)

    row.note(Following(state), after=1, seconds=41)

    attempt = HTTP_500 | {"at": "2026-03-01T12:00:41.000Z"}
    done = without(RETRYING, *NO_LONGER) | listed(state) | {
        "state": state,
        "taken_at": "2026-03-01T12:00:40.000Z",
        "updated": "2026-03-01T12:00:41.000Z",
        "attempts": [HTTP_500, attempt],
        "tries": 2,
    }  # fmt: skip
    assert row.item() == done
    assert row.take(minutes=9) is state
    row.hold(minutes=9)
    assert row.item() == done


def test_an_attempt_that_is_not_counted_is_on_record_all_the_same(row: Row) -> None:
    row.take()

    row.note(Following(State.HELD, counted=False), after=0)

    assert row.item() == TAKEN | listed("held") | {
        "state": "held",
        "updated": "2026-03-01T12:00:00.000Z",
        "attempts": [HTTP_500],
    }


def test_what_is_delivered_stays_so_whatever_another_attempt_says_of_it(row: Row) -> None:
    row.take()
    row.note(Following(State.DELIVERED), after=0)
    delivered = row.item()

    row.note(Following(State.RETRYING, NOW), after=0)
    row.note(Following(State.FAILED))

    assert row.item() == delivered


def test_what_is_held_is_in_no_index_by_time_and_is_kept_anew_each_time(row: Row) -> None:
    row.hold()
    held = without(TAKEN, "taken_at") | listed("held") | {"state": "held", "updated": "2026-03-01T12:00:00.000Z"}
    assert row.item() == held

    row.hold(days=1)

    assert row.item() == held | {"updated": "2026-03-02T12:00:00.000Z", "expires_at": at(days=31)}


def test_what_was_to_be_tried_again_and_is_held_is_due_no_more(row: Row) -> None:
    row.retried()

    row.hold(seconds=40)

    assert row.item() == without(RETRYING, *NO_LONGER) | listed("held") | {
        "state": "held",
        "updated": "2026-03-01T12:00:40.000Z",
        "expires_at": at(days=30, seconds=40),
    }


@pytest.mark.parametrize(("by_queue", "grace"), [(False, timedelta()), (True, QUEUE_GRACE)])
def test_what_waits_for_its_turn_is_queued_and_due(row: Row, by_queue: bool, grace: timedelta) -> None:
    row.take()

    row.deliveries.postpone(MESSAGE, NOW + timedelta(seconds=40), by_queue=by_queue, now=NOW + timedelta(seconds=1))

    assert row.item() == TAKEN | WAITS | listed("queued") | {
        "state": "queued",
        "updated": "2026-03-01T12:00:01.000Z",
        "due_at": at(seconds=40) + grace.total_seconds(),
    }


def test_what_is_erased_while_it_waits_for_its_turn_is_not_made_anew(row: Row) -> None:
    row.deliveries.postpone(MESSAGE, NOW, by_queue=True, now=NOW)

    assert row.deliveries.get(MESSAGE.delivery_id) is None


# ── turns ────────────────────────────────────────────────────────────────────


def test_turns_are_given_one_after_another_as_far_ahead_as_is_asked_for(row: Row) -> None:
    every, within = timedelta(seconds=10), timedelta(seconds=25)

    def turn(**later: float) -> float | None:
        now = NOW + timedelta(**later)
        given = row.deliveries.turn("hook", now=now, every=every, within=within)
        return None if given is None else (given - NOW).total_seconds()

    assert [turn() for _ in range(4)] == [0, 10, 20, None]
    assert [turn(seconds=5), turn(seconds=5)] == [30, None]
    assert row.deliveries.turn("other", now=NOW, every=every, within=within) == NOW
    key = {"pk": {"S": "pace#hook"}, "sk": {"S": "turn"}}
    found = row.dynamodb.get_item(TableName="deliveries", Key=key)["Item"]
    assert {name: plain(name, value) for name, value in found.items() if name not in key} == {
        "next_turn": at(seconds=40),
        "expires_at": at(hours=1, seconds=30),
    }
    assert turn(seconds=40) == 40
