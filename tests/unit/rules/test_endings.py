"""Which events end what rules told of."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.notifications.test_context import rendering_context
from tocsin.expressions import ExpressionError
from tocsin.models import validated
from tocsin.rules.endings import Endings
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

    assert [each.name for each in found] == (["down"] if ends else [])


def test_a_rule_that_is_off_ends_nothing() -> None:
    event = rendering_context(action="custom_service_up").event
    rules = (rule(resolve={"action": "service_up"}, enabled=False), rule("other", resolve={"action": "service_up"}))

    assert [each.name for each in Endings(rules).of(event, Nobody(), NOW)] == ["other"]


def test_a_query_that_does_not_compile_is_refused_or_ends_nothing() -> None:
    rules = (rule(resolve={"query": "event.("}),)

    with pytest.raises(ExpressionError):
        Endings(rules)
    endings = Endings(rules, lenient=True)

    assert endings.broken.keys() == {"down"}
    assert endings.of(rendering_context(action="custom_service_up").event, Nobody(), NOW) == ()
