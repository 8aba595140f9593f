"""Two functions at one delivery, head or breaker: one of them changes it, and the other one leaves it alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import answer_lost, failing, just_before, throttled
from tocsin.aws import clients
from tocsin.deliveries.breaker_store import BreakerStore
from tocsin.deliveries.digest_store import Claim, DigestStore, Head
from tocsin.deliveries.digests import Digests
from tocsin.deliveries.items import DUE_SHARDS, Place
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.deliveries.readers import Readers
from tocsin.deliveries.redrive_store import GivenUp, RedeliveryStore
from tocsin.deliveries.store import DeliveryStore
from tocsin.deliveries.waiting_store import DIGEST_SHARDS, KeptBack, WaitingStore
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Outcome, State
from tocsin.telling.decision import Cause, Decision, Kind
from tocsin.types import JsonObject

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(minutes=2)
KEEP = timedelta(days=30)
ANA = User("ana", email="ana@example.com")
DELIVERED = Attempt(NOW, 5, Outcome(State.DELIVERED, "http_200"))


class Table:
    """The table of deliveries, by this function (`mine`) and by another one that is quicker (`theirs`)."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.deliveries = DeliveryStore(stack.dynamodb, "deliveries")
        self.theirs = RedeliveryStore(stack.dynamodb, "deliveries")
        self.mine = RedeliveryStore(clients.dynamodb(), "deliveries")
        self.message = DeliveryMessage(new_id(NOW), "r", Severity.WARNING, "hook", "webhook", None, once=True)

    def taken(self) -> Place:
        """A delivery that the schedule put back and some function took, which then died: its lease is over."""
        self.deliveries.take(self.message, now=NOW, lease=LEASE, keep=KEEP)
        self.noted(State.RETRYING, NOW + LEASE)
        (place,) = self.due(NOW + LEASE)
        again = self.theirs.claim(place, now=NOW + LEASE)
        assert isinstance(again, DeliveryMessage)
        self.deliveries.take(again, now=NOW + LEASE, lease=LEASE, keep=KEEP)
        (place,) = self.due(NOW + 3 * LEASE)
        return place

    def noted(self, state: State, due: datetime | None = None, after: int | None = None) -> None:
        self.deliveries.note(self.message, Attempt(NOW, 5, Outcome(state, "http_500")), Following(state, due), after)

    def retried(self) -> Place:
        """A delivery that is due again."""
        self.deliveries.take(self.message, now=NOW, lease=LEASE, keep=KEEP)
        self.noted(State.RETRYING, NOW)
        (place,) = self.due(NOW)
        return place

    def held(self) -> Place:
        """Another delivery, that a breaker holds."""
        message = replace(self.message, event_id=new_id(NOW))
        self.deliveries.hold(message, now=NOW, lease=LEASE, keep=KEEP)
        return Place.of(message.delivery_id)

    def due(self, now: datetime) -> list[Place]:
        return [place for shard in range(DUE_SHARDS) for place in self.theirs.due(shard, now=now, limit=10)]

    def shown(self) -> JsonObject:
        found = self.deliveries.get(self.message.delivery_id)
        assert found is not None
        return found


@pytest.fixture
def table(stack: Stack) -> Table:
    return Table(stack)


# ── deliveries ───────────────────────────────────────────────────────────────


def test_what_is_due_is_claimed_by_one(table: Table) -> None:
    place = table.retried()

    assert isinstance(table.theirs.claim(place, now=NOW), DeliveryMessage)
    assert table.mine.claim(place, now=NOW) is None


def test_what_is_delivered_while_its_lease_is_found_to_be_over_stays_delivered(table: Table) -> None:
    place = table.taken()

    with just_before(lambda: table.deliveries.note(table.message, DELIVERED, Following(State.DELIVERED)), write=2):
        claimed = table.mine.claim(place, now=NOW + 3 * LEASE)

    assert claimed is None
    assert table.shown()["state"] == "delivered"
    assert [each["reason"] for each in table.shown()["attempts"]] == ["http_500", "http_200"]  # type: ignore


