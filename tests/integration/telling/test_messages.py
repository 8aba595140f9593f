"""What stands in the messages that tell people: of an event, of a step, of an end, and why it comes now."""

from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.escalation_world import STEPS, EscalatingWorld
from tests.integration.telling.telling_world import TellingWorld
from tocsin.events.model import Event
from tocsin.identity.directory import User

RESOLVE = {"action": "service_up"}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    return EscalatingWorld(stack, monkeypatch, sinks)


def taken(telling: TellingWorld, queue: str = "Webhook") -> dict[str | None, dict[str, Any]]:
    """{username: what waits for them in a queue}, without the event, which travels with each."""
    found = telling.stack.messages(queue)
    for body in found:
        assert body.pop("event")["id"] == body["event_id"]
    assert len({(body["user"] or {}).get("username") for body in found}) == len(found)
    return {(body["user"] or {}).get("username"): body for body in found}


def known(event: Event, username: str | None, **more: Any) -> dict[str, Any]:
    user = None if username is None else User(username, f"{username}@example.com").to_json()
    return {
        "event_id": event.id,
        "rule": "refunds",
        "severity": "warning",
        "transport": "hook",
        "mode": "webhook",
        "user": user,
        "once": False,
        **more,
    }


def test_an_event_is_told_with_the_rule_the_transport_and_the_person(telling: EscalatingWorld) -> None:
    telling.rules(escalate=(), severity="notice")
    (event,) = telling.happened(1)

    telling.match(event)

    assert taken(telling) == {name: known(event, name, severity="notice") for name in ("ana", "bob")}


def test_what_is_sent_once_to_a_channel_is_for_the_first_person_and_else_for_nobody(telling: EscalatingWorld) -> None:
    telling.rules(escalate=(), once=True)
    first, second = telling.happened(2)
    telling.match(first)
    to_ana = taken(telling)
    telling.rules(escalate=(), once=True, destination_group=None, destination_event_user=True)

    telling.match(second)

    assert to_ana == {"ana": known(first, "ana", once=True)}
    assert taken(telling) == {None: known(second, None, once=True)}


def test_a_step_says_which_it_is_what_it_is_about_and_why_it_comes(telling: EscalatingWorld) -> None:
    telling.rules(escalate=[STEPS[0] | {"transports": ["mail"]}], transports=["hook"])
    (event,) = telling.happened(1)
    telling.match(event)
    at_once = taken(telling)
    telling.later(minutes=15)
    telling.redrive()

    telling.work_off()

    about = telling.about(event)
    assert at_once["ana"] == known(event, "ana", about=about)
    remark = "escalated: step 1, nobody acknowledged it within 15 min"
    step = {"transport": "mail", "mode": "email", "remark": remark, "about": about, "step": 1}
    assert taken(telling, "Email") == {name: known(event, name, **step) for name in ("bob", "eve")}


def test_an_end_says_that_it_is_over_to_those_who_were_told(telling: EscalatingWorld) -> None:
    telling.rules(escalate=(), resolve=RESOLVE)
    (event,) = telling.happened(1)
    telling.match(event)
    telling.stack.messages("Webhook")
    telling.later(seconds=1)
    end = telling.event(app="monitor", action="custom_service_up")

    telling.match(end)

    ends = {"about": telling.about(event), "over": True}
    assert taken(telling) == {name: known(end, name, **ends) for name in ("ana", "bob")}


def test_what_would_wait_but_passes_says_why_and_speaks_the_persons_language(telling: EscalatingWorld) -> None:
    telling.rules(escalate=(), severity="alert")
    telling.say("ana", **telling.quiet(), locale="de")
    (event,) = telling.happened(1)

    telling.match(event)

    found = taken(telling)
    why = found["ana"].pop("why")
    assert why.startswith("told at once: ")
    expected = known(event, "ana", severity="alert")
    expected["user"] = expected["user"] | {"locale": "de"}
    assert found["ana"] == expected
    assert found["bob"] == known(event, "bob", severity="alert")
