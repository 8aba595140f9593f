"""What a transport's worker is made of by its environment: what it knows of rules, of people who left, and of turns."""

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.delivery_world import World
from tocsin.aws.environment import Environment, MissingSetting
from tocsin.deliveries.wiring import transport_worker
from tocsin.ids import new_id
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.rule_words import RuleWords
from tocsin.notifications.transport import NotificationTransport, TransportMode

HOOK = {"name": "hook", "mode": "webhook", "url": "https://example.com/x"}
RULE: dict[str, Any] = {
    "name": "failed-logins",
    "title": "Somebody guesses",
    "body": "Look at {{ event.id }}",
    "runbook": "https://runbooks.example.com/logins",
    "transports": ["hook"],
    "destination_group": "oncall",
    "destination_event_user": True,
    "can_be_muted": False,
    "bindings": [{"policy": "failed"}],
    "escalate": [
        {"after": "minutes=15", "destination_group": "chiefs"},
        {"after": "hours=1", "destination_group": "oncall"},
    ],
}


@pytest.fixture(autouse=True)
def configured(world: World) -> None:
    world.stack.monkeypatch.setenv("QUEUE_URL", world.stack.queues["Webhook"])
    document = {
        "users": [{"username": "alice"}],
        "groups": [{"name": name, "members": ["alice"]} for name in ("oncall", "chiefs")],
        "transports": [HOOK],
        "policies": [{"name": "failed", "kind": "event_matcher", "action": "login_failed"}],
        "rules": [RULE],
    }
    answer = Api.of(world.stack)("PUT", "/blueprint", document)
    assert answer.status == 200, answer.text


class Worker:
    """A worker as functions have one, whose endpoint takes everything; `told` is what it was given."""

    def __init__(self, world: World, **options: Any) -> None:
        self.told: list[RenderingContext] = []
        self._world = world
        self._worker = transport_worker(Environment.of_process(), lambda _: self._deliver, **options)

    def _deliver(self, context: RenderingContext) -> Outcome:
        self.told.append(context)
        return Outcome(State.DELIVERED, "http_200")

    def run(self, *messages: Any) -> None:
        self._world.send(*messages)
        assert self._worker.run(self._world.waiting()) == {"batchItemFailures": []}


def test_it_is_told_all_that_the_rule_says_of_itself_and_whom_it_tells(world: World) -> None:
    worker = Worker(world)

    worker.run(world.message())

    (context,) = worker.told
    assert context.own == RuleWords(
        title="Somebody guesses",
        body="Look at {{ event.id }}",
        runbook="https://runbooks.example.com/logins",
        group="oncall",
        event_user=True,
        can_be_muted=False,
        groups_of_steps=("chiefs", "oncall"),
    )
    assert (context.title, context.notification.body) == ("Somebody guesses", f"Look at {context.event.id}")
    assert context.console == f"{os.environ['API_URL']}/console"


def test_of_a_rule_that_is_gone_nothing_is_said(world: World) -> None:
    worker = Worker(world)

    worker.run(world.message(rule="another"))

    assert [context.own for context in worker.told] == [None]


def test_what_comes_late_is_not_for_who_left(world: World) -> None:
    worker, message = Worker(world), world.message()
    left = replace(message, user=replace(message.user, username="nobody"))
    in_time = world.message(
        user=left.user, event_id=world.event(id=new_id()).id
    )  # for the real clock: nobody is looked up

    worker.run(replace(left, again=True), replace(message, again=True), in_time)

    assert world.delivery(left)["attempts"][0]["reason"] == "person_deleted"
    told = {context.event.id: context.user for context in worker.told}
    assert told == {message.event_id: message.user, in_time.event_id: left.user}


@pytest.mark.parametrize(("together", "delivered"), [("a-service", 1), ("", 2)])
def test_transports_of_one_service_take_turns_where_it_says_so(world: World, together: str, delivered: int) -> None:
    hook = NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, url="https://example.com/x")
    world.configure(hook, replace(hook, name="other"))
    worker = Worker(world, pace=timedelta(minutes=1), paced_together=together)

    worker.run(world.message("hook"), world.message("other"))

    assert len(worker.told) == delivered


@pytest.mark.parametrize("name", ["EVENTS_TABLE", "CONFIG_TABLE", "DELIVERIES_TABLE", "API_URL", "QUEUE_URL"])
def test_a_function_without_one_of_its_settings_does_not_begin(world: World, name: str) -> None:
    world.stack.monkeypatch.delenv(name)

    with pytest.raises(MissingSetting, match=name):
        Worker(world)
