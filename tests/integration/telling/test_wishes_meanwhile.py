"""What people want by the time that a digest is made counts, not what they wanted when its events were matched."""

from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.telling_world import TellingWorld

GROUP = {"by": ["context.host"], "wait": "hours=4", "interval": "hours=4"}
MUTED: dict[str, Any] = {"rules": {"refunds": {"muted": True}}}
OFF: dict[str, Any] = {"transports": {"hook": {"enabled": False}}}
ALERTS: dict[str, Any] = {"transports": {"hook": {"min_severity": "alert"}}}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    return TellingWorld(stack, monkeypatch, sinks)


def go_on(telling: TellingWorld) -> None:
    telling.later(hours=8, minutes=1)
    telling.redrive()
    telling.pump(telling.worker())


@pytest.mark.parametrize(
    ("said", "cause", "reason"),
    [
        (MUTED, "muted", "ana muted rule refunds"),
        (OFF, "transport_off", "ana turned transport hook off"),
        (ALERTS, "severity", "ana wants only alerts by hook, and this is a warning"),
    ],
    ids=["muted", "turned off", "less severe"],
)
def test_what_waits_for_who_wants_it_no_more_is_dropped_and_the_story_says_why(
    telling: TellingWorld, said: dict[str, Any], cause: str, reason: str
) -> None:
    """The fault: who followed the link in a mail, and was told that no more would come, had one in the morning."""
    quiet = telling.quiet()
    telling.say("ana", **quiet)
    (event,) = telling.happened(1)
    telling.match(event)
    telling.say("ana", **quiet, **said)

    go_on(telling)

    assert telling.posted("ana") == []
    ana = telling.story(event)["ana"]
    attempt = ana["attempts"][0]
    assert (ana["state"], attempt["reason"], attempt["detail"]) == ("dropped", cause, reason)


def test_what_a_group_has_waiting_is_dropped_for_who_muted_its_rule_alone(telling: TellingWorld) -> None:
    telling.rules(group=GROUP)
    telling.match(*telling.happened(3))
    telling.say("ana", **MUTED)

    go_on(telling)

    assert (telling.posted("ana"), len(telling.posted("bob"))) == ([], 1)


def test_a_rule_that_cannot_be_muted_is_told_all_the_same(telling: TellingWorld) -> None:
    telling.rules(can_be_muted=False)
    quiet = telling.quiet()
    telling.say("ana", **quiet)
    telling.match(*telling.happened(1))
    telling.say("ana", **quiet, **OFF)

    go_on(telling)

    assert len(telling.posted("ana")) == 1


def test_a_channel_is_told_whatever_the_person_that_it_names_wants_by_then(telling: TellingWorld) -> None:
    telling.rules(once=True, group=GROUP)
    telling.match(*telling.happened(1))
    telling.say("ana", **MUTED)

    go_on(telling)

    assert len(telling.posted("ana")) == 1
