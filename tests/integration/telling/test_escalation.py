"""Escalation: who is told at which minute, and what keeps further people from being told."""

from collections import Counter
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import record
from tests.integration.telling.escalation_world import STEPS, EscalatingWorld
from tests.integration.telling.test_cost import requests
from tocsin.aws.metrics import Metric
from tocsin.deliveries.due_steps import DueSteps
from tocsin.deliveries.escalation_store import ESCALATION_SHARDS
from tocsin.deliveries.matters import Matter
from tocsin.events.model import Event

SEEN = [{**STEPS[0], "unless": "seen"}, STEPS[1]]


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    return EscalatingWorld(stack, monkeypatch, sinks)


def began(telling: EscalatingWorld, **fields: Any) -> Event:
    (event,) = telling.happened(1, **fields)
    telling.begin(event)
    return event


def test_the_second_group_is_told_at_the_minute_and_acknowledged_by_the_link_there_is_no_third(
    telling: EscalatingWorld,
) -> None:
    event = began(telling)
    at_first = telling.heard()

    telling.minute(minutes=14, seconds=59)
    just_before = telling.heard()
    telling.minute(seconds=1)
    at_the_minute = telling.heard()
    (message,) = telling.posted("eve")
    page = telling.follow(message["links"]["acknowledge"])
    telling.minute(minutes=15)
    telling.minute(hours=1)

    assert at_first == just_before == {"ana": 1, "bob": 1, "eve": 0}
    assert at_the_minute == telling.heard() == {"ana": 1, "bob": 2, "eve": 1}
    assert page.status == 200
    story = telling.story(event)["rule"]
    assert (story["acknowledged"]["by"], story["acknowledged"]["via"]) == ("eve", "link")
    assert [step["step"] for step in story["escalated"]] == [1]


def test_without_an_acknowledgement_each_step_is_told_once(telling: EscalatingWorld) -> None:
    event = began(telling)

    for _ in range(40):
        telling.minute()

    assert telling.heard() == {"ana": 2, "bob": 3, "eve": 1}
    assert [body["body"] for body in telling.posted("eve")] == [
        "refund 0 (escalated: step 1, nobody acknowledged it within 15 min)"
    ]
    story = telling.story(event)["rule"]
    assert story["escalates"] is True
    assert [(step["step"], step["destination_group"], step["transports"]) for step in story["escalated"]] == [
        (1, "second", ["hook"]),
        (2, "oncall", ["hook"]),
    ]
    assert story["escalated"][1]["reason"] == "escalated: step 2, nobody acknowledged it within 30 min"
    assert story["deliveries"] == {"hook": 6}
    matter = telling.matter(event)
    assert matter is not None and (matter.step, matter.steps) == (2, 2)


def test_an_acknowledgement_that_comes_while_a_step_is_handed_on_keeps_it_from_being_told(
    telling: EscalatingWorld,
) -> None:
    event = began(telling)
    telling.later(minutes=15)
    telling.redrive()

    telling.acknowledge(event)

    assert telling.work_off() == 1
    telling.deliver()
    assert telling.heard()["eve"] == 0
    assert telling.steps(event) == []


def test_a_step_that_another_run_has_is_handed_on_by_one(telling: EscalatingWorld) -> None:
    began(telling)
    telling.later(minutes=15)
    handed_on: list[Matter] = []
    steps = DueSteps(telling.matters, telling.configuration, handed_on.append, telling.clock)
    (due,) = [each for shard in range(ESCALATION_SHARDS) for each in steps.due(shard)]

    assert [steps.step(due), steps.step(due)] == [True, False]
    assert len(handed_on) == 1


@pytest.mark.parametrize("how", ["seen", "all seen", "cleared", "deleted"])
def test_what_somebody_has_seen_is_not_told_by_a_step_that_says_so(telling: EscalatingWorld, how: str) -> None:
    telling.rules(transports=["inbox", "hook"], escalate=SEEN)
    event = began(telling)
    (notification,) = telling.inbox("ana")
    if how == "seen":
        telling.inboxes.mark("ana", telling.inboxes.head("ana"), [notification["id"]], seen=True)
    elif how == "all seen":
        telling.inboxes.see_through("ana", None)
    elif how == "cleared":
        telling.inboxes.clear_through("ana", None)
    else:
        telling.inboxes.delete("ana", notification["id"])

    telling.minute(minutes=15)
    after_one = telling.heard()["eve"]
    telling.minute(minutes=15)

    assert after_one == 0
    first, second = telling.steps(event)
    assert first["reason"] == "not told: ana has seen it within 15 min"
    assert (second["step"], second["unless"]) == (2, "acknowledged")
    assert second["reason"] == "escalated: step 2, nobody acknowledged it within 30 min"


