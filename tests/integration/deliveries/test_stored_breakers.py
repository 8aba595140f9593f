"""What stands in a breaker's item, attribute by attribute, after each turn."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import plain
from tocsin.deliveries.breaker import Breaker, BreakerState
from tocsin.deliveries.breaker_store import BreakerStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
FAILED = {"of": "config", "state": "closed", "failures": 1, "since": NOW.timestamp(), "reason": "http_500"}
DRAINING = {"of": "config", "state": "draining", "failures": 0, "reason": "", "changed_at": LATER.timestamp()}


class Kept:
    """The table of deliveries, with the breaker of the transport `hook`."""

    def __init__(self, stack: Stack) -> None:
        self.store = BreakerStore(stack.dynamodb, "deliveries")
        self._dynamodb = stack.dynamodb

    def failed(self, of: str = "config", reason: str = "http_500", now: datetime = NOW) -> Breaker:
        return self.store.failed("hook", of, reason, now=now)

    def item(self) -> dict[str, Any]:
        key = {"pk": {"S": "breakers"}, "sk": {"S": "hook"}}
        found = self._dynamodb.get_item(TableName="deliveries", Key=key, ConsistentRead=True).get("Item", {})
        return {name: plain(name, value) for name, value in found.items() if name not in key}


@pytest.fixture
def kept(stack: Stack) -> Kept:
    return Kept(stack)


def test_failures_are_counted_from_the_first_and_the_latest_reason_is_known(kept: Kept) -> None:
    first = kept.failed()
    assert kept.item() == FAILED
    second = kept.failed(reason="timeout", now=LATER)

    assert kept.item() == FAILED | {"failures": 2, "reason": "timeout"}
    assert first == Breaker("hook", "config", failures=1, since=NOW, reason="http_500")
    assert second == replace(first, failures=2, reason="timeout") == kept.store.get("hook")
    assert kept.store.all() == [second]


def test_a_failure_of_another_configuration_releases_what_the_one_before_held(kept: Kept) -> None:
    kept.failed()
    kept.store.open("hook", now=NOW)

    fresh = kept.failed("another", "timeout", LATER)

    assert kept.item() == {
        "of": "another",
        "state": "draining",
        "failures": 1,
        "since": LATER.timestamp(),
        "reason": "timeout",
    }
    assert fresh == kept.store.get("hook")


def test_a_breaker_opens_once_and_not_where_it_is_disabled(kept: Kept) -> None:
    kept.failed()

    assert [kept.store.open("hook", now=NOW), kept.store.open("hook", now=LATER)] == [True, False]
    assert kept.item() == FAILED | {"state": "open", "changed_at": NOW.timestamp()}
    kept.store.disable("hook", "config", "http_410", now=LATER)
    assert not kept.store.open("hook", now=LATER)
    assert kept.item() == FAILED | {"state": "disabled", "changed_at": LATER.timestamp(), "reason": "http_410"}


@pytest.mark.parametrize(("of", "anew"), [("config", False), ("another", True)])
def test_a_breaker_is_disabled_once_a_configuration_and_nobody_was_told_of_it_then(
    kept: Kept, of: str, anew: bool
) -> None:
    assert kept.store.disable("hook", "config", "http_410", now=NOW)
    kept.store.note_told("hook", "another")
    assert "told" not in kept.item()
    kept.store.note_told("hook", "config")

    assert kept.store.disable("hook", of, "timeout", now=LATER) == anew

    first = {"of": "config", "state": "disabled", "changed_at": NOW.timestamp(), "reason": "http_410", "told": True}
    then = {"of": "another", "state": "disabled", "changed_at": LATER.timestamp(), "reason": "timeout"}
    assert kept.item() == (then if anew else first)


def test_that_somebody_was_told_is_noted_of_a_disabled_one_alone(kept: Kept) -> None:
    kept.failed()

    kept.store.note_told("hook", "config")
    kept.store.note_told("other", "config")

    assert kept.item() == FAILED
    assert [each.transport for each in kept.store.all()] == ["hook"]


def test_an_endpoint_that_answers_again_has_no_failures_and_releases_what_was_held(kept: Kept) -> None:
    kept.failed()
    kept.store.disable("hook", "config", "http_410", now=NOW)

    kept.store.recover("hook", "config", now=LATER)

    assert kept.item() == DRAINING
    assert kept.store.get("hook") == Breaker("hook", "config", BreakerState.DRAINING, changed_at=LATER)


@pytest.mark.parametrize("of", ["config", "another"])
def test_of_a_transport_that_is_gone_what_was_held_is_released(kept: Kept, of: str) -> None:
    kept.failed()
    kept.store.disable("hook", "config", "http_410", now=NOW)
    kept.store.note_told("hook", "config")
    before = kept.item()

    drained = kept.store.drain(Breaker("hook", of, BreakerState.OPEN), now=LATER)

    assert drained == Breaker("hook", of, BreakerState.DRAINING, changed_at=LATER)
    assert kept.item() == (DRAINING | {"reason": "http_410"} if of == "config" else before)


@pytest.mark.parametrize("meanwhile", ["nothing", "a failure", "it opened"])
def test_a_breaker_is_forgotten_unless_something_failed_meanwhile(kept: Kept, meanwhile: str) -> None:
    breaker = kept.failed()
    if meanwhile == "a failure":
        kept.failed()
    elif meanwhile == "it opened":
        kept.store.open("hook", now=NOW)
    before = kept.item()

    kept.store.forget(breaker)
    kept.store.forget(Breaker("other", "config"))

    assert kept.item() == ({} if meanwhile == "nothing" else before)
