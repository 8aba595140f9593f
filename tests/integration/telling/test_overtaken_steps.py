"""A step that is handed on to the matcher, and overtaken before it is told."""

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.escalation_world import EscalatingWorld
from tocsin.aws.logging import Code
from tocsin.events.model import Event


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> EscalatingWorld:
    return EscalatingWorld(stack, monkeypatch, sinks)


def handed_on(telling: EscalatingWorld) -> Event:
    """An event whose first step is in the matcher's queue, and not yet told."""
    telling.rules(resolve={"action": "service_up", "by": ["context.host"]})
    event = telling.event(context={"host": "web-1"})
    telling.begin(event)
    telling.later(minutes=15)
    telling.redrive()
    return event


def over(telling: EscalatingWorld) -> Event:
    return telling.event(app="monitor", action="custom_service_up", context={"host": "web-1"})


@pytest.mark.parametrize("anew", [False, True], ids=["over", "over and begun anew"])
def test_an_end_that_comes_while_a_step_is_handed_on_keeps_it_from_being_told(
    telling: EscalatingWorld, *, anew: bool, caplog: pytest.LogCaptureFixture
) -> None:
    handed_on(telling)

    end = over(telling)
    telling.match(end)
    if anew:
        telling.later(seconds=1)
        telling.match(telling.event(context={"host": "web-1"}))
    telling.work_off()
    telling.deliver()

    assert telling.heard()["eve"] == 0
    (why,) = [line.message for line in caplog.records if getattr(line, "code", None) == Code.ESCALATION_STOPPED]
    assert why == ("what the rule told of has expired, or began anew" if anew else f"event {end.id} ended it")


def test_a_rule_that_has_fewer_steps_by_the_time_that_one_is_told_tells_it_no_more(telling: EscalatingWorld) -> None:
    handed_on(telling)

    telling.rules(escalate=[])

    assert telling.work_off() == 1
    telling.deliver()
    assert telling.heard()["eve"] == 0
