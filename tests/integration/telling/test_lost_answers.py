"""Every answer to a write gets lost once: botocore makes each call again, and all are told what they are told else."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.handler_calls import WRITES, answer_lost
from tests.integration.telling.escalation_world import EscalatingWorld
from tests.integration.telling.test_endings import RESOLVE
from tocsin.events.model import Event

type Heard = dict[tuple[str, int, bool, int], int]
"""How many messages were posted: by person, number of events, whether they tell an end, and step of escalation."""


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    return EscalatingWorld(stack, monkeypatch, sinks)


def happened(telling: EscalatingWorld, number: int) -> list[Event]:
    return [telling.event(context={"host": f"web-{position % 2}"}) for position in range(number)]


def throttled(telling: EscalatingWorld) -> Heard:
    telling.rules(escalate=[], throttle={"max": 2, "window": "hours=24"})
    telling.begin(*happened(telling, 3))
    telling.begin(*happened(telling, 1))
    return {("ana", 1, False, 0): 2, ("bob", 1, False, 0): 2}


def grouped(telling: EscalatingWorld) -> Heard:
    telling.rules(escalate=[], group={"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=5"}, once=True)
    telling.begin(*happened(telling, 3))
    for _ in range(8):
        telling.minute()
    return {("ana", 2, False, 0): 1, ("ana", 1, False, 0): 1}


def waited(telling: EscalatingWorld) -> Heard:
    telling.rules(escalate=[])
    telling.say("ana", **telling.quiet(hours=1))
    telling.say("bob", digest={"every": "hour"})
    telling.begin(*happened(telling, 3))
    telling.minute(hours=1, minutes=1)
    telling.minute()
    return {("ana", 3, False, 0): 1, ("bob", 3, False, 0): 1}


def escalated(telling: EscalatingWorld) -> Heard:
    telling.rules(resolve=RESOLVE)
    telling.begin(*happened(telling, 1))
    telling.minute(minutes=15)
    end = telling.event(app="monitor", action="custom_service_up", context={"host": "web-0"})
    telling.begin(end)
    telling.minute(minutes=15)
    at_once = {(name, 1, False, 0): 1 for name in ("ana", "bob")}
    step = {(name, 1, False, 1): 1 for name in ("bob", "eve")}
    return at_once | step | {(name, 1, True, 0): 1 for name in ("ana", "bob", "eve")}


@pytest.mark.parametrize("flow", [throttled, grouped, waited, escalated])
def test_all_are_told_once_though_every_answer_gets_lost(
    telling: EscalatingWorld, flow: Callable[[EscalatingWorld], Heard]
) -> None:
    with answer_lost(*WRITES, "SendMessage", "SendMessageBatch", at=lambda _: True):
        expected = flow(telling)
    for _ in range(3):  # what was taken without an answer is found by the schedule, after its lease
        telling.minute(minutes=2)

    posted = [json.loads(each.body) for each in telling.sinks.received("/webhook/x")]
    assert Counter(map(told, posted)) == expected
    assert {item["state"]["S"] for item in telling.all()} <= {"delivered", "joined"}
    assert telling.stack.messages("MatchDeadLetters") == []


def told(body: dict[str, Any]) -> tuple[str, int, bool, int]:
    digest = body.get("digest", {})
    return body["user_username"], digest.get("count", 1), body.get("over", False), body.get("step", 0)
