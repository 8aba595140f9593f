"""Events that come long after they happened, as a backfill does: they tell nobody, and say so."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import configure, event, match, rule, store, story_of, told, work
from tocsin.events.model import Event
from tocsin.ids import new_id


def happened(ago: timedelta) -> Event:
    return event(id=new_id(datetime.now(UTC) - ago))


@pytest.mark.parametrize(("max_age", "ago"), [(None, {"hours": 25}), ("minutes=5", {"minutes": 6})])
def test_what_comes_too_late_tells_nobody_and_its_story_says_why(
    stack: Stack, max_age: str | None, ago: dict[str, int]
) -> None:
    configure(stack, rules=[rule() if max_age is None else rule(max_age=max_age)])
    old = happened(timedelta(**ago))

    match(stack, old, event())

    assert told(stack.messages("Inbox")) == ["alice"]  # of the one that is new
    held = story_of(stack, old)["held_by"]["age"]
    assert held["max_age"] == (max_age or "hours=24")
    assert held["seconds"] == pytest.approx(timedelta(**ago).total_seconds(), abs=120)


@pytest.mark.parametrize(("max_age", "ago"), [(None, {"hours": 23}), ("days=30", {"days": 29})])
def test_what_is_late_within_the_rules_age_is_told(stack: Stack, max_age: str | None, ago: dict[str, int]) -> None:
    configure(stack, rules=[rule() if max_age is None else rule(max_age=max_age)])

    match(stack, happened(timedelta(**ago)))

    assert told(stack.messages("Inbox")) == ["alice"]


def test_an_old_event_takes_no_place_in_a_throttle(stack: Stack) -> None:
    configure(stack, rules=[rule(throttle={"window": "days=1", "max": 1})])

    match(stack, happened(timedelta(days=2)))
    match(stack, event())

    assert told(stack.messages("Inbox")) == ["alice"]


def test_an_event_that_waited_in_the_match_queue_is_as_old_as_it_is(stack: Stack) -> None:
    configure(stack)
    old = happened(timedelta(days=3))
    store(stack, old)

    stack.call("matcher", {"Records": [work({"event_id": old.id})]})

    assert stack.messages("Inbox") == []
    assert "age" in story_of(stack, old)["held_by"]
