"""A silence that is made after something was told holds the steps of its escalation, and lets them go afterwards."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.escalation_world import STEPS, EscalatingWorld
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.matters import Matter
from tocsin.events.model import Event
from tocsin.ids import new_id


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    return EscalatingWorld(stack, monkeypatch, sinks)


def silence(telling: EscalatingWorld, app: str = "shop", **lasts: float) -> dict[str, Any]:
    """A silence from now on, of all that `app` says."""
    starts, ends = telling.now, telling.now + timedelta(**lasts)
    return {"name": "works", "matcher": {"app": app}, "starts": starts, "ends": ends, "comment": "new disks"}


def began(telling: EscalatingWorld, **fields: Any) -> Event:
    (event,) = telling.happened(1, **fields)
    telling.begin(event)
    return event


def test_a_step_is_held_while_a_silence_holds_and_told_when_it_is_over(telling: EscalatingWorld) -> None:
    event = began(telling)
    works = silence(telling, minutes=40)
    telling.rules(silences=[works])

    for _ in range(7):
        telling.minute(minutes=5)
    silenced = (telling.heard(), [step["reason"] for step in telling.steps(event)])
    telling.minute(minutes=5, seconds=1)
    afterwards = telling.heard()
    telling.minute(minutes=14)
    before_the_second = telling.heard()
    telling.minute(minutes=2)

    (held,) = silenced[1]
    assert silenced[0] == {"ana": 1, "bob": 1, "eve": 0}
    assert held == f"held: silence works holds until {works['ends']:%Y-%m-%dT%H:%M}Z (new disks)"
    assert afterwards == before_the_second == {"ana": 1, "bob": 2, "eve": 1}
    assert telling.heard() == {"ana": 2, "bob": 3, "eve": 1}
    assert [(step["step"], step["reason"].partition(":")[0]) for step in telling.steps(event)] == [
        (1, "held"),
        (1, "escalated"),
        (2, "escalated"),
    ]


def test_a_silence_that_is_ended_early_lets_the_step_go_within_minutes(telling: EscalatingWorld) -> None:
    began(telling)
    telling.rules(silences=[silence(telling, hours=12)])
    telling.minute(minutes=15)

    telling.rules()
    telling.minute(minutes=10, seconds=1)

    assert telling.heard()["eve"] == 1


def test_a_step_of_a_rule_for_which_no_event_is_too_old_is_held_as_others(telling: EscalatingWorld) -> None:
    """The fault: such a time from the first event is after the year 9999, and the step was told to nobody."""
    for_ever = {"max_age": "days=999999999"}
    telling.rules(**for_ever)
    event = began(telling)
    telling.rules(**for_ever, silences=[silence(telling, hours=12)])
    telling.minute(minutes=15)
    (held,) = telling.steps(event)

    telling.rules(**for_ever)
    telling.minute(minutes=10, seconds=1)

    assert held["reason"].startswith("held: silence works")
    assert telling.heard()["eve"] == 1


def test_a_last_step_of_much_later_is_told_though_the_first_was_held(telling: EscalatingWorld) -> None:
    """What escalates is kept for as long as stories are, beyond the last step: here a day and a minute."""
    late = {
        "settings": {"notification_retention": "minutes=1"},
        "escalate": [*STEPS, {"after": "days=7", "destination_group": "oncall"}],
    }
    telling.rules(**late)
    began(telling)
    telling.rules(**late, silences=[silence(telling, hours=1)])
    for _ in range(7):
        telling.minute(minutes=10)
    told = telling.heard()

    telling.minute(minutes=20)
    telling.minute(days=7, hours=1)

    assert told == {"ana": 1, "bob": 2, "eve": 1}
    assert telling.heard() == {"ana": 3, "bob": 4, "eve": 1}


@pytest.mark.parametrize("how", ["acknowledged", "ended"])
def test_what_is_over_before_the_silence_is_told_to_nobody(telling: EscalatingWorld, how: str) -> None:
    telling.rules(resolve={"action": "service_up"})
    event = began(telling)
    rule = {"resolve": {"action": "service_up"}, "silences": [silence(telling, minutes=30)]}
    telling.rules(**rule)
    telling.minute(minutes=15)
    if how == "acknowledged":
        telling.acknowledge(event)
    else:
        telling.begin(telling.event(app="monitor", action="custom_service_up"))

    for _ in range(6):
        telling.minute(minutes=10)

    assert telling.heard()["eve"] == 0


@pytest.mark.parametrize(
    ("rule", "hours"),
    [({}, 25), ({"max_age": "hours=1"}, 2), ({"group": {"by": [], "interval": "minutes=5"}}, 1)],
    ids=["older than a day", "older than the rule says", "a group of which nothing came"],
)
def test_what_was_over_before_the_silence_is_dropped_with_the_reason(
    telling: EscalatingWorld, rule: dict[str, Any], hours: int
) -> None:
    telling.rules(escalate=STEPS[:1], **rule)
    event = began(telling)
    telling.rules(escalate=STEPS[:1], silences=[silence(telling, days=2)], **rule)
    telling.minute(minutes=15)

    telling.minute(hours=hours)
    telling.minute(days=2)

    assert telling.heard()["eve"] == 0
    assert telling.steps(event)[-1]["reason"].startswith("not told: silence works holds until ")
    assert telling.steps(event)[-1]["reason"].endswith("(new disks), and it was over before that")


OVER_AFTER_AN_HALF_HOUR = [
    pytest.param({"group": {"by": [], "interval": "minutes=5"}}, 33, id="a group of which nothing came"),
    pytest.param({"max_age": "minutes=15"}, 33, id="older than the rule says"),
]


@pytest.mark.parametrize(("rule", "minutes"), OVER_AFTER_AN_HALF_HOUR)
def test_what_was_over_minutes_before_the_silence_is_told_by_no_step_of_it(
    telling: EscalatingWorld, rule: dict[str, Any], minutes: int
) -> None:
    telling.rules(**rule)
    event = began(telling)
    telling.rules(silences=[silence(telling, minutes=minutes)], **rule)
    telling.minute(minutes=15)
    told = telling.heard()

    for _ in range(12):
        telling.minute(minutes=5)

    assert telling.heard() == told | {"eve": 0}
    assert [step["reason"].partition(":")[0] for step in telling.steps(event)] == ["held", "not told"]


def test_a_step_whose_matter_another_event_joins_as_it_would_be_given_up_is_held_for_as_long_as_others(
    telling: EscalatingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a matcher that knows nothing of the silence yet tells of that event, a second before it is over."""
    rule = {"group": {"by": [], "interval": "minutes=5"}, "escalate": STEPS[:1]}
    telling.rules(**rule)
    event = began(telling)
    telling.rules(silences=[silence(telling, hours=1)], **rule)
    stop, last, second = EscalationStore.stop, timedelta(minutes=15), timedelta(seconds=1)

    def joined(store: EscalationStore, matter: Matter, *, now: datetime) -> bool:
        before = now - second
        store.begin("refunds", matter.about, new_id(before), steps=1, due=now, now=before, keep=last, goes_on=last)
        return stop(store, matter, now=now)

    monkeypatch.setattr(EscalationStore, "stop", joined)
    telling.minute(minutes=15)
    handed_on = []
    for minutes in (9, 1):
        telling.later(minutes=minutes)
        handed_on.append(telling.redrive()["steps"])

    assert [step["reason"].partition(":")[0] for step in telling.steps(event)] == ["held"]
    assert handed_on == [0, 1]


def test_a_silence_of_something_else_holds_no_step(telling: EscalatingWorld) -> None:
    began(telling)
    telling.rules(silences=[silence(telling, app="bank", hours=1)])

    telling.minute(minutes=15)

    assert telling.heard()["eve"] == 1


def test_a_message_that_comes_twice_holds_a_step_once_more_and_tells_nobody_twice(telling: EscalatingWorld) -> None:
    event = began(telling)
    telling.rules(silences=[silence(telling, minutes=20)])
    telling.later(minutes=15)
    telling.redrive()
    bodies = [message["Body"] for message in _received(telling)]

    for _ in range(2):
        for body in bodies:
            telling.stack.sqs.send_message(QueueUrl=telling.stack.queues["Match"], MessageBody=body)
        telling.work_off()
    for _ in range(3):
        telling.minute(minutes=10)

    assert telling.heard()["eve"] == 1
    matter = telling.matter(event)
    assert matter is not None and matter.step == 2


def _received(telling: EscalatingWorld) -> list[Any]:
    url = telling.stack.queues["Match"]
    messages: list[Any] = telling.stack.sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    for message in messages:
        telling.stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages
