"""What stands in a matter's item, attribute by attribute, after each step of its way: of what a rule escalates."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import plain, without
from tocsin.aws.tracing import caused_by
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.matters import Acknowledgement, DueMatter, Matter
from tocsin.errors import NotFound
from tocsin.ids import id_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEEP, LEASE, DUE = timedelta(days=7), timedelta(seconds=90), NOW + timedelta(minutes=15)
NAMES = "down", "a"
FIRST, SECOND, THIRD = (f"019ca945-0a00-7000-8000-00000000000{number}" for number in (1, 2, 3))
NO_STEP = ("due_shard", "due_at")


def at(**later: float) -> float:
    return (NOW + timedelta(**later)).timestamp()


BEGUN = {
    "rule": "down",
    "about": "a",
    "event_id": FIRST,
    "began": "2026-03-01T12:00:00.000Z",
    "step": 0,
    "steps": 2,
    "due_shard": "escalation-1",
    "due_at": at(minutes=15),
    "last_event": FIRST,
    "open_until": at(hours=1),
    "expires_at": at(days=7),
    "follows": "",
}
ACKNOWLEDGED = {
    "acknowledged_by": "Ana",
    "acknowledged_via": "link",
    "acknowledged_at": "2026-03-01T12:05:00.000Z",
    "acknowledged_user": "ana",
}


class Kept:
    """The table of deliveries, with the matter NAMES."""

    def __init__(self, stack: Stack) -> None:
        self.store = EscalationStore(stack.dynamodb, "deliveries")
        self._dynamodb = stack.dynamodb

    def begin(self, event_id: str = FIRST, goes_on: timedelta | None = timedelta(hours=1), **later: float) -> None:
        now = NOW + timedelta(**later)
        due = now + timedelta(minutes=15)
        self.store.begin(*NAMES, event_id, steps=2, due=due, now=now, keep=KEEP, goes_on=goes_on)

    def acknowledge(self, by: str = "Ana") -> Acknowledgement:
        now = NOW + timedelta(minutes=5, microseconds=999)
        return self.store.acknowledge(*NAMES, by=by, via="link", now=now, user="ana")

    def matter(self) -> Matter:
        found = self.store.get(*NAMES, now=NOW)
        assert found is not None
        return found

    def item(self) -> dict[str, Any]:
        key = {"pk": {"S": "matter#down#a"}, "sk": {"S": "escalation"}}
        found = self._dynamodb.get_item(TableName="deliveries", Key=key, ConsistentRead=True)["Item"]
        return {name: plain(name, value) for name, value in found.items() if name not in key}


@pytest.fixture
def kept(stack: Stack) -> Kept:
    return Kept(stack)


@pytest.mark.parametrize(("goes_on", "open_for"), [(timedelta(hours=1), 1), (None, 0)])
def test_a_matter_begins_with_its_first_step_and_is_open_for_as_long_as_its_events_may_be_apart(
    kept: Kept, goes_on: timedelta | None, open_for: int
) -> None:
    kept.begin(goes_on=goes_on)

    assert kept.item() == BEGUN | {"open_until": at(hours=open_for)}


def test_a_matter_knows_what_trace_it_is_of(kept: Kept) -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    with caused_by(header):
        kept.begin()

    assert kept.item() == BEGUN | {"trace": header}
    assert kept.matter().trace == header


def test_another_event_keeps_a_matter_open_and_changes_no_step_of_it(kept: Kept) -> None:
    kept.begin()

    kept.begin(SECOND, minutes=59)

    assert kept.item() == BEGUN | {
        "last_event": SECOND,
        "open_until": at(minutes=119),
        "expires_at": at(days=7, minutes=59),
    }


@pytest.mark.parametrize("event_id", [FIRST, SECOND])
def test_an_event_when_a_matter_is_open_no_more_begins_the_next(kept: Kept, event_id: str) -> None:
    """But for the same event, which is matched again."""
    kept.begin()
    kept.acknowledge()

    kept.begin(event_id, hours=1)

    if event_id == FIRST:
        assert kept.item().items() >= (without(BEGUN, *NO_STEP) | ACKNOWLEDGED).items()
        return
    assert kept.item() == BEGUN | {
        "event_id": SECOND,
        "began": "2026-03-01T13:00:00.000Z",
        "due_at": at(minutes=75),
        "last_event": SECOND,
        "open_until": at(hours=2),
        "expires_at": at(days=7, hours=1),
        "follows": FIRST,
    }


def test_a_matter_that_begins_after_an_end_is_nothing_of_what_ended(kept: Kept) -> None:
    kept.begin()
    kept.store.hold(kept.matter(), 0, DUE, counted_from=NOW + timedelta(minutes=3), keep=KEEP)
    kept.store.end(*NAMES, SECOND, now=NOW)

    kept.begin(THIRD, minutes=1)

    assert kept.item() == BEGUN | {
        "event_id": THIRD,
        "began": "2026-03-01T12:01:00.000Z",
        "due_at": at(minutes=16),
        "last_event": THIRD,
        "open_until": at(minutes=61),
        "expires_at": at(days=7, minutes=1),
        "follows": SECOND,
    }


def test_an_end_leaves_no_step_to_come_and_keeps_what_the_matter_was(kept: Kept) -> None:
    kept.begin()

    assert kept.store.end(*NAMES, SECOND, now=NOW + timedelta(minutes=1))

    assert kept.item() == without(BEGUN, *NO_STEP) | {"ended": SECOND}
    assert (kept.matter().ended, kept.matter().is_open) == (SECOND, False)
    assert not kept.store.end(*NAMES, FIRST, now=NOW)
    assert kept.item()["ended"] == SECOND


def test_an_end_of_what_is_not_known_is_kept_by_itself(kept: Kept) -> None:
    assert kept.store.end(*NAMES, SECOND, now=NOW)

    assert kept.item() == {"ended": SECOND, "expires_at": at(days=2)}


@pytest.mark.parametrize(("hours", "expires"), [(23, 48), (24, 72), (30, 78)])
def test_a_later_end_is_kept_for_a_day_at_least(kept: Kept, hours: int, expires: int) -> None:
    kept.store.end(*NAMES, FIRST, now=NOW)

    kept.store.end(*NAMES, SECOND, now=NOW + timedelta(hours=hours))

    assert kept.item() == {"ended": SECOND, "expires_at": at(hours=expires)}


def test_who_acknowledges_is_noted_to_the_millisecond_and_leaves_no_step_to_come(kept: Kept) -> None:
    kept.begin()

    made, again = kept.acknowledge(), kept.acknowledge("Bob")

    assert made == Acknowledgement("Ana", "link", NOW + timedelta(minutes=5), "ana", made.event, first=True)
    assert (again.by, again.first, again.event) == ("Ana", False, made.event)
    assert kept.item() == without(BEGUN, *NO_STEP) | ACKNOWLEDGED | {"acknowledged_event": made.event}
    assert kept.matter().acknowledgement == again
    assert id_time(made.event) == NOW + timedelta(minutes=5)


def test_who_acknowledges_by_a_key_or_a_channel_has_no_username(kept: Kept) -> None:
    kept.begin()

    kept.store.acknowledge(*NAMES, by="a key", via="api", now=NOW)

    assert kept.item()["acknowledged_user"] == ""


def test_the_event_that_ended_a_matter_does_not_begin_it_anew(kept: Kept) -> None:
    kept.begin()
    kept.store.end(*NAMES, SECOND, now=NOW)
    before = kept.item()

    kept.begin(SECOND, hours=2)

    assert kept.item() == before


@pytest.mark.parametrize("is_acknowledged", [True, False])
def test_what_has_expired_is_there_no_more_for_whoever_asks(kept: Kept, is_acknowledged: bool) -> None:
    kept.begin()
    if is_acknowledged:
        kept.acknowledge()
    gone = NOW + KEEP

    assert kept.store.get(*NAMES, now=gone) is None
    assert kept.store.get_many([NAMES], now=gone) == {}
    with pytest.raises(NotFound):
        kept.store.acknowledge(*NAMES, by="Bob", via="api", now=gone)


def test_a_matter_is_read_as_it_stands(kept: Kept) -> None:
    kept.begin()
    counted_from = NOW + timedelta(minutes=3)
    kept.store.hold(kept.matter(), 0, DUE, counted_from=counted_from, keep=KEEP)

    matter = Matter(*NAMES, FIRST, NOW, counted_from, NOW + timedelta(hours=1), 0, 2, None, None, follows="")

    assert kept.matter() == matter
    assert kept.store.get_many([NAMES, NAMES, ("down", "b")], now=NOW) == {NAMES: matter}
    assert kept.store.get_many([], now=NOW) == {}


def test_a_step_that_is_held_is_due_then_and_keeps_its_matter(kept: Kept) -> None:
    kept.begin()
    later = NOW + timedelta(hours=9)

    assert kept.store.hold(kept.matter(), 0, later, counted_from=NOW + timedelta(minutes=3), keep=KEEP)

    assert kept.item() == BEGUN | {
        "due_at": at(hours=9),
        "counted_from": at(minutes=3),
        "expires_at": at(days=7, hours=9),
    }


def test_a_step_that_was_the_last_is_due_again_where_it_is_held(kept: Kept) -> None:
    kept.begin()
    kept.store.advance(claimed(kept), 2, None)

    assert kept.store.hold(kept.matter(), 1, DUE, counted_from=NOW, keep=KEEP)

    assert kept.item() == BEGUN | {"step": 1, "counted_from": at(), "expires_at": at(days=7, minutes=15)}


@pytest.mark.parametrize(("seconds", "over"), [(0, True), (-1, False)])
def test_steps_are_given_up_of_what_is_over(kept: Kept, seconds: int, over: bool) -> None:
    kept.begin()

    stopped = kept.store.stop(kept.matter(), now=NOW + timedelta(hours=1, seconds=seconds))

    assert stopped == over
    assert kept.item() == (without(BEGUN, *NO_STEP) | {"step": 2} if over else BEGUN)


def claimed(kept: Kept) -> Any:
    taken = kept.store.claim(DueMatter(*NAMES, str(kept.item()["due_at"])), now=DUE, lease=LEASE)
    assert taken is not None
    return taken


def test_what_is_due_is_found_the_longest_due_first_and_claimed_for_a_while(kept: Kept) -> None:
    kept.begin()
    due = DueMatter(*NAMES, str(DUE.timestamp()))

    assert [kept.store.due(shard, now=DUE, limit=1) for shard in range(4)] == [[], [due], [], []]
    assert kept.store.due(1, now=DUE - timedelta(milliseconds=1), limit=1) == []
    taken = claimed(kept)
    assert (taken.matter.event_id, taken.lease) == (FIRST, str((DUE + LEASE).timestamp()))
    assert kept.item() == BEGUN | {"due_at": (DUE + LEASE).timestamp()}
    assert kept.store.claim(due, now=DUE, lease=LEASE) is None


@pytest.mark.parametrize("due", [NOW + timedelta(minutes=30), None])
def test_a_matter_goes_on_to_its_next_step_or_has_none(kept: Kept, due: datetime | None) -> None:
    kept.begin()
    taken = claimed(kept)

    kept.store.advance(taken, 1, due)
    kept.store.advance(taken, 2, DUE)  # its lease is over

    going_on = BEGUN | {"step": 1, "due_at": at(minutes=30)}
    assert kept.item() == (without(going_on, *NO_STEP) if due is None else going_on)
