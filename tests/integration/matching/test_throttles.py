"""What silences and throttles keep from people, and what is said of it."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.client import BaseClient

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import configure, event, match, rule, story_of, told
from tocsin.events.model import Event
from tocsin.matching.throttle import Passage, Throttles
from tocsin.rules import Throttle

# ── held back ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_silence_keeps_people_from_being_told_and_the_story_says_which(stack: Stack) -> None:
    now = datetime.now(UTC)
    configure(
        stack,
        silences=[
            {
                "name": "drill",
                "matcher": {"app": "shop"},
                "starts": (now - timedelta(hours=1)).isoformat(),
                "ends": (now + timedelta(hours=1)).isoformat(),
                "comment": "fire drill",
            }
        ],
    )
    about = event()

    match(stack, about, event(app="crm"))

    assert told(stack.messages("Inbox")) == ["alice"]  # of the other app's event
    assert story_of(stack, about)["held_by"]["silence"]["name"] == "drill"


def test_a_throttle_lets_max_through_a_group_and_the_story_says_what_it_held(stack: Stack, atomic_calls: None) -> None:
    throttle = {"window": "days=1", "max": 2, "group_by": ["user.username"]}
    configure(
        stack,
        rules=[rule(throttle=throttle)],
    )
    of_alice = [event() for _ in range(5)]
    of_bob = event(user={"username": "bob"})

    match(stack, *of_alice, of_bob)

    heard = {message["event_id"] for message in stack.messages("Inbox")}
    held = [each for each in of_alice if each.id not in heard]  # events of one batch are told side by side
    assert of_bob.id in heard
    assert len(held) == 3
    assert story_of(stack, held[0])["held_by"]["throttle"]["group"] == {"user.username": "alice"}


def test_a_throttle_counts_dotted_keys_apart_as_patterns_find_them(stack: Stack) -> None:
    throttles = Throttles(stack.dynamodb, "deliveries")
    throttle = Throttle(window="days=1", max=1, group_by=("context.host.name",))
    now = datetime(2026, 7, 1, tzinfo=UTC)
    shapes: list[Any] = [{"host.name": "web-1"}, {"host.name": "web-2"}, {"host": {"name": "web-1"}}]

    passages = [throttles.pass_through("r", throttle, event(context=shape), now=now) for shape in shapes]

    assert [passage.passes for passage in passages] == [True, True, False]
    assert [passage.group["context.host.name"] for passage in passages] == ["web-1", "web-2", "web-1"]


def test_a_throttled_event_that_is_matched_again_gets_the_same_answer(stack: Stack) -> None:
    throttle = {"window": "days=1", "max": 1}
    configure(
        stack,
        rules=[rule(throttle=throttle)],
    )
    first, second = event(), event()
    match(stack, first)

    for _ in range(2):
        match(stack, first, second)

    assert {message["event_id"] for message in stack.messages("Inbox")} == {first.id}


def test_the_first_of_the_next_window_says_how_many_were_held_back(stack: Stack) -> None:
    throttles = Throttles(stack.dynamodb, "deliveries")
    throttle = Throttle(window="minutes=10", max=1)
    start = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    for _ in range(4):
        throttles.pass_through("r", throttle, event(), now=start)
    repeated = event()
    throttles.pass_through("r", throttle, repeated, now=start)
    throttles.pass_through("r", throttle, repeated, now=start)  # counted once

    next_one = event()
    passages = [throttles.pass_through("r", throttle, next_one, now=start + timedelta(minutes=10)) for _ in range(2)]

    assert [(passage.passes, passage.held_before) for passage in passages] == [(True, 4), (True, 4)]


@pytest.fixture
def atomic_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call at a time, as DynamoDB has it for an item; moto checks a condition and writes without a lock."""
    lock, call = threading.RLock(), BaseClient._make_api_call

    def locked(self: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        with lock:
            return call(self, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", locked)


def test_a_throttle_is_right_under_concurrent_matchers(stack: Stack, atomic_calls: None) -> None:
    throttle = Throttle(window="days=1", max=7)
    events = [event() for _ in range(60)]
    passages: list[Passage] = []
    now = datetime.now(UTC)

    def run(chunk: list[Event]) -> None:
        throttles = Throttles(stack.dynamodb, "deliveries")
        for each in chunk:
            passages.append(throttles.pass_through("r", throttle, each, now=now))

    threads = [threading.Thread(target=run, args=(events[start::6],)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(passages) == 60
    assert sum(passage.passes for passage in passages) == 7
    state = Throttles(stack.dynamodb, "deliveries").look("r", throttle, event(), now=now).to_json()
    assert (state["told"], state["held_back"]) == (7, 53)
