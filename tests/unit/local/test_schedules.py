"""Schedules that go faster, with the emulator's own reading of them."""

import pytest
from ministack.services import eventbridge  # type: ignore[import-untyped]

from local.schedules import hurried


@pytest.mark.parametrize(
    ("expression", "interval_s"),
    [("rate(1 minute)", 15), ("rate(2 hours)", 1800), ("cron(0 3 * * ? *)", None), ("never", None)],
)
def test_a_rate_is_as_much_shorter_as_the_speed_says(expression: str, interval_s: float | None) -> None:
    assert hurried(eventbridge._parse_rate_seconds, 4)(expression) == interval_s
