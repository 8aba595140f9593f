"""What a throttle's window is said to be: whether an event would pass, and how many were held back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import configure, event, match, rule, set_clock
from tocsin.matching.throttle import Throttles, Window
from tocsin.rules.model import Throttle

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAILY = Throttle(window="days=1", max=1)


@pytest.fixture
def throttles(stack: Stack) -> Throttles:
    return Throttles(stack.dynamodb, "deliveries")


def test_an_event_would_pass_while_there_is_room_or_where_it_did_before(throttles: Throttles) -> None:
    first, second = event(), event()

    before = throttles.look("r", DAILY, second, now=NOON)
    throttles.pass_through("r", DAILY, first, now=NOON)

    again, full = (throttles.look("r", DAILY, each, now=NOON).to_json() for each in (first, second))
    assert before.passage.passes
    assert again == {"group": {}, "window_ends": "2026-07-02T00:00:00.000Z", "told": 1, "max": 1, "held_back": 0,
                     "passes": True}  # fmt: skip
    assert full == again | {"passes": False}


def test_what_was_held_back_is_added_up_over_pages(stack: Stack, throttles: Throttles) -> None:
    window = Window.of("r", DAILY, event(), NOON)
    for _ in range(4):  # 1 MB, a page of a query, holds three of these
        counted = window.count_of([event().id, event().id]) | {"padding": {"S": "x" * 300_000}}
        stack.dynamodb.put_item(TableName="deliveries", Item=counted)

    assert throttles.look("r", DAILY, event(), now=NOON).held_back == 8


def test_a_throttle_counts_dotted_keys_apart_as_patterns_find_them(throttles: Throttles) -> None:
    throttle = Throttle(window="days=1", max=1, group_by=("context.host.name",))
    shapes: list[Any] = [{"host.name": "web-1"}, {"host.name": "web-2"}, {"host": {"name": "web-1"}}]

    passages = [throttles.pass_through("r", throttle, event(context=shape), now=NOON) for shape in shapes]

    assert [passage.passes for passage in passages] == [True, True, False]
    assert [passage.window.group["context.host.name"] for passage in passages] == ["web-1", "web-2", "web-1"]


def test_a_window_ends_by_the_matchers_clock(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the tests: by a clock that is not the matcher's they fail around midnight, when the window of a day ends."""
    clock = set_clock(monkeypatch, datetime.now(UTC).replace(hour=12))
    configure(stack, rules=[rule(throttle={"window": "days=1", "max": 2}, max_age="days=3")])
    match(stack, event(), event(), event())
    at_first = len(stack.messages("Inbox"))

    clock.now += timedelta(days=1)
    match(stack, event(), event(), event())

    told = stack.messages("Inbox")
    assert (at_first, len(told)) == (2, 2)
    assert {message.get("remark") for message in told} == {"and 1 more held back", None}


def held_in(stack: Stack, window: Window, number: int) -> None:
    stack.dynamodb.put_item(TableName="deliveries", Item=window.count_of([event().id for _ in range(number)]))


def test_the_first_of_a_window_alone_says_what_the_one_before_held_back(stack: Stack, throttles: Throttles) -> None:
    most = Throttle(window="days=1", max=2)
    for ago, held in ((3, 4), (2, 1)):  # nothing came yesterday
        passage = throttles.pass_through("r", most, event(), now=NOON - timedelta(days=ago))
        held_in(stack, passage.window, held)

    passages = [throttles.pass_through("r", most, event(), now=NOON) for _ in range(3)]

    assert [(each.passes, each.held_before) for each in passages] == [(True, 1), (True, 0), (False, 0)]


def test_who_passed_is_kept_a_window_and_a_day_longer_than_the_window(stack: Stack, throttles: Throttles) -> None:
    """The next window asks what this one held back, and an event may be matched again."""
    throttles.pass_through("r", DAILY, event(), now=NOON)

    (item,) = stack.items("deliveries")

    assert item["expires_at"]["N"] == str(int(datetime(2026, 7, 4, tzinfo=UTC).timestamp()))


@pytest.mark.parametrize("paths", [("app", "context.host"), ("context.host", "app")])
def test_a_group_is_one_in_whatever_order_its_values_come(throttles: Throttles, paths: tuple[str, ...]) -> None:
    hosts: list[Any] = [{"name": "web", "zone": "a"}, {"zone": "a", "name": "web"}]
    named = Throttle(window="days=1", max=1, group_by=("app", "context.host"))
    throttles.pass_through("r", named, event(context={"host": hosts[0]}), now=NOON)
    throttle = Throttle(window="days=1", max=1, group_by=paths)

    passages = [throttles.pass_through("r", throttle, event(context={"host": host}), now=NOON) for host in hosts]

    assert [passage.passes for passage in passages] == [False, False]
