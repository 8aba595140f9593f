"""Which field is to blame for a condition."""

from typing import Annotated, Any

import pytest

from tocsin.fields import ByKind
from tocsin.models import adapter, validated
from tocsin.rules.model import NotificationRule, Policy, Silence
from tocsin.rules.parts import said_in, source_of

SILENCE = {"name": "s", "starts": "2026-03-01T12:00:00Z", "ends": "2026-03-01T13:00:00Z", "comment": "-"}


@pytest.mark.parametrize(
    ("given", "field", "source"),
    [
        ({"kind": "event_matcher", "action": "login"}, "", None),
        ({"kind": "event_matcher", "query": "true"}, "query", "true"),
        ({"kind": "pattern", "pattern": {"action": ["login"]}}, "pattern", None),
        ({"kind": "expression", "expression": "false"}, "expression", "false"),
    ],
)
def test_a_policys_condition_is_in_the_field_that_says_it(given: dict[str, Any], field: str, source: str) -> None:
    policy: Any = adapter(Annotated[Policy, ByKind]).validate_python({"name": "p"} | given)

    assert (said_in(policy), source_of(policy)) == (field, source)


def test_a_rules_own_condition_is_that_of_its_end() -> None:
    assert said_in(validated(NotificationRule, {"name": "r"})) == "resolve.query"


@pytest.mark.parametrize(
    ("given", "field"), [({"matcher": {"app": "shop"}}, "matcher"), ({"pattern": {"app": ["shop"]}}, "pattern")]
)
def test_a_silences_condition_is_its_matcher_or_its_pattern(given: dict[str, Any], field: str) -> None:
    assert said_in(validated(Silence, SILENCE | given)) == field
