"""What was held back, where it is more than one page, or one item, has; and values that are nearly as large as one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing
from tests.integration.matching.matching_world import configure, event, match, rule, set_clock, store, story_of, work
from tocsin.aws.table import Table
from tocsin.ids import new_id
from tocsin.matching import held_store, throttle
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.throttle import Throttles, Window
from tocsin.rules.model import Throttle
from tocsin.telling.decision import MAX_VALUE

DAY = timedelta(days=1)
DAILY = Throttle(window="days=1", max=2)


@pytest.fixture
def page_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of one item, as where items are large."""
    query_page = Table.query_page

    def short(self: Table, *asked: Any, **options: Any) -> Any:
        return query_page(self, *asked, **options | {"limit": 1})

    monkeypatch.setattr(Table, "query_page", short)


@pytest.mark.usefixtures("page_of_one")
@pytest.mark.parametrize(("others", "found"), [(8, 1), (9, 0)])
def test_what_was_held_is_looked_for_on_so_many_pages(stack: Stack, others: int, found: int) -> None:
    """The batch of the event is the last but one of as many batches as there are others, all of its hour."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    asked, *later = (new_id(now + timedelta(seconds=number)) for number in range(others + 1))
    store = HeldStore(stack.dynamodb, "deliveries")
    for each in later:
        store.write([HeldEvent(each, "r", {})], now=now, keep=DAY)
    store.write([HeldEvent(each, "r", {}) for each in (asked, later[-1])], now=now, keep=DAY)

    assert len(store.of(asked, now=now)) == found


@pytest.mark.usefixtures("page_of_one")
def test_all_parts_of_a_batch_are_found(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_store, "MAX_ITEM", 200)
    now = datetime.now(UTC)
    asked = new_id()
    store = HeldStore(stack.dynamodb, "deliveries")
    store.write([HeldEvent(asked, rule, {"why": "x" * 150}) for rule in ("one", "other")], now=now, keep=DAY)
    for _ in range(3):  # later batches, whose items come after
        store.write([HeldEvent(new_id(), "one", {})], now=now, keep=DAY)

    with failing(lambda _: None, "Query", client=stack.dynamodb) as calls:
        found = store.of(asked, now=now)

    assert [entry["rule"] for entry in found] == ["one", "other"]
    assert len(calls) == 2  # pages after these are not looked at


@pytest.mark.usefixtures("page_of_one")
def test_an_event_is_forgotten_on_all_pages(stack: Stack) -> None:
    asked, other = new_id(), new_id()
    now = datetime.now(UTC)
    store = HeldStore(stack.dynamodb, "deliveries")
    store.write([HeldEvent(asked, "r", {})], now=now, keep=DAY)
    store.write([HeldEvent(each, "r", {}) for each in (asked, other)], now=now, keep=DAY)

    store.forget(asked)

    assert (store.of(asked, now=now), len(store.of(other, now=now))) == ([], 1)
    assert asked not in str([item["held"] for item in stack.items("deliveries")])


def test_a_group_that_can_not_be_read_hides_none_beside_it(stack: Stack) -> None:
    asked, now = new_id(), datetime.now(UTC)
    store = HeldStore(stack.dynamodb, "deliveries")
    store.write([HeldEvent(asked, "r", {})], now=now, keep=DAY)
    (item,) = stack.items("deliveries")
    odd = [asked, ["r", "no facts", [asked]], ["r", {}, asked], ["r", {}, [asked]]]
    stack.dynamodb.put_item(TableName="deliveries", Item=item | {"held": {"S": json.dumps(odd)}})

    assert [entry["rule"] for entry in store.of(asked, now=now)] == ["r"]


@pytest.mark.usefixtures("page_of_one")
def test_of_a_window_with_pages_without_end_the_first_count(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST_PAGES", 2)
    now = datetime.now(UTC)
    window = Window.of("failed-logins", DAILY, event(), now)
    batches = [window.count_of({new_id()}) for _ in range(3)]

    Table(stack.dynamodb, "deliveries").put_many("counting", batches)

    assert Throttles(stack.dynamodb, "deliveries").look("failed-logins", DAILY, event(), now=now).held_back == 2


def test_what_the_first_of_a_window_says_of_the_one_before_stands_on_every_page(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PAGE", "PAGES_AT_ONCE"):
        monkeypatch.setattr(f"tocsin.matching.recipients.{name}", 1)
    clock = set_clock(monkeypatch, datetime.now(UTC).replace(hour=12))
    configure(stack, members={"oncall": ["alice", "bob"]}, rules=[rule(throttle={"window": "hours=1", "max": 1})])
    match(stack, event())
    match(stack, event(), event())
    clock.now += timedelta(hours=1)
    store(stack, about := event())

    match(stack, about)

    stack.call("matcher", {"Records": [work(each) for each in stack.messages("Match") if each["event_id"] == about.id]})
    said = [(each["event_id"] == about.id, each.get("remark")) for each in stack.messages("Inbox")]
    assert sorted(said, key=str) == [(False, None), (True, "and 2 more held back"), (True, "and 2 more held back")]


def test_of_a_group_with_a_huge_value_the_story_and_the_log_have_its_beginning(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fault: each event that was held wrote 300 KB to the log. Values that differ beyond are other groups."""
    configure(stack, rules=[rule(throttle={"window": "days=1", "max": 1, "group_by": ["context.query"]})])
    one, other = ("x" * 300_000 + end for end in "ab")
    told_of, held_back, of_another = (event(context={"query": query}) for query in (one, one, other))

    match(stack, told_of)
    match(stack, held_back, of_another)

    assert len(story_of(stack, held_back)["held_by"]["throttle"]["group"]["context.query"]) == MAX_VALUE + 1
    assert len(stack.messages("Inbox")) == 2
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) < 4_000
