"""A batch of 100 stream records against 1,000 rules through the matcher's handler: the time in our own code.

AWS is moto, whose time says nothing of AWS's: it is taken out by timing botocore's calls. What is printed is the
rest, for a warm function, and how many calls were made.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient

from tests.bench.spans import covered
from tests.integration.conftest import Stack
from tests.integration.conftest import stack as stack  # noqa: PLC0414 - a fixture, by name
from tests.integration.matching.matching_world import FAILED_LOGIN, configure, event, record, rule

RULES = 1000
RECORDS = 100


class Calls:
    """When AWS calls ran. Calls made in parallel count once, as long as any runs."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []

    @property
    def seconds(self) -> float:
        """How long at least one call was under way."""
        return covered(self.spans)


@contextmanager
def timed_calls() -> Iterator[Calls]:
    calls = Calls()
    original = BaseClient._make_api_call

    def call(self: BaseClient, operation: str, params: dict[str, Any]) -> Any:
        started = time.perf_counter()
        try:
            return original(self, operation, params)
        finally:
            calls.spans.append((started, time.perf_counter()))

    with patch.object(BaseClient, "_make_api_call", call):
        yield calls


@pytest.mark.parametrize("firing", [0, 1], ids=["no record fires", "each record fires one rule"])
def test_a_batch_of_100_records_against_1000_rules(
    stack: Stack, firing: int, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = [
        {"name": f"p{n}", "kind": "event_matcher", "action": f"action_{n % 40}", "app": f"app-{n}"}
        for n in range(RULES)
    ]
    rules = [rule(name=f"r{n:04d}", bindings=[{"policy": f"p{n}"}]) for n in range(RULES - firing)]
    configure(stack, policies=[*policies, FAILED_LOGIN], rules=rules + ([rule()] if firing else []))
    function = stack.function("matcher")
    batches = [
        {"Records": [record(event(context={"n": n, "text": "x" * 400}), n) for n in range(RECORDS)]} for _ in range(4)
    ]
    function.handler(batches[0], stack.context)

    own: list[float] = []
    for batch in batches[1:]:
        with timed_calls() as calls:
            started = time.perf_counter()
            answer = function.handler(batch, stack.context)
            own.append(time.perf_counter() - started - calls.seconds)
        assert answer == {"batchItemFailures": []}

    capsys.readouterr()
    with capsys.disabled():
        print(
            f"\n{RECORDS} records, {RULES} rules, {firing} firing:"
            f" {min(own) * 1000:.1f} ms in our code, {len(calls.spans)} calls"
        )
