"""What waits for quiet hours, a digest or a group, while somebody acknowledges what it tells, or it ends."""

from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.escalation_world import STEPS, EscalatingWorld
from tests.integration.telling.telling_world import Killed
from tocsin.deliveries.digest_store import DigestStore
from tocsin.events.model import Event

ALERTS_WAIT = {"alerts_pass": False}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    world = EscalatingWorld(stack, monkeypatch, sinks)
    world.rules(severity="alert")
    return world


def waiting(telling: EscalatingWorld, username: str = "ana", **fields: Any) -> Event:
    """An event that waits for the end of somebody's quiet hours, in two of them."""
    telling.say(username, **telling.quiet(hours=2), **ALERTS_WAIT)
    (event,) = telling.happened(1, **fields)
    telling.begin(event)
    return event


def reads(body: dict[str, Any]) -> list[str]:
    return [each["body"] for each in body["digest"]["first"]]


def test_a_message_that_waited_says_who_acknowledged_it_and_is_no_alert(telling: EscalatingWorld) -> None:
    event = waiting(telling)
    telling.later(minutes=5)
    at = telling.acknowledge(event).at

    telling.minute(hours=2, minutes=1)

    (told,) = telling.posted("ana")
    assert reads(told) == [f"refund 0 (acknowledged by bob at {at:%Y-%m-%d %H:%M} UTC)"]
    assert (told["severity"], told["digest"]["severities"]["alert"]) == ("notice", 1)


def test_what_nobody_acknowledged_stands_first_and_alarms(telling: EscalatingWorld) -> None:
    taken = waiting(telling)
    telling.later(minutes=1)
    (open_,) = telling.happened(1)
    telling.begin(open_)
    telling.acknowledge(taken)

    telling.minute(hours=2, minutes=1)

    (told,) = telling.posted("ana")
    assert [each["event_id"] for each in told["digest"]["first"]] == [open_.id, taken.id]
    assert reads(told)[0] == "refund 0"
    assert told["severity"] == "alert"


def test_a_step_that_waited_is_dropped_with_the_reason_in_the_story(telling: EscalatingWorld) -> None:
    event = waiting(telling, "eve")
    telling.minute(minutes=15)
    assert telling.story(event)["eve"]["state"] == "waiting"
    at = telling.acknowledge(event).at

    telling.minute(hours=2, minutes=1)

    eve = telling.story(event)["eve"]
    assert telling.heard()["eve"] == 0
    assert (eve["state"], "joined" in eve) == ("dropped", False)
    (attempt,) = eve["attempts"]
    assert attempt["reason"] == "acknowledged"
    assert attempt["detail"] == f"acknowledged by bob at {at:%Y-%m-%d %H:%M} UTC, before this was told"


def test_what_is_over_says_since_when_and_its_end_is_told_as_ever(telling: EscalatingWorld) -> None:
    telling.rules(severity="alert", resolve={"action": "service_up"})
    waiting(telling)
    telling.later(minutes=5)
    ended = telling.now
    telling.begin(telling.event(app="monitor", action="custom_service_up"))

    telling.minute(hours=2, minutes=1)

    (told,) = telling.posted("ana")
    assert f"refund 0 (over since {ended:%Y-%m-%d %H:%M} UTC)" in reads(told)
    assert told["digest"]["count"] == 2


def test_a_group_that_was_acknowledged_says_so(telling: EscalatingWorld) -> None:
    telling.rules(severity="alert", group={"by": ["context.host"], "wait": "minutes=10"})
    (event,) = telling.happened(1)
    telling.begin(event)
    telling.minute(minutes=11)
    (again,) = telling.happened(1)
    telling.begin(again)
    telling.acknowledge(event)

    telling.minute(minutes=11)

    before, after = telling.posted("ana")
    assert ("acknowledged" in reads(before)[0], "(acknowledged by bob at " in reads(after)[0]) == (False, True)
    assert (before["severity"], after["severity"]) == ("alert", "notice")
    assert ("links" in before, "links" in after) == (True, False)


def test_what_began_anew_is_not_acknowledged(telling: EscalatingWorld) -> None:
    telling.rules(
        severity="alert", group={"by": [], "wait": "minutes=10", "interval": "minutes=10"}, escalate=STEPS[:1]
    )
    (first,) = telling.happened(1)
    telling.match(first)
    telling.acknowledge(first)
    telling.later(minutes=16)
    (again,) = telling.happened(1)
    telling.match(again)

    telling.redrive()
    telling.deliver()

    (told,) = telling.posted("ana")
    assert reads(told) == ["refund 0", "refund 0"]
    assert told["severity"] == "alert"


def test_a_schedule_that_dies_after_it_dropped_a_step_tells_nobody_of_it(
    telling: EscalatingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = waiting(telling, "eve")
    telling.minute(minutes=15)
    telling.acknowledge(event)
    drop = DigestStore.drop

    def dies(store: DigestStore, *said: Any, **facts: Any) -> None:
        drop(store, *said, **facts)
        raise Killed

    telling.later(hours=2, minutes=1)
    with monkeypatch.context() as broken:
        broken.setattr(DigestStore, "drop", dies)
        with pytest.raises(Killed):
            telling.redrive()
    for _ in range(3):
        telling.minute(minutes=5)

    assert telling.heard()["eve"] == 0
    assert telling.story(event)["eve"]["state"] == "dropped"
    assert telling.story(event)["ana"]["state"] == "delivered"


def test_nothing_is_read_of_matters_where_no_rule_escalates(telling: EscalatingWorld) -> None:
    telling.rules(escalate=[], group={"by": []})
    asked: list[Any] = []

    def look(params: dict[str, Any], **_: Any) -> None:
        keys = params["RequestItems"].get("deliveries", {}).get("Keys", ())
        asked.extend(key["pk"]["S"] for key in keys if key["pk"]["S"].startswith("matter#"))

    telling.match(*telling.happened(2))
    telling.stack.dynamodb.meta.events.register("provide-client-params.dynamodb.BatchGetItem", look)
    telling.minute(minutes=2)
    telling.rules(group={"by": []})
    telling.match(*telling.happened(2))
    asked_without = len(asked)
    telling.minute(minutes=10)
    telling.stack.dynamodb.meta.events.unregister("provide-client-params.dynamodb.BatchGetItem", look)

    assert (asked_without, len(set(asked))) == (0, 1)
