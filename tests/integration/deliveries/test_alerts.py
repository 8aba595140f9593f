"""What is reported of deliveries that fail, lack something or are held: each kind once an hour, and by what cause."""

from dataclasses import replace
from typing import Any

import pytest

from tests.integration.deliveries.said_lines import said_since
from tests.integration.delivery_world import World
from tests.integration.handler_calls import WRITES, failing, throttled
from tocsin.deliveries.alerts import MAX_DEPTH, Alerts
from tocsin.events.model import Cause
from tocsin.events.system import SystemEvents
from tocsin.notifications.outcome import Outcome, State
from tocsin.times import iso

FAILED = Outcome(State.FAILED, "http_500", "the endpoint answered 500")
LACKS = Outcome(State.DELIVERED, "mapping_failed", "its mapping failed", mapping="words")


@pytest.fixture
def alerts(world: World) -> Alerts:
    world.hook("https://example.com/x")
    return Alerts(SystemEvents(world.events), world.configuration)


def reported(world: World) -> list[dict[str, Any]]:
    return sorted(world.reported(), key=lambda event: str(event["id"]))


def test_a_transport_that_is_held_is_reported_once_an_hour_and_as_its_own_cause(world: World, alerts: Alerts) -> None:
    first = world.now
    for transport in ("hook", "hook", "other"):
        alerts.held(transport, FAILED, now=world.now)
        world.later(minutes=1)
    world.later(hours=1)
    alerts.held("hook", FAILED, now=world.now)

    events = reported(world)
    assert [event["cause"] for event in events] == [
        {"rule": None, "transport": transport, "depth": 1} for transport in ("hook", "other", "hook")
    ]
    assert (events[0]["action"], events[0]["created"]) == ("configuration_error", iso(first))
    assert events[0]["context"] == {
        "message": "Deliveries by transport hook are held: its endpoint fails again and again"
        " (the endpoint answered 500). They go out when it answers again.",
        "reason": "http_500",
        "transport": "hook",
    }


def test_what_fails_what_lacks_something_and_what_is_held_are_reported_each_by_itself(
    world: World, alerts: Alerts
) -> None:
    message = world.message()
    lacks = replace(LACKS, mapping=None)
    for outcome in (lacks, FAILED, lacks, FAILED):
        alerts.failed(message, None, outcome, now=world.now)
    alerts.held("hook", FAILED, now=world.now)

    assert sorted(str(event["context"]["message"]).partition(":")[0] for event in reported(world)) == [
        "Deliveries by transport hook are held",
        "Deliveries by transport hook fail",
        "Deliveries by transport hook lack something",
    ]


@pytest.mark.parametrize(
    ("outcome", "action", "text"),
    [
        (FAILED, "configuration_error", "fail: the endpoint answered 500"),
        (replace(FAILED, detail=""), "configuration_error", "fail: http_500"),
        (Outcome.of_mapping(ValueError("no such field")), "property_mapping_exception", "fail: no such field"),
        (replace(LACKS, mapping=True), "property_mapping_exception", "lack something: its mapping failed"),
    ],
)
def test_a_failure_says_why_and_is_of_the_mapping_where_that_is_at_fault(
    world: World, alerts: Alerts, outcome: Outcome, action: str, text: str
) -> None:
    message = world.message()

    alerts.failed(message, None, outcome, now=world.now)

    (event,) = world.reported(action)
    assert event["created"] == iso(world.now)
    assert event["context"] == {
        "message": f"Deliveries by transport hook {text}",
        "reason": outcome.reason,
        "rule": "failed-logins",
        "transport": "hook",
        "delivery_id": message.delivery_id,
    }


def test_a_transport_that_is_disabled_is_reported_as_its_own_cause(world: World, alerts: Alerts) -> None:
    assert alerts.disabled("hook", "it is gone", now=world.now)

    (event,) = world.reported()
    assert event["cause"] == {"rule": None, "transport": "hook", "depth": 1}
    assert event["context"] == {
        "message": "Transport hook is disabled: it is gone. Mend it, then reset its breaker.",
        "transport": "hook",
    }


@pytest.mark.parametrize(("depth", "told"), [(MAX_DEPTH - 1, 1), (MAX_DEPTH, 0)])
def test_a_failure_to_tell_of_failures_is_reported_so_often_in_a_row(
    world: World, alerts: Alerts, depth: int, told: int
) -> None:
    event = replace(world.event(), cause=Cause("other", None, depth))

    alerts.failed(world.message(), event, FAILED, now=world.now)

    assert len(world.reported()) == told


def test_what_can_not_be_reported_is_said_by_the_log(
    world: World, alerts: Alerts, caplog: pytest.LogCaptureFixture
) -> None:
    message = world.message()

    with failing(throttled(), *WRITES, table="events", client=world.stack.dynamodb):
        alerts.failed(message, None, FAILED, now=world.now)
        alerts.failed(message, None, replace(LACKS, mapping=True), now=world.now)
        alerts.held("hook", FAILED, now=world.now)
        stored = [
            alerts.disabled("hook", "it is gone", now=world.now),
            alerts.mail_stopped("ana@example.com", "it bounced", now=world.now),
        ]

    lines = said_since(caplog)
    assert stored == [False, False]
    assert {(line["level"], line["code"]) for line in lines} == {("ERROR", "REPORT_LOST")}
    assert [line["about"] for line in lines] == [
        ("deliveries-fail", "configuration_error", "hook"),
        ("deliveries-lack", "property_mapping_exception", "hook"),
        ("deliveries-held", "hook"),
        ("transport-disabled", "hook"),
        ("mail-stopped", "ana@example.com"),
    ]


@pytest.mark.parametrize(("depth", "is_known", "told"), [(0, True, 1), (2, True, 3), (2, False, 1)])
def test_a_failure_is_caused_by_its_rule_and_transport_one_deeper_than_the_event(
    world: World, alerts: Alerts, depth: int, is_known: bool, told: int
) -> None:
    event, message = world.event(), world.message()
    event = replace(event, cause=Cause("other", None, depth) if depth else None)

    alerts.failed(message, event if is_known else None, FAILED, now=world.now)

    (reported_,) = reported(world)
    assert reported_["cause"] == {"rule": "failed-logins", "transport": "hook", "depth": told}
    assert reported_["context"]["delivery_id"] == message.delivery_id
    assert (reported_["context"]["rule"], reported_["context"]["reason"]) == ("failed-logins", "http_500")


def test_a_breaker_that_is_disabled_says_why(world: World) -> None:
    hook = world.hook("https://example.com/x")

    news = [world.breakers.disable("hook", hook.fingerprint, "http_410", now=world.now) for _ in range(2)]

    found = world.breakers.get("hook")
    assert (news, found.reason if found else None) == ([True, False], "http_410")


def test_a_delivery_that_is_let_go_is_listed_as_queued(world: World) -> None:
    hook = world.hook("https://example.com/x")
    world.open_breaker(hook)
    message = world.message()
    world.send(message)
    world.pump(world.worker())
    (held,) = listed(world, State.HELD)
    assert world.delivery(message)["created"] == iso(world.now)

    world.service().reset("hook")
    world.later(minutes=1)
    world.redrive()

    assert held == message.delivery_id
    assert (listed(world, State.HELD), listed(world, State.QUEUED)) == ([], [message.delivery_id])


def listed(world: World, state: State) -> list[Any]:
    found = world.service().list(transport="hook", states=[state], since=None, until=None, before=None, limit=9)
    return [each["id"] for each in found.items]
