"""An event as leaves, and whether one choice of array elements meets all conditions."""

import pytest

from tocsin.patterns import Pattern
from tocsin.patterns.leaves import NOWHERE, Step, consistent, value_at
from tocsin.types import Json, JsonObject


def test_a_condition_that_no_leaf_meets_can_not_be_met() -> None:
    assert not consistent([Step([NOWHERE]), Step([])])


def test_a_condition_of_absence_is_met_where_there_is_no_leaf() -> None:
    assert consistent([Step([NOWHERE]), Step([], there=[])])
    assert not consistent([Step([NOWHERE]), Step([], there=[NOWHERE])])


def test_a_value_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError, match="not set"):
        Pattern({"a": [1]}).matches({"a": {1}})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("event", "path", "found"),
    [
        ({"host": {"name": "web-1"}}, "host.name", "web-1"),
        ({"host.name": "web-1"}, "host.name", "web-1"),
        ({"host": {"a.b": {"name": 3}}}, "host.a.b.name", 3),
        ({"host.a": {"b.name": False}}, "host.a.b.name", False),
        ({"host": [{"name": "a"}, {"name": "b"}]}, "host.name", ["a", "b"]),
        ({"host": [{"name": "a"}]}, "host.name", "a"),
        ({"host": ["a", "b"]}, "host", ["a", "b"]),
        ({"host": {"name": "a"}, "host.name": "b"}, "host.name", ["b", "a"]),
        ({"host": "web-1"}, "host.name", None),
        ({"host": {"name": "a"}}, "host.nam", None),
        ({"hos": {"t.name": "a"}}, "host.name", None),
    ],
)
def test_a_value_is_found_at_a_path_as_patterns_find_it(event: JsonObject, path: str, found: Json) -> None:
    assert value_at(event, path) == found
    assert Pattern({path: [{"exists": True}]}).matches(event) is (found is not None)
