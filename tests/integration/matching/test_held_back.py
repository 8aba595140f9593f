"""What a throttle or a silence holds back: counted, told in each event's story, and cheap in a storm."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clocks import Clock
from tests.integration.conftest import Stack
from tests.integration.handler_calls import WRITES, Killed, failing, raising, throttled
from tests.integration.matching.matching_world import (
    configure,
    event,
    match,
    record,
    rule,
    set_clock,
    store,
    told,
    work,
)
from tocsin.events.model import Event
from tocsin.ids import new_id
from tocsin.matching import held_store
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.story import StoryStore
from tocsin.matching.throttle import Passage, Throttles, Window
from tocsin.rules.model import Throttle
from tocsin.times import iso
from tocsin.types import JsonObject

DAILY = {"window": "days=1", "max": 2}


@pytest.fixture(autouse=True)
def in_one_window(monkeypatch: pytest.MonkeyPatch) -> Clock[datetime]:
    """The matcher's clock, which stands: no window ends while a test runs, not at midnight either."""
    return set_clock(monkeypatch, datetime.now(UTC).replace(hour=12))


def entries(stack: Stack, about: Event, **page: Any) -> list[JsonObject]:
    """What the event's story says of rules and deliveries."""
    asked = {"after": None, "limit": 50, "now": datetime.now(UTC)} | page
    return list(StoryStore(stack.dynamodb, "deliveries").story(about.id, **asked).items)


def warm(stack: Stack) -> Callable[..., Any]:
    """The matcher in one process, which remembers what it learned."""
    function = stack.function("matcher")

    def run(*events: Event) -> Any:
        return function.handler({"Records": [record(each, n) for n, each in enumerate(events, 1)]}, stack.context)

    return run


def held_by(stack: Stack, about: Event) -> Any:
    (entry,) = entries(stack, about)
    assert (entry["kind"], entry["rule"], entry["deliveries"]) == ("rule", "failed-logins", {})
    return entry["held_by"]


def counted(stack: Stack, now: datetime) -> tuple[int, int]:
    """How many events the running window of the rule `failed-logins` told of, and how many it held back."""
    state = Throttles(stack.dynamodb, "deliveries").look("failed-logins", Throttle(**DAILY), event(), now=now).to_json()
    return int(str(state["told"])), int(str(state["held_back"]))


# ── what the story says ──────────────────────────────────────────────────────


def test_a_silence_keeps_people_from_being_told_and_the_story_says_which(stack: Stack) -> None:
    now = datetime.now(UTC)
    silence = {
        "name": "drill",
        "matcher": {"app": "shop"},
        "starts": (now - timedelta(days=2)).isoformat(),
        "ends": (now + timedelta(days=2)).isoformat(),
        "comment": "fire drill",
    }
    configure(stack, silences=[silence])
    about = event()

    match(stack, about, event(app="crm"))

    assert told(stack.messages("Inbox")) == ["alice"]  # of the other app's event
    held = held_by(stack, about)["silence"]
    assert (held["name"], held["comment"]) == ("drill", "fire drill")
    assert held["ends"] == iso(now + timedelta(days=2))


def test_a_throttle_lets_max_through_a_group_and_the_story_says_what_it_held(stack: Stack) -> None:
    configure(stack, rules=[rule(throttle=DAILY | {"group_by": ["user.username"]})])
    of_alice = [event() for _ in range(5)]
    of_bob = event(user={"username": "bob"})

    match(stack, *of_alice, of_bob)

    heard = {message["event_id"] for message in stack.messages("Inbox")}
    held = [each for each in of_alice if each.id not in heard]  # events of one batch are told side by side
    assert of_bob.id in heard
    assert len(held) == 3
    assert [held_by(stack, each)["throttle"]["group"] for each in held] == [{"user.username": "alice"}] * 3


def test_what_was_held_stands_in_the_story_where_its_rule_would(stack: Stack) -> None:
    names = ["a", "b", "c", "d"]
    configure(stack, rules=[rule(name=name, throttle=DAILY if name in {"b", "d"} else None) for name in names])
    match(stack, event(), event())
    about = event()
    match(stack, about)

    pages = []
    after: str | None = None
    while True:
        page = StoryStore(stack.dynamodb, "deliveries").story(about.id, after=after, limit=1, now=datetime.now(UTC))
        pages.append([(entry["rule"], "held_by" in entry) for entry in page.items])
        after = page.last
        if after is None:
            break

    assert [entry for page in pages for entry in page] == [("a", False), ("b", True), ("c", False), ("d", True)]
    assert all(len(page) <= 1 for page in pages)
    assert [entry["rule"] for entry in entries(stack, about)] == names


def test_many_reasons_are_written_as_several_items_and_all_are_found(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_store, "MAX_ITEM", 500)
    monkeypatch.setattr(held_store, "_IDS", 10)
    store_, now = HeldStore(stack.dynamodb, "deliveries"), datetime.now(UTC)
    ids = [new_id() for _ in range(40)]

    store_.write(
        [HeldEvent(each, name, {"severity": name}) for each in ids for name in ("r1", "r2")],
        now=now,
        keep=timedelta(days=1),
    )

    assert len(stack.items("deliveries")) > 4
    found = [store_.of(each, now=now) for each in ids]
    assert {tuple((entry["rule"], entry["severity"]) for entry in each) for each in found} == {
        (("r1", "r1"), ("r2", "r2"))
    }
    assert store_.of(new_id(), now=now) == []
    assert store_.of(ids[0], now=now + timedelta(days=2)) == []


