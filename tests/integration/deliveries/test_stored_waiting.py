"""What stands in the items of what waits and of their heads, attribute by attribute: when due, kept how long."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import FACTS, KEEP, MESSAGE, NOW, at, listed, without
from tests.integration.deliveries.stored_waiting import (
    DIGEST,
    DROPPED,
    EVENT,
    GROUP,
    HEAD,
    HEAD_ITEM,
    HELD,
    JOINS,
    LEASE,
    NOON,
    OF_GROUP,
    OTHER,
    WAITING,
    Told,
)
from tocsin.aws.tracing import caused_by
from tocsin.deliveries.items import KEPT_AT_LEAST, Place
from tocsin.deliveries.waiting_store import ASKED_FOR, SETTLE, KeptBack, WaitingStore, partition_of
from tocsin.telling.decision import Decision

SOONER = replace(HELD, until=NOW + timedelta(minutes=40))
LATER = replace(HELD, until=NOW + timedelta(hours=2))


@pytest.fixture
def told(stack: Stack) -> Told:
    return Told(stack)


# ── what waits ───────────────────────────────────────────────────────────────


def test_what_waits_is_found_by_whom_it_waits_for_and_so_is_when_it_is_due(told: Told) -> None:
    told.keep_back(HELD)

    assert told.item() == WAITING
    assert told.head() == HEAD_ITEM


def test_what_waits_longer_than_stories_are_kept_is_kept_for_what_follows(told: Told) -> None:
    told.keep_back(HELD, keep=timedelta(days=1))

    assert told.item()["expires_at"] == at(hours=1) + KEPT_AT_LEAST.total_seconds()
    assert told.head()["expires_at"] == at(days=1, hours=1)


def test_what_a_rule_tells_together_is_in_its_groups_partition_and_due_when_the_first_has_waited(told: Told) -> None:
    told.keep_back(JOINS)

    assert told.item() == WAITING | {
        "why": "joins others",
        "cause": "group",
        "group": '{"context.host":"web-1"}',
        "next_attempt": "2026-03-01T12:01:00.000Z",
        "due_shard": OF_GROUP,
        "due_at": at(minutes=61),
        "expires_at": at(days=30, minutes=61),
    }
    assert without(told.head(OF_GROUP), "due_shard") == {
        "due_at": at(minutes=1),
        "asked_at": at(),
        "every": 1800,
        "expires_at": at(days=30, minutes=31),
    }


def test_what_is_dropped_says_by_whom_and_is_due_never(told: Told) -> None:
    told.keep_back(HELD)

    told.keep_back(DROPPED, seconds=1)
    told.keep_back(HELD, seconds=2)

    second = "2026-03-01T12:00:01.000Z"
    attempt = {"at": second, "duration_ms": 0, "state": "dropped", "reason": "muted", "detail": "ana muted it"}
    assert told.item() == without(WAITING, "due_shard", "due_at", "next_attempt") | listed("dropped") | {
        "state": "dropped",
        "updated": second,
        "attempts": [attempt],
    }


def test_what_is_dropped_at_once_is_kept_no_longer_than_stories(told: Told) -> None:
    told.keep_back(DROPPED, keep=timedelta(days=1))

    assert without(told.item(), "attempts") == FACTS | listed("dropped") | {
        "state": "dropped",
        "updated": NOON,
        "created": NOON,
        "expires_at": at(days=1),
    }


def test_what_is_told_already_neither_waits_nor_is_dropped(told: Told) -> None:
    told.joined()
    before = told.item()

    told.keep_back(HELD, minutes=1)
    told.keep_back(DROPPED, minutes=1)

    assert (told.item(), told.head()) == (before, HEAD_ITEM)


@pytest.mark.parametrize("then", [LATER, SOONER, JOINS], ids=["later", "sooner", "with others"])
def test_a_head_that_a_function_died_before_is_due_as_was_decided_the_first_time(told: Told, then: Decision) -> None:
    told.keep_back(HELD)
    told.lose_head()

    told.keep_back(then)

    assert told.heads() == [HEAD]
    assert told.head()["due_at"] == HEAD_ITEM["due_at"]


def test_what_waits_is_told_in_the_trace_of_its_event_however_much_waits(told: Told) -> None:
    """The fault: what was written in parallel had the trace of the function that wrote it."""
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    kept = [KeptBack(message, EVENT, decision) for message, decision in ((MESSAGE, HELD), (OTHER, DROPPED))]

    with caused_by(header):
        WaitingStore(told.stack.dynamodb, "deliveries").keep_back(kept, now=NOW, keep=KEEP)

    assert [told.item(Place.of(each.message.delivery_id))["trace"] for each in kept] == [header, header]


def test_a_group_is_the_same_whatever_the_order_of_its_values() -> None:
    host, disk = {"context.host": "web-1"}, {"context.disk": "sda"}

    partitions = {partition_of(MESSAGE, replace(GROUP, values=values)) for values in (host | disk, disk | host)}

    assert len(partitions) == 1


# ── when heads are due ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("then", "due"),
    [(SOONER, at(minutes=40)), (HELD, at(hours=1)), (LATER, at(hours=1))],
    ids=["sooner", "same", "later"],
)
def test_a_head_is_due_with_the_first_of_what_waits_and_says_when_it_was_asked_for(
    told: Told, then: Decision, due: float
) -> None:
    told.keep_back(HELD)

    told.keep_back(then, OTHER, minutes=1)

    assert then.until is not None
    assert told.head() == HEAD_ITEM | {
        "due_at": due + SETTLE.total_seconds(),
        "asked_at": at(minutes=1),
        "expires_at": (then.until + KEEP).timestamp(),
    }


def test_a_head_that_is_being_told_is_not_due_sooner(told: Told) -> None:
    told.keep_back(HELD)
    claim = told.claim(now=NOW)
    told.store.finish(claim, NOW + timedelta(hours=3))
    again = told.claim(now=NOW + timedelta(hours=3))
    assert told.store.begin(again, DIGEST)

    told.keep_back(HELD, OTHER, minutes=1)

    assert told.head()["due_at"] == at(hours=3) + LEASE.total_seconds()


@pytest.mark.parametrize(
    ("decision", "minutes", "asks"),
    [
        (HELD, 4.9, False),
        (LATER, 1, False),
        (SOONER, 1, True),
        (HELD, 5, True),
        (HELD, -1, True),
        (replace(HELD, until=NOW + timedelta(minutes=1)), 2, True),
    ],
    ids=["the same", "later", "sooner", "after a while", "by a clock set back", "of what was due"],
)
def test_one_process_asks_for_a_head_once_in_a_while(
    told: Told, decision: Decision, minutes: float, asks: bool
) -> None:
    """Not within five minutes, nor after the head was due; and the clock of a process may be set back."""
    store = WaitingStore(told.stack.dynamodb, "deliveries")
    first = decision if decision.until and decision.until < NOW + ASKED_FOR else HELD
    store.keep_back([KeptBack(MESSAGE, EVENT, first)], now=NOW, keep=KEEP)

    store.keep_back([KeptBack(OTHER, EVENT, decision)], now=NOW + timedelta(minutes=minutes), keep=KEEP)

    assert told.head()["asked_at"] == (at(minutes=minutes) if asks else at())


def test_a_group_that_was_idle_is_due_anew_and_one_that_is_not_keeps_its_time(told: Told) -> None:
    told.keep_back(JOINS)
    then = NOW + timedelta(minutes=10)
    another = replace(JOINS, until=then + timedelta(minutes=1))
    told.keep_back(another, OTHER, minutes=10)
    busy = told.head(OF_GROUP)
    told.store.finish(told.claim(OF_GROUP, then), then + timedelta(hours=9), idle=True)
    idle = told.head(OF_GROUP)

    told.keep_back(another, replace(OTHER, rule="r", transport="hook", severity=MESSAGE.severity), minutes=10)

    assert (busy["due_at"], busy["asked_at"]) == (at(minutes=1), at(minutes=10))
    assert (idle["due_at"], idle["idle"]) == (at(hours=9, minutes=10), True)
    assert told.head(OF_GROUP) == busy | {"due_at": at(minutes=11)}


@pytest.mark.parametrize("minutes", [0.5, 1, 2])
def test_a_group_is_due_by_the_latest_that_what_joins_it_may_wait(told: Told, minutes: float) -> None:
    told.keep_back(JOINS)

    told.keep_back(replace(JOINS, latest=NOW + timedelta(minutes=minutes)), OTHER)

    assert told.head(OF_GROUP)["due_at"] == min(at(minutes=1), at(minutes=minutes))
    assert told.item(Place.of(OTHER.delivery_id))["due_at"] == at(minutes=minutes)
