"""What stands in the items of heads, of what joins a digest, and of digests, attribute by attribute."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import FACTS, KEEP, MESSAGE, NOW, PLACE, at, listed, without
from tests.integration.deliveries.stored_waiting import (
    DIGEST,
    HEAD,
    HEAD_ITEM,
    HELD,
    JOINS,
    LEASE,
    OF_GROUP,
    ONE,
    OTHER,
    WAITING,
    Told,
)
from tests.integration.handler_calls import items_read
from tocsin.aws.dynamodb import timestamp
from tocsin.deliveries.digest_store import Claim, Head, Member
from tocsin.deliveries.items import KEPT_AT_LEAST, Place
from tocsin.deliveries.redrive_store import STUCK_AFTER
from tocsin.deliveries.store import DeliveryStore, Taken
from tocsin.deliveries.waiting_store import SETTLE
from tocsin.notifications.outcome import Outcome, State


@pytest.fixture
def told(stack: Stack) -> Told:
    return Told(stack)


# ── claims ───────────────────────────────────────────────────────────────────


def test_a_head_that_is_claimed_is_ours_for_a_while_and_says_what_was_begun(told: Told) -> None:
    told.keep_back(HELD)

    claim = told.claim()

    assert claim == Claim(HEAD, str((ONE + LEASE).timestamp()), None, NOW)
    assert told.head() == HEAD_ITEM | {"due_at": (ONE + LEASE).timestamp()}
    assert told.store.begin(claim, DIGEST)
    assert told.head() == HEAD_ITEM | {"due_at": (ONE + LEASE).timestamp(), "digest": DIGEST}
    assert told.claim(now=ONE + LEASE) == Claim(HEAD, str((ONE + 2 * LEASE).timestamp()), DIGEST, NOW)


def test_a_groups_claim_knows_its_interval(told: Told) -> None:
    told.keep_back(JOINS)

    assert told.claim(OF_GROUP).interval == timedelta(minutes=30)


@pytest.mark.parametrize("idle", [True, False])
def test_a_head_is_let_go_of_and_due_again(told: Told, idle: bool) -> None:
    told.keep_back(HELD)
    claim = told.claim()
    told.store.begin(claim, DIGEST)

    told.store.finish(claim, ONE + timedelta(minutes=10), idle=idle)

    assert told.head() == HEAD_ITEM | {"due_at": at(minutes=70)} | ({"idle": True} if idle else {})
    told.store.finish(claim, ONE + timedelta(minutes=50))
    assert told.head()["due_at"] == at(minutes=70)


def test_who_claims_what_was_idle_has_it_idle_no_more(told: Told) -> None:
    told.keep_back(HELD)
    told.store.finish(told.claim(), ONE, idle=True)

    told.claim()

    assert "idle" not in told.head()


@pytest.mark.parametrize("asked_since", [True, False])
def test_a_head_is_forgotten_unless_somebody_asked_for_it_since(told: Told, asked_since: bool) -> None:
    told.keep_back(HELD)
    claim = told.claim()
    if asked_since:
        told.keep_back(HELD, OTHER, minutes=1)

    told.store.forget(claim)

    assert bool(told.head()) == asked_since


def test_heads_that_are_due_are_found_the_longest_due_first_and_as_many_as_are_asked_for(told: Told) -> None:
    told.keep_back(HELD)
    due = Head(HEAD, str(timestamp(ONE + SETTLE)["N"]))

    found: Callable[..., list[Head]] = lambda shard, now: told.store.heads(shard, now=now, limit=1)  # noqa: E731

    assert [found(shard, ONE + SETTLE) for shard in range(4)] == [[], [], [due], []]
    assert found(2, ONE + SETTLE - timedelta(milliseconds=1)) == []


# ── members ──────────────────────────────────────────────────────────────────


def test_what_waits_is_found_when_it_is_due_and_all_of_a_group(told: Told) -> None:
    told.keep_back(HELD)
    told.keep_back(HELD, OTHER)
    claim = told.claim()

    ids = [place.delivery_id for place in told.store.waiting(claim, now=ONE, limit=9)]
    of_group = told.store.waiting(replace(claim, interval=timedelta(minutes=1)), now=NOW, limit=9)

    assert sorted(ids) == [MESSAGE.delivery_id, OTHER.delivery_id]
    assert len(of_group) == 2
    assert told.store.waiting(claim, now=ONE - timedelta(milliseconds=1), limit=9) == []
    assert len(told.store.waiting(claim, now=ONE, limit=1)) == 1
    with items_read(told.stack.dynamodb) as read:
        assert (told.store.next_due(HEAD), told.store.next_due("digest#other#")) == (ONE, None)
    assert read == [1, 0]


def test_what_joins_a_digest_waits_no_more_and_is_found_by_it(told: Told) -> None:
    member = told.joined()

    assert told.item() == without(WAITING, "next_attempt") | listed("joined") | {
        "state": "joined",
        "joined": DIGEST,
        "updated": "2026-03-01T13:00:00.000Z",
        "due_shard": f"joined#{DIGEST}",
    }
    assert member == Member(replace(MESSAGE, why="held until 13:00"), "login", "shop", "quiet_hours")
    assert told.store.joined(DIGEST) == [member]
    assert told.store.joined(f"{MESSAGE.event_id}-another") == []


def test_what_joins_a_groups_digest_knows_its_values(told: Told) -> None:
    told.keep_back(JOINS)

    member = told.store.join(PLACE, DIGEST, "hook", now=ONE)

    assert member is not None and member.group == {"context.host": "web-1"}


@pytest.mark.parametrize("digest", [DIGEST, f"{MESSAGE.event_id}-another"])
def test_what_leaves_its_digest_is_dropped_and_says_why(told: Told, digest: str) -> None:
    told.joined()
    before = told.item()
    why = Outcome(State.DROPPED, "ended", "it is over")

    told.store.drop(MESSAGE, digest, why, now=ONE)

    if digest != DIGEST:
        assert told.item() == before
        return
    at_one = "2026-03-01T13:00:00.000Z"
    assert told.item() == without(before, "joined", "due_shard", "due_at") | listed("dropped") | {
        "state": "dropped",
        "updated": at_one,
        "attempts": [{"at": at_one, "duration_ms": 0, "state": "dropped", "reason": "ended", "detail": "it is over"}],
    }
    assert told.store.joined(DIGEST) == []


# ── the digest itself ────────────────────────────────────────────────────────


@pytest.mark.parametrize("keep", [KEEP, timedelta(days=1)])
def test_a_digest_is_a_queued_delivery_and_due_where_no_queue_gives_it_out(told: Told, keep: timedelta) -> None:
    member = told.joined()

    message = told.store.make(DIGEST, [member], now=ONE, keep=keep)

    at_one, place = "2026-03-01T13:00:00.000Z", Place.of(DIGEST)
    item = told.item(place)
    assert without(item, "digest", "listed", "due_shard") == FACTS | {
        "state": "queued",
        "updated": at_one,
        "created": at_one,
        "due_at": (ONE + STUCK_AFTER).timestamp(),
        "listed_at": DIGEST,
        "notification_id": message.notification_id,
        "attempts": [],
        "expires_at": (ONE + max(keep, KEPT_AT_LEAST)).timestamp(),
    }
    assert item["digest"]["count"] == 1
    assert item["listed"].startswith("hook#queued#")
    assert told.store.made(DIGEST) == message
    assert told.store.made(f"{MESSAGE.event_id}-another") is None


def test_a_digest_that_is_made_again_stays_as_it_was_made(told: Told) -> None:
    member = told.joined()
    message = told.store.make(DIGEST, [member], now=ONE, keep=KEEP)
    made = told.item(Place.of(DIGEST))

    again = told.store.make(DIGEST, [member.with_remark("taken")], now=ONE + LEASE, keep=KEEP)

    assert (again, told.item(Place.of(DIGEST))) == (message, made)


def test_who_takes_a_digest_gets_what_it_tells(told: Told) -> None:
    message = told.store.make(DIGEST, [told.joined()], now=ONE, keep=KEEP)

    taken = DeliveryStore(told.stack.dynamodb, "deliveries").take(message, now=ONE, lease=LEASE, keep=KEEP)

    assert isinstance(taken, Taken) and taken.digest is not None
    assert taken == Taken(0, 0, taken.digest)
    assert (taken.digest["count"], taken.digest["latest"]) == (1, MESSAGE.event_id)


@pytest.mark.parametrize("state", [State.DROPPED, State.JOINED])
def test_what_is_told_no_more_or_otherwise_is_left_alone_by_a_message_about_it(told: Told, state: State) -> None:
    told.joined()
    if state is State.DROPPED:
        told.store.drop(MESSAGE, DIGEST, Outcome(State.DROPPED, "ended", "it is over"), now=ONE)
    before, deliveries = told.item(), DeliveryStore(told.stack.dynamodb, "deliveries")

    taken = deliveries.take(MESSAGE, now=ONE, lease=LEASE, keep=KEEP)
    deliveries.hold(MESSAGE, now=ONE, lease=LEASE, keep=KEEP)

    assert (taken, told.item()) == (state, before)
