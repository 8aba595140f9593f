"""The worst hours on the deployed stack: bad endpoints, processes that are killed, IAM enforced.

`make test` runs a few dozen deliveries; `make storm` 2,000 (STORM_DELIVERIES). tests/integration has the same on
moto, where single instructions can be chosen to die at.
"""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.stack import LocalStack
from tests.bad_endpoints import raging
from tests.stack.storming import ENDPOINTS, Killer, Weather, report

FULL_SIZE = int(os.environ.get("STORM_DELIVERIES", "2000"))


@pytest.fixture
def weather(stack: LocalStack) -> Iterator[Weather]:
    """The endpoints, and a rule that tells of events by each of them."""
    with raging() as storm:
        storm.slowness_s = 0.4  # so that there is a batch to be killed with
        weather = Weather(stack, storm)
        with weather.configured():
            yield weather


@pytest.mark.parametrize(
    ("deliveries", "strikes", "hangs", "every_s", "deadline_s"),
    [
        pytest.param(40, 1, 0, (0.0, 0.1), 150, id="40"),
        pytest.param(FULL_SIZE, 60, None, (1.0, 5.0), 1800, id=str(FULL_SIZE), marks=pytest.mark.exhaustive),
    ],
)
def test_a_storm_loses_nothing_and_repeats_only_what_was_never_answered(
    weather: Weather,
    capsys: pytest.CaptureFixture[str],
    deliveries: int,
    strikes: int,
    hangs: int | None,
    every_s: tuple[float, float],
    deadline_s: float,
) -> None:
    began = time.monotonic()
    weather.storm.hangs = hangs
    killer = Killer(weather.stack, weather.storm, strikes=strikes, every_s=every_s)

    with killer.about():
        expected = weather.post(-(-deliveries // len(ENDPOINTS)))
        weather.rage(expected, deadline_s=deadline_s)

    ended = weather.ended()
    with capsys.disabled():
        report(weather, killer, ended, time.monotonic() - began, print)
    assert ended.keys() == expected
    assert {delivery.state for delivery in ended.values()} <= {"delivered", "failed"}
    assert [delivery.id for delivery in ended.values() if not (delivery.reasons and delivery.reasons[-1])] == []
    assert [delivery.story for delivery in ended.values() if not delivery.justified] == []
    assert killer.killed["webhook"] > 0
    assert any("interrupted" in delivery.reasons for delivery in ended.values())
    assert weather.depth("WebhookDeadLetters") == 0
    assert states(ended, "redirects", "forbids") == {"failed"}
    assert "delivered" in states(ended, "well", "endless")


def states(ended: dict[str, Any], *endpoints: str) -> set[str]:
    """The states that the endpoints' deliveries ended in."""
    return {delivery.state for delivery in ended.values() if delivery.transport.removeprefix("storm-") in endpoints}
