"""Windows of throttles: when they begin and end."""

import json
from datetime import UTC, datetime

import pytest

from tests.unit.rules.test_ruleset import event
from tocsin.matching.throttle import Window, values_of
from tocsin.rules.model import Throttle
from tocsin.types import Json

NOW = datetime(2026, 11, 25, 14, 22, 27, tzinfo=UTC)
"""A Wednesday."""


@pytest.mark.parametrize(
    ("window", "begins", "ends"),
    [
        ("hours=1", "2026-11-25T14:00", "2026-11-25T15:00"),
        ("days=1", "2026-11-25T00:00", "2026-11-26T00:00"),
        ("hours=5", "2026-11-25T12:00", "2026-11-25T17:00"),
        ("minutes=50", "2026-11-25T13:40", "2026-11-25T14:30"),
        ("weeks=1", "2026-11-19T00:00", "2026-11-26T00:00"),
    ],
)
def test_windows_follow_one_another_from_1970_on(window: str, begins: str, ends: str) -> None:
    """The fault: they were said to begin at 0:00 UTC, which one of five hours does not."""
    made = Window.of("rule", Throttle(window=window, max=1), event(), NOW)

    assert made.names[1].startswith(begins)
    assert made.ends == datetime.fromisoformat(f"{ends}Z")


@pytest.mark.parametrize(
    ("paths", "name"), [((), "44136fa355b3678a1146ad16f7e8649e"), (("app",), "f44ff2f5f5d8f06011a39d930b0ed3d9")]
)
def test_a_group_has_the_name_that_it_has_always_had(paths: tuple[str, ...], name: str) -> None:
    """Under another one a release would let through what the windows before it held back."""
    made = Window.of("rule", Throttle(window="hours=1", max=1, group_by=paths), event(app="shop"), NOW)

    assert made.names == (f"throttle#rule#{name}", "2026-11-25T14:00:00.000Z")


def test_what_a_window_held_back_is_counted_under_its_first_event_and_expires() -> None:
    window = Window.of("rule", Throttle(window="hours=1", max=1), event(), NOW)

    counted = window.count_of({"b", "a", "c"})

    assert counted["pk"] == {"S": "#".join(window.names)}
    assert (counted["sk"], counted["held"]) == ({"S": "batch#a"}, {"N": "3"})
    assert counted["expires_at"] == {"N": str(int(datetime(2026, 11, 26, 16, tzinfo=UTC).timestamp()))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (5, 5.0),
        (0, -0.0),
        ([1, {"n": 2}], [1.0, {"n": 2.0}]),
        (2.5, 2.5),
        (2**53, 2.0**53),
        (2**63, 2.0**63),
        (-(2**63), -(2.0**63)),
        (1e300, 1e300),
    ],
)
def test_numbers_that_patterns_take_for_one_are_one_group(one: Json, other: Json) -> None:
    """The fault: from 2**53 on they were two."""
    groups = [json.dumps(values_of(event(context={"n": value}), ("context.n",))) for value in (one, other)]

    assert groups[0] == groups[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (0, None),
        (5, 5.5),
        (2**53 + 1, 2.0**53),
        ([1], [2]),
        ({"n": 1}, {"n": 2}),
    ],
)
def test_values_that_patterns_tell_apart_are_groups_of_their_own(one: Json, other: Json) -> None:
    groups = [json.dumps(values_of(event(context={"n": value}), ("context.n",))) for value in (one, other)]

    assert groups[0] != groups[1]