def test_whose_lease_is_over_is_claimed_by_one_and_has_one_attempt_more(table: Table) -> None:
    place = table.taken()

    with just_before(lambda: table.theirs.claim(place, now=NOW + 3 * LEASE), write=2):
        claimed = table.mine.claim(place, now=NOW + 3 * LEASE)

    assert claimed is None
    assert [each["reason"] for each in table.shown()["attempts"]] == ["http_500", "interrupted"]  # type: ignore


def test_what_is_delivered_while_it_is_given_up_stays_delivered(table: Table) -> None:
    """DynamoDB refuses to change the item, as one that is too large."""
    place = table.retried()

    def refused_then_delivered(call: dict[str, Any]) -> Any:
        if not calls[1:]:
            return throttled("ValidationException")(call)
        return table.deliveries.note(table.message, DELIVERED, Following(State.DELIVERED))

    with failing(refused_then_delivered, "UpdateItem", at=lambda call: call <= 2) as calls:
        given_up = table.mine.claim(place, now=NOW)

    assert given_up is None
    assert table.shown()["state"] == "delivered"


def test_what_is_delivered_while_its_claim_is_refused_is_not_given_up(table: Table) -> None:
    place, given_up = table.retried(), list[GivenUp]()

    def delivered_then_refused(call: dict[str, Any]) -> Any:
        table.deliveries.note(table.message, DELIVERED, Following(State.DELIVERED))
        return throttled("ValidationException")(call)

    with failing(delivered_then_refused, "UpdateItem", at=lambda call: call == 1):
        claimed = table.mine.claim(place, now=NOW, give_up=given_up.append)

    assert (claimed, given_up) == (None, [])
    assert table.shown()["state"] == "delivered"


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("state", [State.FAILED, State.DELIVERED])
def test_an_attempt_of_what_has_expired_meanwhile_makes_no_item_anew(table: Table, state: State, after: int) -> None:
    """The fault: where there had been an attempt before, it made one of a state and an attempt alone, for ever."""
    table.deliveries.take(table.message, now=NOW, lease=LEASE, keep=KEEP)
    if after:
        table.noted(State.RETRYING, NOW + LEASE, after=0)
    place = Place.of(table.message.delivery_id)
    table.stack.dynamodb.delete_item(TableName="deliveries", Key=place.key)

    table.noted(state, after=after)

    assert table.deliveries.get(table.message.delivery_id) is None


def test_an_attempt_that_is_noted_again_is_on_record_once(table: Table) -> None:
    """A function repeats a note that failed; DynamoDB may have made it."""
    table.deliveries.take(table.message, now=NOW, lease=LEASE, keep=KEEP)

    for _ in range(2):
        table.noted(State.RETRYING, NOW + LEASE, after=0)

    assert [each["reason"] for each in table.shown()["attempts"]] == ["http_500"]  # type: ignore


def test_attempts_of_two_functions_at_once_are_both_on_record(table: Table) -> None:
    table.deliveries.take(table.message, now=NOW, lease=LEASE, keep=KEEP)

    table.noted(State.RETRYING, NOW + LEASE, after=0)
    table.deliveries.note(table.message, DELIVERED, Following(State.DELIVERED), 0)

    assert [each["reason"] for each in table.shown()["attempts"]] == ["http_500", "http_200"]  # type: ignore


def test_what_is_held_is_released_by_one(table: Table) -> None:
    table.deliveries.hold(table.message, now=NOW, lease=LEASE, keep=KEEP)
    place = Place.of(table.message.delivery_id)

    assert isinstance(table.theirs.release(place, "hook", now=NOW), DeliveryMessage)
    assert table.mine.release(place, "hook", now=NOW) is None