def test_an_event_is_forgotten_and_the_others_of_its_batch_are_not(stack: Stack) -> None:
    store_, now = HeldStore(stack.dynamodb, "deliveries"), datetime.now(UTC)
    ids = [new_id() for _ in range(6)]
    store_.write([HeldEvent(each, name, {}) for each in ids for name in ("r1", "r2")], now=now, keep=timedelta(days=1))

    def forget(each: str) -> None:
        HeldStore(stack.dynamodb, "deliveries").forget(each)

    threads = [threading.Thread(target=forget, args=(each,)) for each in ids[:5]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(store_.of(each, now=now)) for each in ids] == [0, 0, 0, 0, 0, 2]
    assert not any(each in str(stack.items("deliveries")) for each in ids[1:4])  # the first and last name the item


def test_a_rule_that_told_somebody_is_not_shown_as_held(stack: Stack) -> None:
    configure(stack)
    about, now = event(), datetime.now(UTC)
    match(stack, about)
    held = HeldEvent(about.id, "failed-logins", {"held_by": {}})
    HeldStore(stack.dynamodb, "deliveries").write([held], now=now, keep=timedelta(days=1))

    (entry,) = (each for each in entries(stack, about) if each["kind"] == "rule")

    assert entry["deliveries"] == {"inbox": 1}


# ── what it costs ────────────────────────────────────────────────────────────


def test_three_hundred_held_events_of_one_batch_cost_a_few_writes(stack: Stack, in_one_window: Clock[datetime]) -> None:
    configure(stack, rules=[rule(throttle=DAILY)])
    run = warm(stack)
    run(event(), event(), event())
    storm = [event() for _ in range(300)]
    before = len(stack.items("deliveries"))

    with failing(lambda _: None, *WRITES, table="deliveries") as calls:
        run(*storm)

    hours = {f"{each.created:%H}" for each in storm}  # of a batch around the full hour there are two
    assert calls.count("BatchWriteItem") == 1  # one item: how many the window held
    assert calls.count("UpdateItem") == len(calls) - 1 <= len(hours) + 1  # why, by hour; how often the rule fired
    assert len(stack.items("deliveries")) - before <= 1 + len(hours)
    assert counted(stack, in_one_window.now) == (2, 301)
    assert {held_by(stack, each)["throttle"]["max"] for each in (storm[0], storm[137], storm[299])} == {2}


def test_a_process_that_knows_nothing_asks_a_few_times_whether_a_window_is_full(stack: Stack) -> None:
    configure(stack, rules=[rule(throttle=DAILY)])

    with failing(lambda _: None, *WRITES, table="deliveries") as calls:
        match(stack, *[event() for _ in range(300)])

    # Two pass, and each of eight threads may ask once before one of them knows; two are told, the rest is one batch.
    assert calls.count("BatchWriteItem") == 1
    assert len(calls) <= 2 + 8 + 2 + 1 + 3


def test_windows_of_many_groups_are_counted_in_one_call(stack: Stack) -> None:
    configure(stack, rules=[rule(throttle={"window": "days=1", "max": 1, "group_by": ["context.host"]})])
    hosts = [{"host": f"web-{number}"} for number in range(20)]
    run = warm(stack)
    run(*[event(context=host) for host in hosts])
    run(*[event(context=host) for host in hosts])

    with failing(lambda _: None, *WRITES, table="deliveries") as calls:
        run(*[event(context=host) for host in hosts for _ in range(5)])

    assert calls.count("BatchWriteItem") == 1
    assert len(calls) <= 1 + 3


def test_a_full_window_is_known_no_longer_where_its_rule_lets_more_through(stack: Stack) -> None:
    throttles = Throttles(stack.dynamodb, "deliveries")
    now = datetime(2026, 7, 1, tzinfo=UTC)
    for _ in range(3):
        throttles.pass_through("r", Throttle(window="days=1", max=1), event(), now=now)

    more = throttles.pass_through("r", Throttle(window="days=1", max=2), event(), now=now)
    later = throttles.pass_through("r", Throttle(window="days=1", max=1), event(), now=now + timedelta(days=1))

    assert (more.passes, later.passes) == (True, True)


