"""What fails on every event, a policy or a rule's end: in the log it is said once a minute, with how often, and not for
each event."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clocks import Clock
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import configure, event, record, rule
from tocsin.config.settings import Settings
from tocsin.events.model import Event
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.matching.failures import EndFailures, PolicyFailures
from tocsin.matching.story import StoryStore
from tocsin.rules.ruleset import PolicyFailure

BROKEN = {"name": "attempts", "kind": "expression", "expression": "event.context.attempts > 3"}
RULE = rule(name="guessed", bindings=[{"policy": "attempts", "failure_result": True}])


@pytest.fixture
def clock() -> Clock[datetime]:
    return Clock(datetime(2026, 6, 10, 12, tzinfo=UTC))


@pytest.fixture
def fail(stack: Stack, clock: Clock[datetime]) -> Callable[..., None]:
    """Report that a policy failed on an event, in one process."""
    failures = PolicyFailures(SystemEvents(EventStore(stack.dynamodb, "events")), clock)

    def report(policy: str = "attempts") -> None:
        failures.report(PolicyFailure(policy, "guessed", "there is no key"), event(), Settings())

    return report


def lines(
    caplog: pytest.LogCaptureFixture, level: int = logging.ERROR, code: str = "POLICY_FAILED"
) -> list[dict[str, Any]]:
    """The lines of that level about what failed."""
    said = (vars(each) for each in caplog.records if each.levelno == level)
    return [each for each in said if each.get("code") == code]


def test_a_policy_that_fails_on_all_events_is_one_line_a_minute_with_their_number(
    fail: Callable[..., None], clock: Clock[datetime], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        fail()
        clock.now += timedelta(seconds=14)  # the fifth comes 56 s after the first
    at_first = [line["failures"] for line in lines(caplog)]
    fail()

    assert at_first == [1]
    assert [line["failures"] for line in lines(caplog)] == [1, 5]


def test_one_policy_keeps_no_other_from_the_log(fail: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    for policy in ("attempts", "night", "attempts", "night"):
        fail(policy)

    assert [(line["policy"], line["failures"]) for line in lines(caplog)] == [("attempts", 1), ("night", 1)]


def test_the_event_that_reports_it_names_the_policy_its_rule_the_error_and_the_event(
    stack: Stack, clock: Clock[datetime]
) -> None:
    about = event()

    PolicyFailures(SystemEvents(EventStore(stack.dynamodb, "events")), clock).report(
        PolicyFailure("attempts", "guessed", "there is no key"), about, Settings()
    )

    (reported,) = stack.events()
    said = {"policy": "attempts", "rule": "guessed", "error": "there is no key", "event_id": about.id}
    assert (reported["action"], reported["context"]) == ("policy_exception", said)


def test_failures_of_several_threads_are_one_line(
    fail: Callable[..., None], clock: Clock[datetime], caplog: pytest.LogCaptureFixture
) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: fail(), range(40)))
    clock.now += timedelta(minutes=1)
    fail()

    assert [line["failures"] for line in lines(caplog)] == [1, 40]


def test_at_the_level_debug_each_failure_is_a_line(fail: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tocsin")

    for _ in range(3):
        fail()

    assert [line["message"] for line in lines(caplog, logging.DEBUG)] == ["there is no key"] * 2
    assert len({line["event_id"] for line in lines(caplog) + lines(caplog, logging.DEBUG)}) == 3


def warm(stack: Stack) -> Callable[..., Any]:
    """The matcher in one process."""
    function = stack.function("matcher")

    def run(*events: Event) -> Any:
        return function.handler({"Records": [record(each, n) for n, each in enumerate(events, 1)]}, stack.context)

    return run


def test_a_storm_of_failures_is_a_line_and_every_events_story_still_tells(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    configure(stack, policies=[BROKEN], rules=[RULE])
    storm = [event() for _ in range(30)]

    warm(stack)(*storm)

    (line,) = lines(caplog)
    assert (line["policy"], line["rule"]) == ("attempts", "guessed")
    stories = StoryStore(stack.dynamodb, "deliveries")
    for each in storm:
        told = stories.story(each.id, after=None, limit=50, now=datetime.now(UTC)).items
        (matched,) = [entry for entry in told if entry["kind"] == "rule"]
        assert matched["bindings"][0]["reason"] == "policy attempts failed, which counts as its failure_result"


def test_what_fails_still_with_a_new_configuration_is_said_at_once(
    stack: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.config.store.REFRESH", timedelta())
    configure(stack, policies=[BROKEN], rules=[RULE])
    match = warm(stack)
    match(event(), event())

    configure(stack, policies=[BROKEN | {"expression": "event.context.attempts > 5"}], rules=[RULE])
    match(event(), event())

    assert [line["failures"] for line in lines(caplog)] == [1, 2]


def ending(name: str, query: str) -> dict[str, Any]:
    return rule(name=name, resolve={"query": query})


def test_an_end_that_can_not_be_loaded_is_said_when_rules_are(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    """The fault: nothing said why an incident did not end."""
    configure(stack, rules=[ending("guessed", "event.("), rule(name="other")])

    warm(stack)(event(), event())

    (line,) = lines(caplog, code="RULE_END_FAILED")
    assert line["rule"] == "guessed"
    assert line["message"].startswith("its end could not be loaded: ")
    assert len(stack.messages("Inbox")) == 4


def test_an_end_that_fails_on_events_is_a_line_a_minute_with_the_event_and_their_number(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    configure(stack, rules=[ending("guessed", "event.context.attempts == 0")])
    match, over = warm(stack), [event(action="login") for _ in range(10)]

    match(*over)

    (line,) = lines(caplog, code="RULE_END_FAILED")
    assert (line["rule"], line["failures"]) == ("guessed", 1)
    assert line["event_id"] in {each.id for each in over}
    assert "attempts" in line["message"]


def test_an_end_that_fails_on_the_events_that_its_rule_fires_on_is_not_said(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    """They are no ends, whatever the query says of them."""
    configure(stack, rules=[ending("guessed", "event.context.attempts == 0")])

    warm(stack)(event())

    assert lines(caplog, code="RULE_END_FAILED") == []


def test_an_end_that_fails_still_with_a_new_configuration_is_said_at_once(
    stack: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.config.store.REFRESH", timedelta())
    configure(stack, rules=[ending("guessed", "event.context.attempts == 0")])
    match = warm(stack)
    match(event(action="login"), event(action="login"))

    configure(stack, rules=[ending("guessed", "event.context.attempts == 1")])
    match(event(action="login"), event(action="login"))

    assert [line["failures"] for line in lines(caplog, code="RULE_END_FAILED")] == [1, 2]


def test_failures_of_an_end_within_a_minute_are_counted(
    clock: Clock[datetime], caplog: pytest.LogCaptureFixture
) -> None:
    failures = EndFailures(clock)

    for after in (0, 30, 29, 1):
        clock.now += timedelta(seconds=after)
        failures.report("guessed", "there is no key", event())

    assert [line["failures"] for line in lines(caplog, code="RULE_END_FAILED")] == [1, 3]


def test_an_end_of_one_rule_keeps_no_other_from_the_log(
    clock: Clock[datetime], caplog: pytest.LogCaptureFixture
) -> None:
    failures = EndFailures(clock)

    for name in ("guessed", "other", "guessed", "other"):
        failures.report(name, "there is no key", event())

    said = [(line["rule"], line["failures"]) for line in lines(caplog, code="RULE_END_FAILED")]
    assert said == [("guessed", 1), ("other", 1)]
