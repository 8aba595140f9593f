"""Deliveries that fail for hours: when they are tried again, when they are given up, and who hears of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World
from tocsin.deliveries.backoff import PAUSES
from tocsin.deliveries.breaker import OPENS_AFTER
from tocsin.events.model import Cause


def test_a_delivery_that_never_succeeds_is_tried_for_a_day_and_then_failed(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=500))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    worker = world.worker()
    begun = world.now
    world.pump(worker)

    while (delivery := world.delivery(message))["state"] == "retrying":
        world.now = max(datetime.fromisoformat(delivery["next_attempt"]), world.now) + timedelta(seconds=30)
        world.go_on(worker)

    assert (delivery["state"], len(delivery["attempts"])) == ("failed", len(PAUSES) + 1)
    assert "given up after 10 attempts" in delivery["attempts"][-1]["detail"]
    assert world.now - begun > timedelta(hours=22)  # 27 h 42 min, each pause up to a fifth shorter
    assert world.stack.items("deliveries") and "due_at" not in world.all()[0]


def test_the_schedule_brings_back_what_waits_for_minutes(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=503, times=3))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    worker = world.worker()
    for seconds in (0, 7, 37):
        world.later(seconds=seconds)
        world.pump(worker)
    assert world.delivery(message)["state"] == "retrying"
    assert world.go_on(worker, seconds=30) == 0

    world.go_on(worker, seconds=120)

    assert world.delivery(message)["state"] == "delivered"


def test_a_message_that_the_queue_loses_is_put_back_by_the_schedule(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=503, times=1))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    world.pump(world.worker())
    world.stack.sqs.purge_queue(QueueUrl=world.stack.queues["Webhook"])

    world.go_on(world.worker(), minutes=11)

    assert world.delivery(message)["state"] == "delivered"


@pytest.mark.parametrize(("given", "least", "most"), [("90", 90, 91), ("1.5", 4, 6), ("999999", 21600, 21601)])
def test_retry_after_is_respected_within_bounds(
    world: World, sinks: Sinks, given: str, least: float, most: float
) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=429, headers={"Retry-After": given}))
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    wait = (datetime.fromisoformat(world.delivery(message)["next_attempt"]) - world.now).total_seconds()
    assert least <= wait <= most


def test_many_failures_of_a_transport_are_one_event_that_says_what_caused_it(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    world.hook(f"{sinks.url}/webhook/x")
    world.send(*[world.message() for _ in range(5)])

    world.pump(world.worker())
    world.send(*[world.message() for _ in range(5)])
    world.pump(world.worker())

    (event,) = world.reported()
    assert event["cause"] == {"rule": "failed-logins", "transport": "hook", "depth": 1}
    assert "404" in event["context"]["message"]


def test_an_hour_later_a_failure_is_news_again(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    world.hook(f"{sinks.url}/webhook/x")
    for _ in range(2):
        world.send(world.message())
        world.pump(world.worker())
        world.later(hours=1)

    assert len(world.reported()) == 2


def test_410_disables_the_transport_and_says_so(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=410))
    world.hook(f"{sinks.url}/webhook/x")
    world.send(world.message())
    worker = world.worker()
    world.pump(worker)
    later = world.message()
    world.send(later)

    world.pump(worker)

    assert len(sinks.received()) == 1
    assert world.delivery(later)["attempts"][0]["reason"] == "transport_disabled"
    assert any("is disabled" in event["context"]["message"] for event in world.reported())


def test_410_to_two_functions_at_once_is_said_once(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    one, other = world.worker(), world.worker()
    for worker in (one, other):  # both know by now that the endpoint is well
        world.send(world.message())
        world.pump(worker)
    sinks.misbehave(Misbehaviour("/webhook/x", status=410))

    for worker in (one, other):
        world.send(world.message())
        world.pump(worker)

    assert len(sinks.received()) == 4
    assert len([event for event in world.reported() if "is disabled" in event["context"]["message"]]) == 1


@pytest.mark.parametrize(("depth", "reports"), [(2, 1), (3, 0)])
def test_a_failure_to_tell_of_a_failure_is_reported_so_often_in_a_row(
    world: World, sinks: Sinks, depth: int, reports: int
) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    world.hook(f"{sinks.url}/webhook/x")
    alert = world.event(action="configuration_error", app="tocsin", cause=Cause("others", "mail", depth))
    world.send(world.message(event_id=alert.id))

    world.pump(world.worker())

    assert len(world.reported()) == 1 + reports  # the alert itself is one


def test_a_disabled_transport_that_is_configured_anew_works_again(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=410))
    world.hook(f"{sinks.url}/webhook/x")
    world.send(world.message())
    world.pump(world.worker())
    world.hook(f"{sinks.url}/webhook/y")
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    assert world.delivery(message)["state"] == "delivered"


def dead_endpoint(world: World, sinks: Sinks) -> None:
    """An endpoint that fails until its breaker opens, twenty minutes long."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=500))
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()
    for _ in range(OPENS_AFTER + 1):
        world.send(world.message())
        world.pump(worker)
        world.later(minutes=2)
    breaker = world.breakers.get("hook")
    assert breaker is not None and breaker.state == "open"


