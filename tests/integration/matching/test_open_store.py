"""What may end: opened by who was told, ended by one event, opened anew; for how long, and at what cost."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing
from tocsin.ids import new_id
from tocsin.matching.open_store import KEPT_AFTER, Ended, OpenStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANA, BOB, CHAT = ("inbox", "ana"), ("inbox", "bob\nof before"), ("chat", "")


class Opened:
    """What one rule told of one thing, by events that happen and are matched so many hours after noon."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.store = OpenStore(stack.dynamodb, "deliveries")

    def id(self, hours: float) -> str:
        return new_id(NOON + hours * HOUR)

    def begin(self, hours: float, *told: tuple[str, str], page: int = 0, lasts: float = 10) -> None:
        now = NOON + hours * HOUR
        self.store.begin("r", "a", page, self.id(hours), told, now=now, ends=now + lasts * HOUR)

    def end(self, event_id: str, hours: float, *, after: str | None = None, most: int = 10) -> Ended:
        return self.store.end("r", "a", event_id, after=after, now=NOON + hours * HOUR, most=most)

    def expires(self) -> list[datetime]:
        found = self.stack.items("deliveries")
        return [datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC) for item in found]


@pytest.fixture
def opened(stack: Stack) -> Opened:
    return Opened(stack)


def test_who_was_told_by_any_event_hears_by_the_event_that_ends_it_however_often_that_asks(opened: Opened) -> None:
    opened.begin(0, ANA, CHAT)
    opened.begin(1, BOB)
    end, later = opened.id(2), opened.id(3)

    told = [opened.end(each, 4) for each in (end, later, end)]

    assert [each.told for each in told] == [{ANA, BOB, CHAT}, frozenset(), {ANA, BOB, CHAT}]


def test_an_event_ends_only_what_began_before_it(opened: Opened) -> None:
    opened.begin(1, ANA)

    assert opened.end(opened.id(0), 2).told == frozenset()
    assert opened.end(opened.id(2), 3).told == {ANA}


def test_it_is_open_until_then_after_the_latest_who_was_told_and_kept_a_day_longer(opened: Opened) -> None:
    opened.begin(0, ANA)
    opened.begin(5, BOB)

    assert opened.expires() == [NOON + 15 * HOUR + KEPT_AFTER]
    assert opened.end(opened.id(15.1), 15.1).told == frozenset()
    assert opened.end(opened.id(14.9), 14.9).told == {ANA, BOB}


@pytest.mark.parametrize("was", ["ended", "open for too long"])
def test_what_begins_anew_is_of_those_who_are_told_then_for_two_writes(opened: Opened, was: str) -> None:
    opened.begin(0, ANA)
    if was == "ended":
        opened.end(opened.id(1), 1)
    begins = 2 if was == "ended" else 11

    with failing(lambda _: None, "UpdateItem", client=opened.stack.dynamodb) as calls:
        opened.begin(begins, BOB)

    assert len(calls) == 2
    assert opened.expires() == [NOON + (begins + 10) * HOUR + KEPT_AFTER]
    assert opened.end(opened.id(begins + 1), begins + 1).told == {BOB}


def test_an_event_that_is_matched_after_its_end_opens_nothing(opened: Opened) -> None:
    opened.begin(0, ANA)
    opened.end(opened.id(2), 2)

    opened.begin(1, BOB)

    assert opened.end(opened.id(3), 3).told == frozenset()


def test_an_end_that_is_matched_again_tells_the_same_whatever_began_since(opened: Opened) -> None:
    """Also an event from before the end, which was matched so late that what began after the end was over."""
    opened.begin(0, ANA)
    end, late = opened.id(1), opened.id(0.5)
    told = [opened.end(end, 1).told]
    opened.begin(2, BOB, lasts=1)

    opened.store.begin("r", "a", 0, late, [CHAT], now=NOON + 5 * HOUR, ends=NOON + 9 * HOUR)

    told.append(opened.end(end, 6).told)
    assert told == [{ANA}, {ANA}]


def test_nobody_who_was_told_is_nothing_to_end(opened: Opened) -> None:
    opened.begin(0)

    assert opened.stack.items("deliveries") == []


def consistently(query: dict[str, Any]) -> None:
    """Who was told a moment ago is to hear the end, too: it is asked but once."""
    assert json.loads(query["body"])["ConsistentRead"]


def test_pages_are_ended_in_their_order_so_many_at_a_time(opened: Opened) -> None:
    for page in (10, 0, 2):
        opened.begin(0, ("inbox", f"of-{page}"), page=page)
    end = opened.id(1)

    with failing(consistently, "Query", client=opened.stack.dynamodb) as calls:
        first = opened.end(end, 1, most=2)
        rest = opened.end(end, 1, after=first.after, most=2)

    assert len(calls) == 2

    assert first.told == {("inbox", "of-0"), ("inbox", "of-2")}
    assert (rest.told, rest.after) == ({("inbox", "of-10")}, None)
