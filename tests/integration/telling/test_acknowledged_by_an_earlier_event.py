"""What is acknowledged by a message whose event happened before the one that began the matter, or before the latest."""

from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.escalation_world import STEPS, EscalatingWorld
from tocsin.events.model import Event
from tocsin.ids import new_id
from tocsin.matching.acknowledging import Acknowledgements
from tocsin.matching.story import StoryStore
from tocsin.notifications.inbox import inbox_delivery
from tocsin.notifications.rule_words import RuleWords, in_rules_words

GROUP = {"by": ["context.host"], "wait": "minutes=5"}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    return EscalatingWorld(stack, monkeypatch, sinks)


def out_of_order(telling: EscalatingWorld) -> tuple[Event, Event]:
    """Two events of one matter, of which the later one is matched first."""
    (early,) = telling.happened(1)
    telling.later(seconds=1)
    (late,) = telling.happened(1)
    telling.begin(late)
    telling.begin(early)
    return early, late


def in_inbox(telling: EscalatingWorld) -> dict[str, Any]:
    """What ana's inbox shows, with whether it can be acknowledged."""
    stories = StoryStore(telling.stack.dynamodb, "deliveries")
    known = Acknowledgements(
        telling.matters, telling.configuration, telling.events, stories, lambda *_: None, telling.clock
    )
    (shown,) = known.shown_with(telling.inbox("ana"))
    return shown


def test_a_group_whose_first_event_was_matched_after_another_can_be_acknowledged(telling: EscalatingWorld) -> None:
    telling.rules(group=GROUP)
    _, late = out_of_order(telling)
    telling.minute(minutes=6)
    (told,) = telling.posted("ana")

    assert "Acknowledged" in telling.follow(told["links"]["acknowledge"]).text

    matter = telling.matter(late)
    assert matter is not None and matter.acknowledgement is not None


def test_what_waited_of_an_event_before_the_one_that_began_it_says_who_acknowledged(telling: EscalatingWorld) -> None:
    telling.rules(resolve={"action": "service_up", "by": ["context.host"]})
    telling.say("ana", **telling.quiet(hours=2), alerts_pass=False)
    _, late = out_of_order(telling)
    telling.acknowledge(late)

    telling.minute(hours=2, minutes=1)

    (told,) = telling.posted("ana")
    assert ["acknowledged by bob" in each["body"] for each in told["digest"]["first"]] == [True, True]


def fell_twice(telling: EscalatingWorld, **rule: Any) -> Event:
    """The latest of three events of one group: it began, ended, and began again."""
    telling.rules(group=GROUP, resolve={"action": "service_up"}, **rule)
    (first,) = telling.happened(1)
    telling.later(seconds=1)
    end = telling.event(app="monitor", action="custom_service_up")
    telling.later(seconds=1)
    (again,) = telling.happened(1)
    telling.match(first)
    telling.match(end)
    telling.match(again)
    telling.later(minutes=6)
    telling.redrive()
    return again


def test_the_link_of_a_group_that_ended_and_began_again_is_of_its_latest_event(telling: EscalatingWorld) -> None:
    """The fault: it was of the event that the message shows first, whose matter was over."""
    again = fell_twice(telling)
    telling.deliver()
    (told,) = telling.posted("ana")

    page = telling.follow(told["links"]["acknowledge"])

    assert "Acknowledged" in page.text
    assert told["digest"]["latest"] == again.id


def test_an_inbox_acknowledges_what_ended_and_began_again(telling: EscalatingWorld) -> None:
    fell_twice(telling, transports=["inbox"])
    store = inbox_delivery(telling.inboxes, telling.configuration.notifications_kept, lambda *_: None)
    words = RuleWords(groups_of_steps=("second", "oncall"))
    telling.pump(telling.worker("local", in_rules_words(store, lambda _: words, "")), "local")

    assert in_inbox(telling)["can_acknowledge"]


@pytest.mark.parametrize("was", ["silent for long", "ended"])
def test_what_was_told_before_a_new_beginning_is_not_acknowledged_with_it(telling: EscalatingWorld, was: str) -> None:
    telling.rules(group={**GROUP, "interval": "minutes=5"}, escalate=STEPS[:1])
    (first,) = telling.happened(1)
    telling.begin(first)
    between = new_id(telling.now + timedelta(minutes=1))
    if was == "ended":
        telling.matters.end("refunds", telling.about(first), between, now=telling.now)
    telling.later(minutes=20)
    (again,) = telling.happened(1)
    telling.begin(again)

    matter = telling.matter(again)

    assert matter is not None
    told_of = [matter.tells_of(each) for each in (first.id, between, again.id)]
    assert told_of == [False, was != "ended", True]
