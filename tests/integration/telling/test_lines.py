"""What the log and the story say of steps and ends: whom they told, what they kept back, and why they were not told."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.escalation_world import STEPS, EscalatingWorld
from tests.integration.telling.test_cost import requests
from tocsin.aws.dynamodb import timestamp_of
from tocsin.aws.metrics import Metric
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.times import iso

FACTS = ("event_id", "rule", "step", "cause", "deliveries", "kept_back", "goes_on", "transport", "user", "decision")
RESOLVE = {"action": "service_up"}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    return EscalatingWorld(stack, monkeypatch, sinks)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, ...]]:
    """How often each metric of steps and of what is kept back was counted, with its dimensions."""
    counts: Counter[tuple[str, ...]] = Counter()

    def measured(metric: Metric, value: float = 1, **dimensions: str) -> None:
        counts[metric.value, *(f"{name}={value}" for name, value in dimensions.items())] += 1

    for module in ("escalation", "telling"):
        monkeypatch.setattr(f"tocsin.matching.{module}.measured", measured)
    return counts


def said(caplog: pytest.LogCaptureFixture, code: str) -> list[dict[str, Any]]:
    """The facts of the lines that have this code."""
    lines = [vars(record) for record in caplog.records if getattr(record, "code", None) == code]
    return [{name: line[name] for name in FACTS if line.get(name) is not None} for line in lines]


def began(telling: EscalatingWorld) -> Event:
    (event,) = telling.happened(1)
    telling.begin(event)
    return event


def ended(telling: EscalatingWorld) -> Event:
    telling.later(seconds=1)
    end = telling.event(app="monitor", action="custom_service_up")
    telling.begin(end)
    return end


def test_a_step_that_is_told_says_to_how_many_and_what_was_kept_back(
    telling: EscalatingWorld, caplog: pytest.LogCaptureFixture, counted: Counter[tuple[str, ...]]
) -> None:
    telling.say("eve", rules={"refunds": {"muted": True}})
    event = began(telling)
    moment = telling.now + timedelta(minutes=15)

    telling.minute(minutes=15)

    remark = "escalated: step 1, nobody acknowledged it within 15 min"
    assert said(caplog, "RULE_ESCALATED") == [
        {"event_id": event.id, "rule": "refunds", "step": 1, "deliveries": {"hook": 1}, "kept_back": {"muted": 1}}
    ]
    assert telling.steps(event) == [
        {
            "step": 1,
            "at": iso(moment),
            "after": "minutes=15",
            "unless": "acknowledged",
            "destination_group": "second",
            "transports": ["hook"],
            "reason": remark,
        }
    ]
    story = telling.story(event)["rule"]
    assert (story["deliveries"], story["kept_back"]) == ({"hook": 3}, {"muted": 1})
    assert counted == {("Escalations", "outcome=told"): 1, ("DeliveriesKeptBack", "cause=muted"): 1}


def test_what_is_kept_back_is_a_line_that_names_the_person_and_the_delivery(
    telling: EscalatingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    telling.say("ana", rules={"refunds": {"muted": True}})

    event = began(telling)

    (line,) = said(caplog, "DELIVERY_KEPT_BACK")
    told = {"event_id": event.id, "rule": "refunds", "transport": "hook", "user": "ana"}
    assert line == told | {"cause": "muted", "decision": "drop"}
    (record,) = [record for record in caplog.records if getattr(record, "code", None) == "DELIVERY_KEPT_BACK"]
    assert vars(record)["delivery_id"] == telling.story(event)["ana"]["id"]


def test_what_was_dropped_is_kept_as_long_as_the_story(telling: EscalatingWorld) -> None:
    telling.rules(escalate=(), settings={"notification_retention": "days=20"})
    telling.say("ana", rules={"refunds": {"muted": True}})

    event = began(telling)

    (item,) = [item for item in telling.all() if item["username"]["S"] == "ana"]
    assert item["expires_at"]["N"] == str(int((telling.now + timedelta(days=21)).timestamp()))
    assert telling.story(event)["ana"]["created"] == iso(telling.now)


@pytest.mark.parametrize(
    ("resolve", "beyond"), [(None, timedelta(minutes=30)), (RESOLVE | {"within": "hours=12"}, timedelta(hours=12))]
)
def test_what_escalates_is_due_at_its_first_step_and_kept_as_long_as_the_story_beyond_its_last(
    telling: EscalatingWorld, resolve: dict[str, str] | None, beyond: timedelta
) -> None:
    """Or beyond the time within which another event belongs to it."""
    telling.rules(resolve=resolve, settings={"notification_retention": "days=20"})

    telling.match(*telling.happened(1))

    (item,) = [item for item in telling.stack.items("deliveries") if item["pk"]["S"].startswith("matter#")]
    assert timestamp_of(item, "due_at") == telling.now + timedelta(minutes=15)
    assert timestamp_of(item, "expires_at") == telling.now + timedelta(days=21) + beyond


@pytest.mark.parametrize("cause", ["acknowledged", "ended", "silenced"])
def test_a_step_that_is_not_told_says_why(
    telling: EscalatingWorld, caplog: pytest.LogCaptureFixture, counted: Counter[tuple[str, ...]], cause: str
) -> None:
    telling.rules(resolve=RESOLVE)
    event = began(telling)
    telling.later(minutes=15)
    telling.redrive()
    if cause == "acknowledged":
        telling.acknowledge(event)
    elif cause == "ended":
        ended(telling)
    else:
        ends = telling.now + timedelta(hours=1)
        silence = {"name": "works", "matcher": {"app": "shop"}, "starts": telling.now, "ends": ends, "comment": ""}
        telling.rules(resolve=RESOLVE, silences=[silence])

    telling.work_off()

    facts = {"event_id": event.id, "rule": "refunds", "step": 1, "cause": cause}
    assert said(caplog, "ESCALATION_STOPPED") == [facts]
    assert counted == {("Escalations", f"outcome={cause}"): 1}


def test_an_end_says_to_how_many_and_what_was_kept_back(
    telling: EscalatingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    telling.rules(resolve=RESOLVE)
    began(telling)
    telling.say("ana", rules={"refunds": {"muted": True}})

    end = ended(telling)

    assert said(caplog, "RULE_ENDED") == [
        {"event_id": end.id, "rule": "refunds", "deliveries": {"hook": 1}, "kept_back": {"muted": 1}}
    ]
    assert telling.story(end)["rule"] == {
        "kind": "rule",
        "rule": "refunds",
        "at": iso(telling.now),
        "severity": "warning",
        "transports": ["hook"],
        "ends": True,
        "deliveries": {"hook": 1},
        "kept_back": {"muted": 1},
    }


def test_a_channel_hears_of_the_end_though_everybody_whom_it_was_for_has_left(telling: EscalatingWorld) -> None:
    telling.rules(resolve=RESOLVE, escalate=(), once=True)
    began(telling)
    telling.people.delete(users=[User("ana"), User("bob")])

    ended(telling)

    assert [body["over"] for body in telling.posted(None)] == [True]


def test_a_mail_that_is_sent_once_tells_of_the_end_whoever_has_quiet_hours(telling: EscalatingWorld) -> None:
    telling.rules(resolve=RESOLVE, escalate=(), transports=["mail"], mail_once=True)
    telling.say("ana", **telling.quiet(hours=4))
    telling.say("bob", **telling.quiet(hours=4))
    began(telling)

    end = ended(telling)

    assert telling.story(end)["rule"]["deliveries"] == {"mail": 1}


def test_who_is_not_active_any_more_does_not_hear_of_the_end(telling: EscalatingWorld) -> None:
    telling.rules(resolve=RESOLVE, escalate=STEPS[:1])
    began(telling)
    telling.people.write(users=[User("bob", "bob@example.com", active=False)])

    end = ended(telling)

    assert telling.story(end)["rule"]["deliveries"] == {"hook": 1}


def test_the_end_of_what_does_not_escalate_writes_nothing_of_an_escalation(telling: EscalatingWorld) -> None:
    """What was told is ended, and the story says so."""
    telling.rules(resolve=RESOLVE, escalate=())
    began(telling)

    telling.later(seconds=1)
    end = telling.event(app="monitor", action="custom_service_up")
    with requests(telling.stack) as counted:
        telling.match(end)

    assert counted["UpdateItem"] == 2