def test_what_changes_while_somebody_sends_it_again_says_what_it_is_now(table: Table) -> None:
    place = table.retried()

    with just_before(lambda: table.deliveries.note(table.message, DELIVERED, Following(State.DELIVERED))):
        found = table.mine.requeue(place, now=NOW, skip=())

    assert found is State.DELIVERED
    assert table.shown()["state"] == "delivered"


def test_what_was_attempted_while_somebody_sends_it_again_is_not_queued_twice(table: Table) -> None:
    """Its state is what it was; the attempt tells that somebody had it."""
    place = table.retried()

    with just_before(lambda: table.noted(State.RETRYING, NOW + LEASE)):
        found = table.mine.requeue(place, now=NOW, skip=())

    assert found is State.RETRYING
    assert table.shown()["next_attempt"] == "2026-03-01T12:02:00.000Z"


def test_what_this_run_claimed_is_sent_though_the_answer_got_lost(table: Table) -> None:
    """The fault: the repeat of a claim was refused for the claim itself, and its message was sent an hour later."""
    held, stuck = table.held(), table.taken()

    with answer_lost("UpdateItem", at=lambda _: True):
        claimed = table.mine.claim(stuck, now=NOW + 3 * LEASE)
        released = table.mine.release(held, "hook", now=NOW)

    assert isinstance(claimed, DeliveryMessage)
    assert isinstance(released, DeliveryMessage)
    assert [each["reason"] for each in table.shown()["attempts"]] == ["http_500", "interrupted"]  # type: ignore


def test_what_is_sent_again_by_hand_is_sent_though_the_answer_got_lost(table: Table) -> None:
    place = table.retried()

    with answer_lost("UpdateItem"):
        queued = table.mine.requeue(place, now=NOW, skip=())

    assert isinstance(queued, DeliveryMessage)


@pytest.mark.parametrize("again", [False, True])
def test_whose_taking_got_no_answer_leaves_the_delivery_to_the_schedule(table: Table, again: bool) -> None:
    """It may be of another copy of the message, in the same millisecond: the endpoint would be told twice."""
    message = replace(table.message, again=again)

    with answer_lost("UpdateItem", at=lambda _: True):
        copies = [table.deliveries.take(message, now=NOW, lease=LEASE, keep=KEEP) for _ in range(2)]

    assert copies == [State.DELIVERING, State.DELIVERING]
    assert [place.delivery_id for place in table.due(NOW + LEASE)] == [message.delivery_id]


# ── digests ──────────────────────────────────────────────────────────────────


class Waiting:
    """What waits for ana's quiet hours, and two functions that make digests of it."""

    def __init__(self, stack: Stack) -> None:
        self.theirs = DigestStore(stack.dynamodb, "deliveries")
        self.mine = DigestStore(clients.dynamodb(), "deliveries")
        event = Event(new_id(NOW), "login", "shop", {}, {}, None, "default", None)
        message = DeliveryMessage(event.id, "r", Severity.NOTICE, "hook", "webhook", ANA, once=False, event=event)
        held = Decision(Kind.HOLD, Cause.QUIET_HOURS, "held until 12:00", NOW)
        WaitingStore(stack.dynamodb, "deliveries").keep_back([KeptBack(message, event, held)], now=NOW, keep=KEEP)
        self.later = NOW + timedelta(hours=1)
        (self.head,) = [
            head for shard in range(DIGEST_SHARDS) for head in self.mine.heads(shard, now=self.later, limit=10)
        ]

    def claim(self, store: DigestStore, *, now: datetime, head: Head | None = None) -> Claim:
        claim = store.claim(head or self.head, now=now, lease=LEASE)
        assert claim is not None
        return claim

    def stolen(self, claim: Claim) -> Claim:
        """Another function has the head after the first one's lease."""
        head = Head(claim.partition, claim.lease)
        return self.claim(self.theirs, now=self.later + LEASE, head=head)


@pytest.fixture
def waiting(stack: Stack) -> Waiting:
    return Waiting(stack)


def digests(waiting: Waiting) -> Digests:
    return Digests(
        waiting.mine, lambda _: {}, Readers(lambda _: {}, lambda _: {}, lambda _: True), lambda: waiting.later
    )


def test_a_head_is_claimed_by_one_and_the_other_tells_nothing(waiting: Waiting) -> None:
    waiting.claim(waiting.theirs, now=waiting.later)

    assert waiting.mine.claim(waiting.head, now=waiting.later, lease=LEASE) is None
    assert digests(waiting).tell(waiting.head, keep=KEEP) is None


def test_a_head_that_this_run_claimed_is_its_own_though_the_answer_got_lost(waiting: Waiting) -> None:
    """Else what is due is told when the lease is over."""
    with answer_lost("UpdateItem"):
        claim = waiting.claim(waiting.mine, now=waiting.later)

    assert waiting.mine.begin(claim, "a-digest")


def test_a_digest_is_begun_by_whoever_has_the_head(waiting: Waiting) -> None:
    mine = waiting.claim(waiting.mine, now=waiting.later)
    theirs = waiting.stolen(mine)

    assert not waiting.mine.begin(mine, "a-digest")
    assert waiting.theirs.begin(theirs, "a-digest")


def test_who_loses_the_head_before_it_begins_tells_nothing_and_leaves_all_to_the_other(waiting: Waiting) -> None:
    found: list[Claim] = []

    def steal() -> None:
        (head,) = [
            each
            for shard in range(DIGEST_SHARDS)
            for each in waiting.theirs.heads(shard, now=waiting.later + timedelta(days=1), limit=10)
        ]
        found.append(waiting.claim(waiting.theirs, now=waiting.later + LEASE, head=head))

    with just_before(steal, write=2):
        message = digests(waiting).tell(waiting.head, keep=KEEP)

    assert message is None
    (theirs,) = found
    assert waiting.theirs.begin(theirs, "a-digest")  # its lease is as it was
    assert len(waiting.theirs.waiting(theirs, now=waiting.later, limit=10)) == 1


def test_what_waits_joins_one_digest(waiting: Waiting) -> None:
    claim = waiting.claim(waiting.mine, now=waiting.later)
    (place,) = waiting.mine.waiting(claim, now=waiting.later, limit=10)

    assert waiting.theirs.join(place, f"{place.event_id}-theirs", "hook", now=waiting.later) is not None
    assert waiting.mine.join(place, f"{place.event_id}-mine", "hook", now=waiting.later) is None


def test_a_digest_is_made_once_and_its_message_is_that_of_who_made_it(waiting: Waiting) -> None:
    claim = waiting.claim(waiting.mine, now=waiting.later)
    (place,) = waiting.mine.waiting(claim, now=waiting.later, limit=10)
    digest_id = f"{place.event_id}-0123456789abcdef"
    member = waiting.theirs.join(place, digest_id, "hook", now=waiting.later)
    assert member is not None

    made = waiting.theirs.make(digest_id, [member], now=waiting.later, keep=KEEP)
    again = waiting.mine.make(digest_id, [member.with_remark("a remark of later")], now=waiting.later, keep=KEEP)

    assert (made.delivery_id, made.user) == (again.delivery_id, again.user)
    assert again.remark == made.remark


# ── breakers ─────────────────────────────────────────────────────────────────


def test_a_breaker_is_turned_by_one(stack: Stack) -> None:
    theirs, mine = BreakerStore(stack.dynamodb, "deliveries"), BreakerStore(clients.dynamodb(), "deliveries")

    assert [store.open("hook", now=NOW) for store in (theirs, mine)] == [True, False]
    assert [store.disable("hook", "a", "gone", now=NOW) for store in (theirs, mine)] == [True, False]
    assert not mine.open("hook", now=NOW)
