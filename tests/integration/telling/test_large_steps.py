"""Steps whose people come in several pages, and what is told of them again: what was used and counted stays so."""

from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import work
from tests.integration.telling.escalation_world import STEPS, EscalatingWorld
from tests.integration.telling.test_lines import said
from tests.integration.telling.test_silenced_steps import silence
from tocsin.events.model import Event
from tocsin.identity.directory import User


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    for name in ("PAGE", "PAGES_AT_ONCE"):
        monkeypatch.setattr(f"tocsin.matching.recipients.{name}", 1)
    return EscalatingWorld(stack, monkeypatch, sinks)


def began(telling: EscalatingWorld) -> Event:
    """An event that all people of the rule were told of."""
    (event,) = telling.happened(1)
    telling.match(event)
    telling.work_off()
    return event


def due(telling: EscalatingWorld) -> dict[str, Any]:
    """The message by which the step is handed on that is due after a quarter of an hour."""
    telling.later(minutes=15)
    telling.redrive()
    (message,) = telling.stack.messages("Match")
    return message


def tell(telling: EscalatingWorld, message: dict[str, Any]) -> list[dict[str, Any]]:
    """Have the matcher do this; what it hands on."""
    assert telling.matcher().queue([work(message)]) == {"batchItemFailures": []}
    return telling.stack.messages("Match")


def test_a_channel_is_told_with_the_first_page_and_each_page_says_whether_there_are_more(
    telling: EscalatingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    telling.rules(escalate=STEPS[:1], once=True)
    event = began(telling)
    first = due(telling)

    (second,) = tell(telling, first)
    assert tell(telling, second) == []

    assert [message["reason"] for message in (first, second)] == ["step 1 is due", "the step's group has more members"]
    step = {"event_id": event.id, "rule": "refunds", "step": 1}
    assert said(caplog, "RULE_ESCALATED") == [
        step | {"deliveries": {"hook": 1}, "goes_on": True},
        step | {"deliveries": {}},
    ]
    assert telling.story(event)["rule"]["deliveries"] == {"hook": 2}


def test_a_mail_that_none_of_several_pages_of_people_takes_is_dropped_with_the_reason(
    telling: EscalatingWorld,
) -> None:
    """Bob, the first page, has no address; of the last page is nobody."""
    telling.people.write(users=[User("bob"), User("eve", "eve@example.com", active=False)])
    telling.rules(escalate=[STEPS[0] | {"transports": ["mail"]}], mail_once=True)
    event = began(telling)

    (second,) = tell(telling, due(telling))
    tell(telling, second)

    assert telling.story(event)["rule"]["kept_back"] == {"transport_off": 1}


def test_what_a_step_told_stays_counted_where_a_silence_keeps_the_rest_from_being_told(
    telling: EscalatingWorld,
) -> None:
    """The fault: the first page's count became that of the rest, to whom nothing was told."""
    rule = {"group": {"by": [], "wait": "minutes=1", "interval": "minutes=5"}, "escalate": STEPS[:1]}
    telling.rules(**rule)
    event = began(telling)
    (second,) = tell(telling, due(telling))
    told = telling.story(event)["rule"]
    telling.rules(**rule, silences=[silence(telling, hours=1)])

    assert tell(telling, second) == []

    assert told["deliveries"] == {"hook": 1}
    assert telling.story(event)["rule"] == told


def test_what_a_step_told_stays_counted_where_its_message_comes_again_after_somebody_has_seen_it(
    telling: EscalatingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """The fault: the story counted nobody of those whom the step had told, and the log said that it told nobody."""
    telling.rules(transports=["inbox", "hook"], escalate=[STEPS[0] | {"unless": "seen"}])
    event = began(telling)
    first = due(telling)
    tell(telling, first)
    told = telling.story(event)["rule"]
    telling.deliver()
    telling.inboxes.see_through("ana", None)

    assert tell(telling, first) == []

    assert told["deliveries"] == {"inbox": 3, "hook": 3}
    assert telling.story(event)["rule"] == told
    assert said(caplog, "ESCALATION_STOPPED") == []
