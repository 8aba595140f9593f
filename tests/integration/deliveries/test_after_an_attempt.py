"""What follows from an attempt, by how it went and what happened meanwhile: for its delivery, its transport's breaker,
and whether it is reported."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.integration.delivery_world import World
from tocsin.deliveries.model import DeliveryMessage
from tocsin.events.model import Cause
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.outcome import Outcome, State

DELIVERED = Outcome(State.DELIVERED, "http_200", status=200)
LACKING = replace(DELIVERED, detail="no such key", mapping=True)
FAILED = Outcome(State.FAILED, "http_404", "the endpoint answered 404", status=404)
LATER = Outcome(State.RETRYING, "http_503", "the endpoint answered 503", status=503)


def attempted(
    world: World, message: DeliveryMessage, outcome: Outcome, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Have a worker attempt a message; `meanwhile` happens before the endpoint answers."""

    def deliver(_: RenderingContext) -> Outcome:
        meanwhile()
        return outcome

    world.send(message)
    world.pump(world.worker(deliver=deliver))


@pytest.mark.parametrize(
    ("probe", "is_open", "state", "tries"),
    [(True, True, "held", 0), (True, False, "retrying", 1), (False, True, "retrying", 1)],
    ids=["a probe", "a probe, and the breaker was reset", "no probe, and the breaker opened"],
)
def test_a_probe_that_fails_is_held_again_and_costs_no_try(
    world: World, probe: bool, is_open: bool, state: str, tries: int
) -> None:
    hook = world.hook("https://example.com/x")
    message = world.message(probe=probe)
    if probe:
        world.open_breaker(hook)

    def meanwhile() -> None:
        if not probe:
            world.open_breaker(hook)
        elif not is_open:
            world.breakers.recover("hook", hook.fingerprint, now=world.now)

    attempted(world, message, LATER, meanwhile)

    (item,) = world.all()
    assert (item["state"]["S"], item.get("tries", {"N": "0"})["N"]) == (state, str(tries))
    assert ("next_attempt" in item) == (state == "retrying")


@pytest.mark.parametrize("attempts", [1, 2])
def test_what_succeeds_at_the_second_attempt_ends_what_others_counted_meanwhile(world: World, attempts: int) -> None:
    """What succeeds at once reads no breaker for that."""
    hook = world.hook("https://example.com/x")
    message = world.message()
    if attempts > 1:
        attempted(world, message, LATER)
        world.forget_messages()
        world.later(minutes=1)

    attempted(
        world,
        message,
        DELIVERED,
        lambda: world.breakers.failed("hook", hook.fingerprint, "http_503", now=world.now),
    )

    assert world.delivery(message)["state"] == "delivered"
    assert (world.breakers.get("hook") is None) == (attempts > 1)


@pytest.mark.parametrize(
    ("outcome", "test", "reported"),
    [
        (FAILED, False, "configuration_error"),
        (LACKING, False, "property_mapping_exception"),
        (DELIVERED, False, None),
        (FAILED, True, None),
        (LACKING, True, None),
    ],
)
def test_what_fails_or_lacks_something_is_reported_as_caused_by_its_event_and_nothing_of_a_test(
    world: World, outcome: Outcome, test: bool, reported: str | None
) -> None:
    world.hook("https://example.com/x")
    event = world.event(cause=Cause("others", "mail", 1))

    attempted(world, world.message(event_id=event.id, event=event if test else None, test=test), outcome)

    found = [(each["action"], each["cause"]) for each in world.stack.events() if each["app"] == "tocsin"]
    cause = {"rule": "failed-logins", "transport": "hook", "depth": 2}
    assert found == ([] if reported is None else [(reported, cause)])
