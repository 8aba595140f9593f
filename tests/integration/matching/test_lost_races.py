"""Two functions at what rules told of: who was told, and who hears of the end, are right whoever is first."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, just_before
from tocsin.aws import clients
from tocsin.aws.errors import RETRY_AFTER
from tocsin.errors import Unavailable
from tocsin.ids import new_id
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.open_store import OpenStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEEP = timedelta(days=30)
ANA, BEA = ("hook", "ana"), ("hook", "bea")


def event(hours: float) -> str:
    return new_id(NOW + hours * HOUR)


class Open:
    """What a rule told of about one thing, by this function (`mine`) and a quicker one (`theirs`)."""

    def __init__(self, stack: Stack) -> None:
        self.theirs = OpenStore(stack.dynamodb, "deliveries")
        self.mine = OpenStore(clients.dynamodb(), "deliveries")

    def begin(self, store: OpenStore, event_id: str, told: tuple[str, str], *, at: float) -> None:
        now = NOW + at * HOUR
        store.begin("r", "a", 0, event_id, [told], now=now, ends=now + HOUR)

    def end(self, store: OpenStore, event_id: str, *, at: float) -> set[tuple[str, str]]:
        return {*store.end("r", "a", event_id, after=None, now=NOW + at * HOUR, most=10).told}


@pytest.fixture
def opened(stack: Stack) -> Open:
    return Open(stack)


def test_who_is_told_while_another_opens_it_anew_hears_of_the_end_too(opened: Open) -> None:
    opened.begin(opened.theirs, event(0), ("hook", "of before"), at=0)  # open for an hour
    anew = event(3)

    with just_before(lambda: opened.begin(opened.theirs, anew, BEA, at=3), write=2):
        opened.begin(opened.mine, anew, ANA, at=3)

    assert opened.end(opened.mine, event(3.5), at=3.5) == {ANA, BEA}


def test_an_end_that_another_event_made_first_tells_nobody(opened: Open) -> None:
    opened.begin(opened.theirs, event(0), ANA, at=0)
    first: list[set[tuple[str, str]]] = []

    with just_before(lambda: first.append(opened.end(opened.theirs, event(0.2), at=0.3))):
        second = opened.end(opened.mine, event(0.3), at=0.3)

    assert (first, second) == ([{ANA}], set())


def test_an_end_that_is_matched_twice_at_once_tells_the_same_though_a_new_beginning_came_between(opened: Open) -> None:
    opened.begin(opened.theirs, event(0), ANA, at=0)
    end, anew = event(0.2), event(0.3)

    def ended_and_begun_anew() -> None:
        assert opened.end(opened.theirs, end, at=0.3) == {ANA}
        opened.begin(opened.theirs, anew, BEA, at=0.3)

    with just_before(ended_and_begun_anew):
        again = opened.end(opened.mine, end, at=0.3)

    assert again == {ANA}
    assert opened.end(opened.mine, event(0.4), at=0.4) == {BEA}


def test_what_changes_each_time_is_said_not_to_be_noted(opened: Open, stack: Stack) -> None:
    opened.begin(opened.theirs, event(0), ANA, at=0)
    (item,) = [each for each in stack.items("deliveries") if each["pk"]["S"].startswith("open#")]
    changes: list[int] = []

    def changed(_: dict[str, Any]) -> None:
        changes.append(1)
        then = {"N": str((NOW - len(changes) * HOUR).timestamp())}
        stack.dynamodb.put_item(TableName="deliveries", Item=item | {"open_until": then})

    with failing(changed, "UpdateItem"), pytest.raises(Unavailable) as failed:
        opened.begin(opened.mine, event(3), BEA, at=3)

    assert str(failed.value) == "what may end is changing too fast to note who was told"
    assert failed.value.retry_after == RETRY_AFTER


# ── what was held back ───────────────────────────────────────────────────────


def held(stack: Stack, *events: str) -> HeldStore:
    store = HeldStore(stack.dynamodb, "deliveries")
    store.write([HeldEvent(each, "r", {"outcome": "silenced"}) for each in events], now=NOW, keep=KEEP)
    return store


def test_two_events_of_a_batch_that_are_forgotten_at_once_are_both_forgotten(stack: Stack) -> None:
    one, other, stays = (event(0) for _ in range(3))
    store = held(stack, one, other, stays)

    with just_before(lambda: store.forget(other)):
        HeldStore(clients.dynamodb(), "deliveries").forget(one)

    assert [store.of(each, now=NOW) for each in (one, other)] == [[], []]
    assert len(store.of(stays, now=NOW)) == 1


def test_a_batch_that_changes_each_time_is_said_not_to_be_forgotten(stack: Stack) -> None:
    asked, *others = (event(0) for _ in range(31))
    store = held(stack, asked, *others)
    forgotten = iter(others)

    with (
        failing(lambda _: store.forget(next(forgotten)), "UpdateItem"),
        pytest.raises(Unavailable, match="others change it, too") as failed,
    ):
        HeldStore(clients.dynamodb(), "deliveries").forget(asked)

    assert failed.value.retry_after == RETRY_AFTER
    assert len(store.of(asked, now=NOW)) == 1
