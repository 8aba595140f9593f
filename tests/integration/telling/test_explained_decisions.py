"""What would be decided now: asked of a rule and an event, for each person and transport; nothing is noted or sent."""

from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.telling.telling_world import TellingWorld
from tocsin.matching import explain


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    return TellingWorld(stack, monkeypatch, sinks)


def explained(telling: TellingWorld) -> dict[str, Any]:
    api = Api.of(telling.stack)
    answer = api("POST", "/rules/refunds/test", {"event": {"action": "refund", "app": "shop"}})
    assert answer.status == 200, answer.text
    body: dict[str, Any] = answer.body
    return body


def test_each_person_and_transport_has_a_decision_with_its_reason(telling: TellingWorld) -> None:
    telling.rules(transports=["hook", "mail"])
    telling.say("ana", rules={"refunds": {"muted": True}})
    telling.say("bob", digest={"every": "hour"}, transports={"mail": {"at_once": True}}, time_zone="Asia/Kolkata")

    shown = explained(telling)

    assert shown["reason"] == "told at once"
    found = {(each["user"], each["transport"]): each for each in shown["decisions"]}
    assert {key: (each["decision"], each["cause"]) for key, each in found.items()} == {
        ("ana", "hook"): ("drop", "muted"),
        ("ana", "mail"): ("drop", "muted"),
        ("bob", "hook"): ("join", "digest"),
        ("bob", "mail"): ("send", "at_once"),
    }
    assert found["ana", "hook"]["reason"] == "dropped: ana muted rule refunds"
    assert found["bob", "hook"]["reason"].startswith("joins the hourly digest of bob at ")
    assert found["bob", "hook"]["until"].endswith("Z")
    assert found["bob", "mail"]["reason"] == "told at once: mail passes the hourly digest of bob"
    assert telling.stack.items("deliveries") == []


def test_a_mail_that_is_sent_once_and_that_nobody_takes_is_shown_as_dropped(telling: TellingWorld) -> None:
    telling.rules(transports=["mail"], mail_once=True)
    for name in ("ana", "bob"):
        telling.say(name, transports={"mail": {"enabled": False}})

    (decision,) = explained(telling)["decisions"]

    assert (decision["user"], decision["decision"], decision["cause"]) == (None, "drop", "transport_off")


def test_of_a_mail_that_the_first_people_do_not_take_nothing_is_said_where_there_are_more(
    telling: TellingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain, "MAX_RECIPIENTS", 1)
    telling.rules(transports=["mail"], mail_once=True)
    telling.say("ana", transports={"mail": {"enabled": False}})

    shown = explained(telling)

    assert (shown["recipients"]["usernames"], shown["recipients"]["more"]) == (["ana"], True)
    assert shown["decisions"] == []


def test_a_silence_or_a_full_throttle_says_so_for_everybody(telling: TellingWorld) -> None:
    telling.rules(throttle={"window": "days=1", "max": 1})
    telling.match(*telling.happened(1))
    shown = explained(telling)

    assert shown["reason"].startswith(
        "dropped: the throttle of rule refunds lets 1 in days=1 through; the next may pass"
    )
    assert (shown["tells"], shown["decisions"]) == (False, [])


def test_what_a_silence_dropped_stands_in_the_story_with_its_reason(telling: TellingWorld) -> None:
    telling.rules(throttle={"window": "days=1", "max": 1})
    first, second = telling.happened(2)
    telling.match(first)
    telling.match(second)

    (rule,) = telling.ledger.story(second.id, after=None, limit=10, now=telling.now).items
    assert str(rule["reason"]).startswith("dropped: the throttle of rule refunds lets 1 in days=1 through")
    assert rule["held_by"]["throttle"]["max"] == 1  # type: ignore[index,call-overload]
