"""The key of what a rule tells of: items and messages have it, so it stays what it is."""

import pytest

from tests.unit.rules.test_ruleset import event, rule
from tocsin.matching.ending import about_of


@pytest.mark.parametrize("paths", [["app", "context.host"], ["context.host", "app"]])
@pytest.mark.parametrize("host", [{"name": "web", "zone": "a"}, {"zone": "a", "name": "web"}])
def test_a_key_is_the_same_in_whatever_order_its_values_come_and_with_each_release(
    paths: list[str], host: dict[str, str]
) -> None:
    ends = rule("down", resolve={"action": "up", "by": paths})

    assert about_of(ends, event(context={"host": host})) == "a3f8afb37a31dd4767d58faec3ec3953"