def test_what_a_process_remembers_of_full_windows_is_bounded(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the events that passed in them: where there is no room for those of one, all others are forgotten."""
    monkeypatch.setattr("tocsin.matching.throttle._MOST_IDS", 8)
    throttles = Throttles(stack.dynamodb, "deliveries")
    now = datetime(2026, 7, 1, tzinfo=UTC)
    throttle = Throttle(window="days=1", max=4, group_by=("context.host",))

    remembered = []
    for host in range(6):
        for _ in range(5):
            throttles.pass_through("r", throttle, event(context={"host": host}), now=now)
        remembered.append(len(throttles._full))

    assert remembered == [1, 2, 1, 2, 1, 2]


# ── what is counted, whatever fails ──────────────────────────────────────────


def test_a_throttled_event_that_is_matched_again_gets_the_same_answer(stack: Stack) -> None:
    configure(stack, rules=[rule(throttle=DAILY | {"max": 1})])
    first, second = event(), event()
    match(stack, first)

    for _ in range(2):
        match(stack, first, second)

    assert {message["event_id"] for message in stack.messages("Inbox")} == {first.id}


def test_a_batch_that_is_matched_again_whole_or_in_halves_is_counted_once(
    stack: Stack, in_one_window: Clock[datetime]
) -> None:
    configure(stack, rules=[rule(throttle=DAILY)])
    match(stack, event(), event())
    storm = [event() for _ in range(10)]

    for batch in (storm, storm, storm[:5], storm[5:]):
        match(stack, *batch)

    assert counted(stack, in_one_window.now) == (2, 10)


@pytest.fixture
def full(stack: Stack) -> Iterator[list[Event]]:
    """Ten events of a rule whose window is full."""
    configure(stack, rules=[rule(throttle=DAILY)])
    match(stack, event(), event())
    yield [event() for _ in range(10)]


def test_a_matcher_that_is_killed_before_it_writes_has_counted_nothing(
    stack: Stack, full: list[Event], in_one_window: Clock[datetime]
) -> None:
    with failing(raising(Killed()), "BatchWriteItem"), pytest.raises(Killed):
        match(stack, *full)
    assert counted(stack, in_one_window.now) == (2, 0)

    match(stack, *full)

    assert counted(stack, in_one_window.now) == (2, 10)
    assert held_by(stack, full[7])


def test_what_could_not_be_written_is_handed_on_and_counted_then(
    stack: Stack, full: list[Event], in_one_window: Clock[datetime]
) -> None:
    for each in full:
        store(stack, each)
    with failing(throttled(), "BatchWriteItem"):
        answer = match(stack, *full)
    waiting = stack.messages("Match")

    for number, body in enumerate(waiting + waiting):  # a queue may give a message twice
        assert stack.call("matcher", {"Records": [work(body, f"m{number}")]}) == {"batchItemFailures": []}

    assert answer == {"batchItemFailures": []}
    assert {body["event_id"] for body in waiting} == {each.id for each in full}
    assert waiting[0]["reason"] == "counting what was held failed: ThrottlingException"
    assert counted(stack, in_one_window.now) == (2, 10)
    assert held_by(stack, full[3])


def test_an_event_that_is_handed_on_for_another_rule_is_not_counted_twice(
    stack: Stack, in_one_window: Clock[datetime]
) -> None:
    configure(stack, rules=[rule(throttle=DAILY), rule(name="loud")])
    match(stack, event(), event())
    about, other = event(), event()
    store(stack, about)

    def not_told(params: dict[str, Any]) -> Any:
        return throttled()(params) if about.id in str(params["body"]) else None

    with failing(not_told, "UpdateItem", table="deliveries"):
        match(stack, about, other)
    (waiting,) = stack.messages("Match")
    stack.call("matcher", {"Records": [work(waiting)]})

    assert waiting["event_id"] == about.id
    assert counted(stack, in_one_window.now) == (2, 2)


def held_in(stack: Stack, window: Window, *batches: int) -> None:
    store_ = HeldStore(stack.dynamodb, "deliveries")
    for size in batches:
        held = [HeldEvent(new_id(), "r", {}, window) for _ in range(size)]
        store_.write(held, now=datetime.now(UTC), keep=timedelta(days=1))


def test_the_first_of_the_next_window_says_how_many_were_held_back(stack: Stack) -> None:
    throttles = Throttles(stack.dynamodb, "deliveries")
    throttle = Throttle(window="minutes=10", max=1)
    start = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    first, *others = [throttles.pass_through("r", throttle, event(), now=start) for _ in range(4)]
    held_in(stack, first.window, 3, 1)

    next_one = event()
    passages = [throttles.pass_through("r", throttle, next_one, now=start + timedelta(minutes=10)) for _ in range(2)]

    assert [passage.passes for passage in (first, *others)] == [True, False, False, False]
    assert [(passage.passes, passage.held_before) for passage in passages] == [(True, 4), (True, 4)]


def test_the_first_of_a_window_says_so_again_when_the_window_is_full(stack: Stack) -> None:
    throttles = Throttles(stack.dynamodb, "deliveries")
    throttle = Throttle(window="minutes=10", max=1)
    start = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    before = throttles.pass_through("r", throttle, event(), now=start)
    held_in(stack, before.window, 7)
    later, first = start + timedelta(minutes=10), event()
    throttles.pass_through("r", throttle, first, now=later)
    throttles.pass_through("r", throttle, event(), now=later)

    again = throttles.pass_through("r", throttle, first, now=later)

    assert (again.passes, again.held_before) == (True, 7)


def test_a_throttle_is_right_under_concurrent_matchers(stack: Stack) -> None:
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
