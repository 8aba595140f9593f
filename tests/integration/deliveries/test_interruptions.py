"""What changes while a delivery is under way, and what comes late."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.corrections.late_reads import LateReads
from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World
from tests.integration.handler_calls import failing, heard, throttled
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.backoff import PAUSES
from tocsin.deliveries.model import Attempt, Following
from tocsin.deliveries.worker import COMES_BACK_AFTER
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.transport import INBOX, NotificationTransport, TransportMode


def test_a_transport_that_was_disabled_meanwhile_discards_its_deliveries(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x", enabled=False)
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    delivery = world.delivery(message)
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("discarded", "no_transport")
    assert delivery["attempts"][0]["detail"] == "transport hook is turned off"
    assert sinks.received() == []


def test_a_transport_that_was_deleted_meanwhile_is_said_to_be_gone(world: World) -> None:
    """The fault: deleted, turned off and changed were one sentence, so nobody could tell which it was."""
    world.configure()
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    assert world.delivery(message)["attempts"][0]["detail"] == "there is no transport hook any more"


@pytest.mark.parametrize("before", ["absent", "disabled"])
def test_what_goes_by_a_transport_of_this_moment_is_delivered(world: World, sinks: Sinks, before: str) -> None:
    """The fault: a function that had read the configuration seconds before discarded what the matcher had for it."""
    hook = NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, url=f"{sinks.url}/webhook/x")
    world.configure(*([] if before == "absent" else [replace(hook, enabled=False)]))
    known = world.configuration
    known.current()
    world.configuration = ConfigurationStore(world.stack.dynamodb, "config")  # of another process
    world.configure(hook)
    world.configuration = known
    message = world.message()
    world.send(message)

    world.pump(world.worker())

    assert world.delivery(message)["state"] == "delivered"


@pytest.mark.parametrize("mode", ["local", "webhook_slack"])
def test_a_transport_whose_mode_was_changed_meanwhile_discards_its_deliveries(
    world: World, sinks: Sinks, mode: str
) -> None:
    """The fault: the function of the old mode read the breaker, which it may not, until the message was set aside."""
    world.hook(f"{sinks.url}/webhook/x", name="was-another")
    message = world.message("was-another", mode)
    world.send(message)
    worker = world.worker(mode)

    with failing(throttled(), "GetItem", table="deliveries", client=world.stack.dynamodb) as breakers_read:
        world.pump(worker, mode)

    delivery = world.delivery(message)
    assert breakers_read == []
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("discarded", "no_transport")
    changed = f"transport was-another is no {mode} any more: its mode is webhook now"
    assert delivery["attempts"][0]["detail"] == changed


@pytest.mark.parametrize("mode", [TransportMode.WEBHOOK, TransportMode.EMAIL])
def test_a_rule_without_transports_reaches_inboxes_though_another_transport_is_called_so(
    world: World, mode: TransportMode
) -> None:
    """The fault: the function of inboxes took the transport `inbox` for that of the rule, and discarded all."""
    world.configure(NotificationTransport(name=INBOX.name, mode=mode))
    message = world.message(INBOX.name, INBOX.mode)
    world.send(message)

    world.pump(world.worker("local"), "local")

    assert world.delivery(message)["state"] == "delivered"


def test_whose_function_died_is_found_though_its_breaker_has_opened_since(world: World, sinks: Sinks) -> None:
    """The fault: the message came back, was to be held, and was dropped: its delivery was taken, and in no index."""
    hook = world.hook(f"{sinks.url}/webhook/x")
    message, worker = world.message(), world.worker()
    world.send(message)
    world.attempt_unnoted(world.waiting())
    world.open_breaker(hook)

    world.later(minutes=4)  # the message is given out again
    handed_out = world.pump(worker)
    for _ in range(4):
        world.go_on(worker, minutes=2)

    assert handed_out == 1
    assert world.delivery(message)["attempts"][0]["reason"] == "interrupted"
    assert world.states() == {"delivered": 1}


def test_what_is_held_while_its_transport_is_configured_anew_is_released_though_an_index_shows_it_late(
    world: World, sinks: Sinks, late_reads: LateReads
) -> None:
    """The fault: the schedule found nothing held and deleted the breaker, and nobody looked for what it held again."""
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.open_breaker(hook)
    late_reads.catch_up()
    worker = world.worker()
    world.configuration.current()  # as the worker remembers it for some seconds
    world.configuration = ConfigurationStore(world.stack.dynamodb, "config")
    world.hook(f"{sinks.url}/webhook/y")
    message = world.message()
    late_reads.catch_up()
    world.send(message)
    world.pump(worker)
    held = world.delivery(message)["state"]

    world.redrive()
    late_reads.catch_up()
    for _ in range(3):
        world.go_on(world.worker(), minutes=1)
        late_reads.catch_up()
    world.pump(world.worker())

    assert (held, world.delivery(message)["state"]) == ("held", "delivered")
    for _ in range(3):
        world.go_on(world.worker(), minutes=6)
        late_reads.catch_up()
    assert world.breakers.all() == []


def test_a_probe_of_a_breaker_that_is_gone_is_tried_again_as_others_are(world: World, sinks: Sinks) -> None:
    """The fault: it was held by no breaker, where it failed by our own trouble, and nobody released it."""
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.open_breaker(hook)
    world.send(world.message())
    world.pump(world.worker())
    world.later(minutes=1)
    world.redrive()  # the probe is in the queue
    world.hook(f"{sinks.url}/webhook/y")
    for _ in range(3):
        world.later(minutes=6)
        world.redrive()
    gone = world.breakers.all()

    with failing(throttled(), "GetItem", table="events", client=world.stack.dynamodb):
        world.pump(world.worker())
    for _ in range(3):
        world.go_on(world.worker(), hours=1)

    assert gone == []
    assert world.states() == {"delivered": 1}


def test_a_probe_that_fails_while_its_breaker_can_not_be_read_is_held(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=503, times=1))
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.open_breaker(hook)
    message = world.message()
    world.send(message)
    world.pump(world.worker())
    world.later(minutes=1)
    world.redrive()  # the probe is in the queue

    with failing(throttled(), "GetItem", table="deliveries", client=world.stack.dynamodb):
        world.pump(world.worker())
    delivery = world.delivery(message)
    world.go_on(world.worker(), minutes=1)  # the next one

    assert (delivery["state"], [attempt["reason"] for attempt in delivery["attempts"]]) == ("held", ["http_503"])
    assert world.delivery(message)["state"] == "delivered"


def test_a_failure_that_is_noted_late_leaves_what_another_attempt_delivered(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    world.pump(world.worker())

    late = Attempt(world.now + timedelta(seconds=40), 30_000, Outcome(State.FAILED, "http_404", "404"))
    world.deliveries.note(message, late, Following(State.FAILED))

    delivery = world.delivery(message)
    assert delivery["state"] == "delivered"
    assert [attempt["state"] for attempt in delivery["attempts"]] == ["delivered"]


def test_our_own_trouble_opens_no_breaker_however_often_it_comes(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=200))
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()
    for _ in range(12):
        world.send(world.message())

    with failing(throttled(), "GetItem", table="events", client=world.stack.dynamodb):
        while world.pump(worker):
            world.later(minutes=2)

    assert set(world.states()) == {"retrying"}
    assert world.breakers.get("hook") is None


def test_a_message_that_no_table_could_be_told_of_comes_back_later_each_time(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    worker = world.worker()
    world.configuration.current()
    world.send(world.message())
    asked: list[int] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(params["VisibilityTimeout"])

    with (
        heard(world.stack.sqs, "provide-client-params.sqs.ChangeMessageVisibility", note),
        failing(throttled(), "UpdateItem", table="deliveries", client=world.stack.dynamodb),
    ):
        for pause in COMES_BACK_AFTER:
            worker.run(world.waiting())
            world.later(seconds=pause + 1)

    assert asked == list(COMES_BACK_AFTER)


def test_a_fault_within_an_attempt_is_an_outcome_with_pauses_and_an_end(world: World, sinks: Sinks) -> None:
    """The fault: an odd Retry-After raised where nothing caught it, and the message was sent each minute."""
    world.hook(f"{sinks.url}/webhook/x")
    asked: list[str] = []

    def broken(context: RenderingContext) -> Outcome:
        asked.append(context.rule)
        raise ZeroDivisionError("of a secret")

    worker = world.worker(deliver=broken)
    message = world.message()
    world.send(message)
    world.pump(worker)
    for _ in range(40):
        world.go_on(worker, hours=1)

    delivery = world.delivery(message)
    assert delivery["state"] == "failed"
    assert len(asked) == len(PAUSES) + 1
    assert {attempt["reason"] for attempt in delivery["attempts"]} == {"fault"}
    assert delivery["attempts"][0]["detail"] == "a fault of Tocsin's: ZeroDivisionError"
    assert world.breakers.get("hook") is None