def test_steps_are_counted_by_what_became_of_them_and_are_no_late_deliveries(
    telling: EscalatingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()

    def measured(metric: Metric, value: float = 1, **dimensions: str) -> None:
        counted[f"{metric} {dimensions.get('outcome', '')}".strip()] += 1

    for module in ("matching.escalation", "deliveries.worker"):
        monkeypatch.setattr(f"tocsin.{module}.measured", measured)
    event = began(telling)
    telling.minute(minutes=15)
    telling.later(minutes=15)
    telling.redrive()
    telling.acknowledge(event)
    telling.work_off()

    assert counted == {
        "Deliveries delivered": 4,
        "DeliveryAge": 2,
        "Escalations told": 1,
        "Escalations acknowledged": 1,
    }


def test_what_nobody_has_seen_is_told(telling: EscalatingWorld) -> None:
    telling.rules(transports=["inbox", "hook"], escalate=SEEN)
    event = began(telling)

    telling.minute(minutes=15)

    assert telling.heard()["eve"] == 1
    assert [step["reason"] for step in telling.steps(event)] == ["escalated: step 1, nobody has seen it within 15 min"]


def test_a_step_is_told_by_its_own_transports(telling: EscalatingWorld) -> None:
    telling.rules(escalate=[{**STEPS[0], "transports": ["inbox"]}])
    began(telling)

    telling.minute(minutes=15)

    assert telling.heard() == {"ana": 1, "bob": 1, "eve": 0}
    assert [len(telling.inbox(name)) for name in ("ana", "bob", "eve")] == [0, 1, 1]


def test_people_hear_of_a_step_as_they_like(telling: EscalatingWorld) -> None:
    telling.say("bob", rules={"refunds": {"muted": True}})
    telling.say("eve", **telling.quiet(hours=2))
    event = began(telling)

    telling.minute(minutes=15)
    in_the_night = telling.heard()
    telling.minute(hours=2, minutes=1)

    assert in_the_night == {"ana": 1, "bob": 0, "eve": 0}
    assert telling.heard()["eve"] == 1
    assert telling.story(event)["rule"]["kept_back"] == {"muted": 3, "quiet_hours": 1}


@pytest.mark.parametrize(
    ("rule", "also"),
    [({"enabled": False}, {}), ({"escalate": []}, {}), ({"escalate": STEPS[1:]}, {"bob": 2, "ana": 2})],
    ids=["disabled", "no steps", "fewer steps"],
)
def test_a_rule_escalates_as_it_is_configured_now(
    telling: EscalatingWorld, rule: dict[str, Any], also: dict[str, int]
) -> None:
    """The step that is due is the first that the rule has: with fewer steps, what was its second."""
    began(telling)

    telling.rules(**rule)
    for _ in range(3):
        telling.minute(minutes=15)

    assert telling.heard() == {"ana": 1, "bob": 1, "eve": 0} | also


def test_what_is_held_does_not_escalate(telling: EscalatingWorld) -> None:
    telling.rules(throttle={"max": 1, "window": "hours=1"})
    first, second = telling.happened(2)
    telling.begin(first)
    telling.begin(second)

    assert telling.matter(first) is not None
    assert telling.matter(second) is None


def test_events_of_a_group_are_one_matter_and_its_steps_wait_for_no_group(telling: EscalatingWorld) -> None:
    telling.rules(group={"by": ["context.host"], "wait": "minutes=1", "interval": "minutes=5"})
    events = [telling.event(context={"host": "web-1"}) for _ in range(4)]
    telling.begin(events[0])

    for event in events[1:3]:
        telling.minute(minutes=5)
        telling.begin(event)
    telling.minute(minutes=5)

    assert [body["step"] for body in telling.posted("eve")] == [1]
    matter = telling.matter(events[3])
    assert matter is not None and matter.event_id == events[0].id
    telling.later(minutes=40)
    telling.begin(telling.event(context={"host": "web-1"}))
    again = telling.matter(events[3])
    assert again is not None and again.event_id not in {event.id for event in events}


def test_an_end_stops_the_steps_and_is_told_to_those_whom_a_step_told(telling: EscalatingWorld) -> None:
    steps = [{**STEPS[0], "transports": ["inbox"]}, STEPS[1]]
    telling.rules(escalate=steps, resolve={"action": "service_up", "by": ["context.host"]})
    event = telling.event(context={"host": "web-1"})
    telling.begin(event)
    telling.minute(minutes=15)

    telling.later(seconds=1)
    telling.begin(telling.event(app="monitor", action="custom_service_up", context={"host": "web-1"}))
    for _ in range(3):
        telling.minute(minutes=15)

    assert telling.heard() == {"ana": 2, "bob": 2, "eve": 0}
    assert [len(telling.inbox(name)) for name in ("ana", "bob", "eve")] == [0, 2, 2]
    matter = telling.matter(event)
    assert matter is not None and matter.ended is not None


def test_a_large_group_is_told_page_by_page_until_somebody_acknowledges(
    telling: EscalatingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PAGE", "PAGES_AT_ONCE"):
        monkeypatch.setattr(f"tocsin.matching.recipients.{name}", 1)
    telling.rules(escalate=STEPS[:1])
    first, second = telling.happened(2)
    for event in (first, second):
        telling.match(event)
        telling.work_off()
    telling.later(minutes=15)
    telling.redrive()

    telling.acknowledge(first)
    telling.work_off()
    telling.deliver()

    assert telling.heard() == {"ana": 2, "bob": 3, "eve": 1}
    assert (len(telling.steps(first)), len(telling.steps(second))) == (0, 1)


def test_a_schedule_whose_message_is_not_taken_says_so_and_hands_the_step_on_later(
    telling: EscalatingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    began(telling)
    telling.later(minutes=15)
    with monkeypatch.context() as broken:
        broken.setattr("tocsin.aws.sqs.Outbox.send", lambda _: {"x": "SQS is away"})
        with pytest.raises(Exception, match="SQS is away"):
            telling.redrive()

    telling.minute(seconds=91)

    assert telling.heard()["eve"] == 1


def test_one_run_of_the_schedule_hands_on_all_steps_that_are_due(
    telling: EscalatingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("due_steps", "redrive"):
        monkeypatch.setattr(f"tocsin.deliveries.{module}.MATTERS_AT_ONCE", 1)
    telling.match(*telling.happened(12))
    telling.later(minutes=15)

    handed_on = telling.redrive()["steps"]

    assert (handed_on, telling.work_off()) == (12, 12)


def test_nothing_is_read_for_escalations_where_no_rule_escalates(telling: EscalatingWorld) -> None:
    asked: list[str] = []

    def look(params: dict[str, Any], **_: Any) -> None:
        shard = params.get("ExpressionAttributeValues", {}).get(":shard", {}).get("S", "")
        asked.extend([shard] if shard.startswith("escalation-") else [])

    telling.stack.dynamodb.meta.events.register("provide-client-params.dynamodb.Query", look)
    counts = []
    for steps in ((), STEPS):
        telling.rules(escalate=steps)
        telling.redrive()
        counts.append(len(asked))
    telling.stack.dynamodb.meta.events.unregister("provide-client-params.dynamodb.Query", look)

    assert counts == [0, ESCALATION_SHARDS]


def test_a_test_of_the_rule_says_which_steps_would_come(telling: EscalatingWorld) -> None:
    """The event's user, whom the rule tells, is told by no step of it."""
    steps = [{**STEPS[0], "transports": ["inbox"]}, {**STEPS[1], "unless": "seen"}]
    telling.rules(escalate=steps, destination_event_user=True)
    event = {"action": "refund", "app": "shop", "user": {"username": "eve"}}

    shown: Any = Api.of(telling.stack)("POST", "/rules/refunds/test", {"event": event}).body

    assert shown["recipients"]["usernames"] == ["eve", "ana", "bob"]
    assert shown["escalate"] == [
        {
            "step": 1,
            "after": "minutes=15",
            "unless": "acknowledged",
            "destination_group": "second",
            "transports": ["inbox"],
            "recipients": {"usernames": ["bob", "eve"], "more": False},
            "reason": "escalated: step 1, nobody acknowledged it within 15 min",
        },
        {
            "step": 2,
            "after": "minutes=30",
            "unless": "seen",
            "destination_group": "oncall",
            "transports": ["hook"],
            "recipients": {"usernames": ["ana", "bob"], "more": False},
            "reason": "escalated: step 2, nobody has seen it within 30 min",
        },
    ]


@pytest.mark.parametrize(
    ("rule", "first", "next_one"),
    [({}, 1, 1), ({"resolve": {"action": "up", "by": ["context.host"]}}, 2, 1)],
    ids=["each event by itself", "events together"],
)
def test_a_firing_of_a_rule_that_escalates_costs_a_write_and_the_first_of_several_two(
    telling: EscalatingWorld, rule: dict[str, Any], first: int, next_one: int
) -> None:
    """Beside what it costs without: a story, and who was told of what may end."""
    counts = []
    for steps in ((), STEPS):
        telling.rules(escalate=steps, **rule)
        matcher = telling.matcher()
        for event in telling.happened(2):
            with requests(telling.stack) as counted:
                assert matcher.stream([record(event)]) == {"batchItemFailures": []}
            counts.append(counted)

    plain, escalating = counts[:2], counts[2:]
    assert [each["UpdateItem"] - before["UpdateItem"] for each, before in zip(escalating, plain, strict=True)] == [
        first,
        next_one,
    ]
    assert [{**each, "UpdateItem": 0} for each in escalating] == [{**each, "UpdateItem": 0} for each in plain]
