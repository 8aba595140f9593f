"""What is stored of a batch that was held: found by its events, for as long as it is kept, and counted once."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.conftest import Stack
from tocsin.ids import new_id
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.types import JsonObject

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
AT = "2026-07-01T12:00:00.000Z"
KEEP = timedelta(days=3)


@pytest.fixture
def store(stack: Stack) -> HeldStore:
    return HeldStore(stack.dynamodb, "deliveries")


def batch() -> list[HeldEvent]:
    """Two events for which a rule was silenced, a policy logged, and for the first another rule was throttled."""
    first, second = new_id(NOW), new_id(NOW + timedelta(minutes=1))
    silenced = [HeldEvent(each, "logins", {"reason": "silenced"}) for each in (first, second)]
    logged = [HeldEvent.of_policy(each, "night", {"passed": False}) for each in (first, second)]
    return [*silenced, *logged, HeldEvent(first, "failures", {"reason": "throttled"})]


def test_an_event_has_what_was_held_and_logged_of_it_by_name_and_when(store: HeldStore) -> None:
    held = batch()
    store.write(held, now=NOW, keep=KEEP)

    found = store.of(held[0].event_id, now=NOW)

    assert found == [
        {"kind": "policy", "policy": "night", "at": AT, "passed": False},
        {"kind": "rule", "rule": "failures", "at": AT, "reason": "throttled"},
        {"kind": "rule", "rule": "logins", "at": AT, "reason": "silenced"},
    ]


def test_a_batch_that_is_written_again_says_when_it_was_first_and_has_nothing_new(store: HeldStore) -> None:
    held = batch()

    news = [store.write(held, now=NOW + timedelta(hours=hours), keep=KEEP) for hours in (0, 1)]

    assert news == [Counter(logins=2, failures=1), Counter()]
    assert {str(each["at"]) for each in store.of(held[0].event_id, now=NOW)} == {AT}


def test_it_is_kept_for_as_long_as_was_asked_from_when_it_was_written(store: HeldStore) -> None:
    held = batch()
    store.write(held, now=NOW, keep=KEEP)

    found = [store.of(held[0].event_id, now=NOW + KEEP + timedelta(seconds=late)) for late in (-1, 1)]

    assert [len(each) for each in found] == [3, 0]


def test_a_forgotten_event_is_gone_and_the_others_stay_as_they_were(store: HeldStore) -> None:
    held = batch()
    store.write(held, now=NOW, keep=KEEP)

    store.forget(held[0].event_id)

    assert store.of(held[0].event_id, now=NOW) == []
    assert store.of(held[1].event_id, now=NOW) == [
        {"kind": "policy", "policy": "night", "at": AT, "passed": False},
        {"kind": "rule", "rule": "logins", "at": AT, "reason": "silenced"},
    ]


def test_events_that_were_held_for_one_reason_are_one_group_in_whatever_order_it_was_said(
    stack: Stack, store: HeldStore
) -> None:
    reasons: list[JsonObject] = [{"reason": "silenced", "by": "drill"}, {"by": "drill", "reason": "silenced"}]
    held = [HeldEvent(new_id(NOW), "logins", reason) for reason in reasons]

    store.write(held, now=NOW, keep=KEEP)

    (item,) = stack.items("deliveries")
    assert json.loads(item["held"]["S"]) == [["logins", reasons[0], sorted(each.event_id for each in held)]]


@pytest.mark.parametrize(("less", "groups"), [(0, [2, 2, 1]), (1, [1, 1, 1, 1, 1])])
def test_an_item_is_filled_to_the_last_byte(
    stack: Stack, store: HeldStore, monkeypatch: pytest.MonkeyPatch, less: int, groups: list[int]
) -> None:
    """Five groups of the same length, in items that have room for two and for a byte less."""
    held = [HeldEvent(new_id(NOW), "logins", {"reason": number}) for number in range(5)]
    two = json.dumps([[each.rule, each.facts, [each.event_id]] for each in held[:2]], separators=(",", ":"))
    monkeypatch.setattr("tocsin.matching.held_store.MAX_ITEM", len(two) - less)

    store.write(held, now=NOW, keep=KEEP)

    assert [len(json.loads(item["held"]["S"])) for item in stack.items("deliveries")] == groups


def test_an_item_has_no_more_than_it_may_however_many_reasons_a_batch_has(
    stack: Stack, store: HeldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.matching.held_store.MAX_ITEM", 1_000)
    held = [HeldEvent(new_id(NOW), "logins", {"reason": number}) for number in range(100)]

    store.write(held, now=NOW, keep=KEEP)

    sizes = [len(item["held"]["S"]) for item in stack.items("deliveries")]
    assert max(sizes) < 1_200
    assert sum(size > 800 for size in sizes) >= len(sizes) - 1
    assert [store.of(each.event_id, now=NOW)[0]["reason"] for each in held] == [*range(100)]
