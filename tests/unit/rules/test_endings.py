"""Which events end what rules told of."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.notifications.test_context import rendering_context
from tocsin.events.model import Cause
from tocsin.expressions import ExpressionError
from tocsin.models import validated
from tocsin.patterns import PatternError
from tocsin.rules.endings import Ended, Endings
from tocsin.rules.model import NotificationRule
from tocsin.types import JsonObject

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Nobody:
    """An audience that knows nobody."""

    def user(self) -> JsonObject:
        return {"username": "alice"}

    def is_in_group(self, group: str) -> bool:
        return group == ""

    def username(self) -> str | None:
        return None


def rule(name: str = "down", **fields: Any) -> NotificationRule:
    return validated(NotificationRule, {"name": name, **fields})


@pytest.mark.parametrize(
    ("resolve", "ends"),
    [
        (None, False),
        ({"action": "service_up"}, True),
        ({"action": "custom_"}, True),
        ({"action": "service_down"}, False),
        ({"action": "service_up", "app": "another"}, False),
        ({"query": "event.action == 'custom_service_up'"}, True),
        ({"action": "service_up", "query": "event.action == 'x'"}, False),
        ({"action": "service_up", "query": "event.context.absent == 1"}, False),
        ({"query": "user.username == 'alice'"}, True),
        ({"query": "user.username == 'bob'"}, False),
    ],
    ids=str,
)
def test_an_event_ends_what_its_matcher_says(resolve: dict[str, Any] | None, ends: bool) -> None:
    event = rendering_context(action="custom_service_up").event

    found = Endings((rule(resolve=resolve),)).of(event, Nobody(), NOW)

    assert [each.name for each in found.rules] == (["down"] if ends else [])


def test_a_rule_that_is_off_ends_nothing() -> None:
    event = rendering_context(action="custom_service_up").event
    rules = (rule(resolve={"action": "service_up"}, enabled=False), rule("other", resolve={"action": "service_up"}))

    assert [each.name for each in Endings(rules).of(event, Nobody(), NOW).rules] == ["other"]


def test_a_query_that_does_not_compile_is_refused_or_ends_nothing() -> None:
    rules = (rule(resolve={"query": "event.("}),)

    with pytest.raises(ExpressionError):
        Endings(rules)
    endings = Endings(rules, lenient=True)

    assert endings.broken.keys() == {"down"}
    assert endings.of(rendering_context(action="custom_service_up").event, Nobody(), NOW) == Ended()


def test_a_pattern_that_can_not_be_loaded_is_refused_or_breaks_no_other_end() -> None:
    """As a hand in the table may have stored it: it kept every rule from being loaded."""
    odd = rule("odd", resolve={"client_ip": "10.0.0.0/8"})
    assert odd.resolve is not None
    odd = replace(odd, resolve=replace(odd.resolve, client_ip="10.0.0.0/99"))
    event = rendering_context(action="custom_service_up").event

    with pytest.raises(PatternError):
        Endings((odd,))
    endings = Endings((rule(resolve={"action": "service_up"}), odd), lenient=True)

    assert endings.broken.keys() == {"odd"}
    assert [each.name for each in endings.of(event, Nobody(), NOW).rules] == ["down"]


def test_a_query_that_fails_is_said_and_keeps_no_other_from_ending() -> None:
    event = rendering_context(action="custom_service_up").event
    rules = (rule("odd", resolve={"query": "event.context.absent == 1"}), rule("up", resolve={"action": "service_up"}))

    found = Endings(rules).of(event, Nobody(), NOW)

    ((name, error),) = found.failures
    assert (name, [each.name for each in found.rules]) == ("odd", ["up"])
    assert "absent" in error


def test_a_query_that_fails_on_what_tocsin_itself_reports_is_not_said() -> None:
    reported = replace(rendering_context(action="custom_service_up").event, cause=Cause("other", None, 1))

    found = Endings((rule(resolve={"query": "event.context.absent == 1"}),)).of(reported, Nobody(), NOW)

    assert found == Ended()


def test_what_tocsin_itself_made_of_what_a_rule_told_does_not_end_it() -> None:
    ends = {"action": "service_up"}
    made = replace(rendering_context(action="custom_service_up").event, cause=Cause("down", None, 1))

    found = Endings((rule("down", resolve=ends), rule("other", resolve=ends))).of(made, Nobody(), NOW)

    assert [each.name for each in found.rules] == ["other"]
