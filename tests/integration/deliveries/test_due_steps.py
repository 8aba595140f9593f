"""Steps that are due: by the rule as it is now, one after another, each handed on once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing
from tests.integration.telling.telling_world import ONCALL
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.due_steps import LEASE, DueSteps
from tocsin.deliveries.escalation_store import ESCALATION_SHARDS, EscalationStore
from tocsin.deliveries.matters import DueMatter, Matter
from tocsin.ids import new_id
from tocsin.models import validated

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEEP = timedelta(days=7)
STEPS = [
    {"after": "minutes=15", "destination_group": "oncall"},
    {"after": "minutes=30", "destination_group": "oncall"},
]


class Escalating:
    """A matter of the rule `down`, begun at NOW; `handed_on` are the steps that were, by their index."""

    def __init__(self, stack: Stack) -> None:
        self.store = EscalationStore(stack.dynamodb, "deliveries")
        self.now = NOW
        self.handed_on: list[int] = []
        self._configuration = ConfigurationStore(stack.dynamodb, "config")
        self.steps = DueSteps(self.store, self._configuration, self._hand_on, lambda: self.now)
        self.rule(escalate=STEPS)
        due = NOW + timedelta(minutes=15)
        self.store.begin("down", "a", new_id(NOW), steps=2, due=due, now=NOW, keep=KEEP)

    def rule(self, *, name: str = "down", **fields: Any) -> None:
        configuration = {
            "groups": [{"name": ONCALL.name, "roster": ONCALL.roster}],
            "policies": [{"name": "shop", "kind": "event_matcher", "app": "shop"}],
            "rules": [{"name": name, "destination_group": "oncall", "bindings": [{"policy": "shop"}], **fields}],
        }
        replacing = self._configuration.version(fresh=True)
        self._configuration.publish(validated(Configuration, configuration), replacing=replacing, by="test")
        self._configuration.current(fresh=True)

    def due(self, minutes: float) -> list[DueMatter]:
        self.now = NOW + timedelta(minutes=minutes)
        return [each for shard in range(ESCALATION_SHARDS) for each in self.steps.due(shard)]

    def step(self, minutes: float) -> list[bool]:
        return [self.steps.step(due) for due in self.due(minutes)]

    def _hand_on(self, matter: Matter) -> None:
        self.handed_on.append(matter.step)


@pytest.fixture
def escalating(stack: Stack) -> Escalating:
    return Escalating(stack)


def test_each_step_is_handed_on_when_it_is_due_and_then_none(escalating: Escalating) -> None:
    done = [escalating.step(minutes) for minutes in (14.9, 15, 29.9, 30, 999)]

    assert done == [[], [True], [], [True], []]
    assert escalating.handed_on == [0, 1]


def test_steps_that_are_late_are_handed_on_one_after_another(escalating: Escalating) -> None:
    assert [escalating.step(60) for _ in range(3)] == [[True], [True], []]
    assert escalating.handed_on == [0, 1]


def test_what_another_run_has_claimed_is_not_handed_on_before_its_lease_is_over(escalating: Escalating) -> None:
    (due,) = escalating.due(15)
    escalating.store.claim(due, now=escalating.now, lease=LEASE)

    assert (escalating.steps.step(due), escalating.handed_on) == (False, [])
    minutes = 15 + LEASE / timedelta(minutes=1)
    assert (escalating.due(minutes - 0.01), escalating.step(minutes)) == ([], [True])


def test_a_step_whose_rule_tells_it_later_by_now_waits_for_that(escalating: Escalating) -> None:
    escalating.rule(escalate=[{"after": "minutes=20", "destination_group": "oncall"}])

    done = [escalating.step(minutes) for minutes in (15, 19.9, 20)]

    assert (done, escalating.handed_on) == ([[False], [], [True]], [0])
    assert escalating.due(999) == []


@pytest.mark.parametrize("fields", [{"enabled": False, "escalate": STEPS}, {"name": "another", "escalate": STEPS}])
def test_of_a_rule_that_is_turned_off_or_gone_no_step_is_handed_on(
    escalating: Escalating, fields: dict[str, Any]
) -> None:
    escalating.rule(**fields)

    assert (escalating.step(15), escalating.handed_on) == ([False], [])
    assert escalating.due(999) == []


def test_steps_count_from_when_a_silence_ended(escalating: Escalating) -> None:
    matter = escalating.store.get("down", "a", now=NOW)
    assert matter is not None
    counted_from = NOW + timedelta(minutes=10)
    escalating.store.hold(matter, 0, counted_from + timedelta(minutes=15), counted_from=counted_from, keep=KEEP)

    assert [escalating.step(minutes) for minutes in (24.9, 25, 39.9, 40)] == [[], [True], [], [True]]


def test_where_no_rule_escalates_nothing_is_read(escalating: Escalating, stack: Stack) -> None:
    escalating.rule()

    with failing(lambda _: None, "Query", "BatchGetItem", table="deliveries", client=stack.dynamodb) as calls:
        found = escalating.due(15), escalating.steps.matters([("down", "a")])

    assert (found, calls) == (([], {}), [])


def test_matters_are_found_of_rules_that_escalate(escalating: Escalating) -> None:
    found = escalating.steps.matters([("down", "a"), ("down", "b"), ("another", "a")])

    assert list(found) == [("down", "a")]
    escalating.now = NOW + KEEP
    assert escalating.steps.matters([("down", "a")]) == {}
