"""The steps of a rule that escalates: what is refused, and what is the same for all that it tells of one thing."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.config.test_blueprint_validate import RULE, wrong
from tests.unit.notifications.test_context import rendering_context
from tocsin.matching.ending import about_of
from tocsin.models import validated
from tocsin.rules.model import MAX_STEPS, NotificationRule


def step(minutes: int = 15, **fields: Any) -> dict[str, Any]:
    return {"after": f"minutes={minutes}", "destination_group": "oncall", **fields}


def rule(*steps: dict[str, Any], **fields: Any) -> NotificationRule:
    return validated(NotificationRule, {"name": "down", "escalate": steps} | fields)


def test_a_step_is_told_unless_somebody_acknowledged() -> None:
    (only,) = rule(step()).escalate

    assert (only.unless, only.transports, only.delay.total_seconds()) == ("acknowledged", (), 15 * 60)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([step(15), step(15)], "step 2 is not after the one before"),
        ([step(15), step(30), step(20)], "step 3 is not after the one before"),
        ([step(number) for number in range(1, MAX_STEPS + 2)], "at most 10 items"),
        ([step(0)], "after"),
        ([step(7 * 24 * 60 + 1)], "must be a minute at least, and seven days at most"),
        ([step(unless="told")], "unless"),
        ([{"after": "hours=1"}], "destination_group"),
        ([step(transports=["a", "a"])], "names a transport more than once"),
    ],
    ids=["same", "falling", "too many", "at once", "too late", "unless", "nobody", "twice"],
)
def test_steps_that_can_not_follow_one_another_are_refused(steps: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        rule(*steps)


def test_what_a_step_names_must_be_there() -> None:
    steps = [step(15), step(30, destination_group="second", transports=["inbox", "sms"])]

    assert wrong(rules=[RULE | {"escalate": steps}]) == {
        "rules[0].escalate[1].destination_group": "there is no group 'second'; there are: oncall",
        "rules[0].escalate[1].transports[1]": "there is no transport 'sms'; there are: inbox",
    }


def test_a_rule_has_the_groups_and_transports_of_its_steps() -> None:
    several = rule(
        step(15, transports=["mail", "sms"]),
        step(30, destination_group="second"),
        transports=["mail"],
        destination_group="oncall",
    )

    assert several.destination_groups == ("oncall", "second")
    assert several.all_transports == ("mail", "sms")


def test_each_event_is_a_matter_of_its_own_where_the_rule_says_nothing_else() -> None:
    events = [rendering_context().event for _ in range(2)]

    def about(**fields: Any) -> set[str | None]:
        return {about_of(rule(**fields), event) for event in events}

    assert about() == {None}
    assert len(about(escalate=[step()])) == 2
    assert len(about(escalate=[step()], group={})) == 1
    assert about(escalate=[step()], group={}) == about(group={})
    assert about(escalate=[step()], resolve={"action": "up"}) == about(resolve={"action": "up"})