def test_a_burst_of_failures_in_a_short_time_opens_no_breaker(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=500))
    world.hook(f"{sinks.url}/webhook/x")
    for _ in range(20):
        world.send(world.message())
        world.pump(world.worker())
        world.later(seconds=2)

    breaker = world.breakers.get("hook")

    assert breaker is not None and breaker.state == "closed"


def test_a_success_in_between_begins_the_count_anew(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=500, times=9))
    world.hook(f"{sinks.url}/webhook/x")
    for _ in range(10):
        world.send(world.message())
        world.pump(world.worker())
        world.stack.sqs.purge_queue(QueueUrl=world.stack.queues["Webhook"])
        world.later(minutes=2)

    assert world.breakers.get("hook") is None


def test_an_open_breaker_holds_deliveries_and_sends_one_probe_a_minute(world: World, sinks: Sinks) -> None:
    dead_endpoint(world, sinks)
    sinks.forget()
    worker = world.worker()
    messages = [world.message() for _ in range(5)]
    world.send(*messages)
    world.pump(worker)
    assert sinks.received() == []

    for _ in range(3):
        world.go_on(worker, minutes=1)

    assert len(sinks.received()) == 3
    assert {world.delivery(message)["state"] for message in messages} == {"held"}


def test_a_breaker_that_opens_is_reported_once(world: World, sinks: Sinks) -> None:
    """The fault: nobody heard that an endpoint took nothing any more until it was disabled, after five days."""
    dead_endpoint(world, sinks)
    worker = world.worker()
    world.send(world.message())
    world.pump(worker)

    for _ in range(3):
        world.go_on(worker, minutes=1)

    (event,) = world.reported()
    assert event["context"]["message"] == (
        "Deliveries by transport hook are held: its endpoint fails again and again (the endpoint answered 500)."
        " They go out when it answers again."
    )
    assert (event["context"]["transport"], event["cause"]["transport"]) == ("hook", "hook")


def test_a_success_lets_the_held_ones_flow_in_order(world: World, sinks: Sinks) -> None:
    dead_endpoint(world, sinks)
    worker = world.worker(parallel=1)  # those of a batch go out side by side, and which arrives first is chance
    messages = []
    for _ in range(30):
        messages.append(world.message())
        world.later(seconds=1)
    world.send(*reversed(messages))
    world.pump(worker)
    sinks.behave()
    sinks.forget()
    world.go_on(worker, minutes=1)

    world.go_on(worker, minutes=1)
    for _ in range(10):
        world.later(seconds=1)
        world.pump(worker)

    came = [received.headers["webhook-id"] for received in sinks.received()]
    waited = [message.delivery_id for message in messages]
    assert [delivery for delivery in came if delivery in waited] == waited
    world.go_on(worker, minutes=5)
    assert world.breakers.get("hook") is None


def test_a_delivery_held_while_the_endpoint_came_back_goes_out_though_the_index_is_late(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_endpoint(world, sinks)
    message = world.message()
    world.send(message)
    world.pump(world.worker())
    hook = world.configuration.current()[1].transports_by_name["hook"]
    sinks.behave()
    world.breakers.recover("hook", hook.fingerprint, now=world.now)
    with monkeypatch.context() as late:
        late.setattr(world.redeliveries, "oldest", lambda *_, **__: [])
        world.go_on(world.worker(), minutes=1)

    world.go_on(world.worker(), minutes=1)

    assert world.delivery(message)["state"] == "delivered"


def test_after_five_days_the_transport_is_disabled_with_an_event_and_what_is_held_fails(
    world: World, sinks: Sinks
) -> None:
    dead_endpoint(world, sinks)
    worker = world.worker()
    message = world.message()
    world.send(message)
    world.pump(worker)

    world.go_on(worker, days=5)
    world.go_on(worker, minutes=1)

    breaker = world.breakers.get("hook")
    assert breaker is not None and breaker.state == "disabled"
    assert world.delivery(message)["attempts"][-1]["reason"] == "transport_disabled"
    assert any("is disabled" in event["context"]["message"] for event in world.reported())


def test_a_breaker_that_is_reset_lets_everything_through_at_once(world: World, sinks: Sinks) -> None:
    dead_endpoint(world, sinks)
    worker = world.worker()
    message = world.message()
    world.send(message)
    world.pump(worker)
    sinks.behave()

    world.breakers.recover(
        "hook", world.configuration.current()[1].transports_by_name["hook"].fingerprint, now=world.now
    )
    world.go_on(worker)  # a process that saw the breaker open in the same second

    assert world.delivery(message)["state"] == "delivered"


def test_one_dead_endpoint_holds_nothing_of_another(world: World, sinks: Sinks) -> None:
    dead_endpoint(world, sinks)
    hook = world.configuration.current()[1].transports_by_name["hook"]
    healthy = replace(hook, name="healthy", url=f"{sinks.url}/webhook/y")
    world.configure(hook, healthy)
    message = world.message("healthy")
    world.send(message)

    world.pump(world.worker())

    assert world.delivery(message)["state"] == "delivered"
