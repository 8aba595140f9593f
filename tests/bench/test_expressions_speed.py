"""How long expressions take: to compile, to bind an event, to evaluate on it. Run by `make bench`.

Over the 455 audit records, each as an event of its own, so a time is for all of them.
"""

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tocsin.expressions import MAPPING_NAMES, POLICY_NAMES, Bindings, Expression, bind
from tocsin.types import JsonObject

RECORDS = Path(__file__).parents[1] / "data" / "audit_logs.jsonl"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = "event.context.?eventName.orValue('').startsWith('Delete') && timestamp(event.created) < now"
MAPPING = "{'text': event.action + ' in ' + event.app, 'user': event.user, 'at': event.created}"


def _event(number: int, line: bytes) -> JsonObject:
    record = orjson.loads(line)
    return {
        "id": f"0195-{number}",
        "action": "custom_audit",
        "app": record["log_type"],
        "context": record["log"],
        "user": {"username": "alice", "pk": 7, "email": "alice@example.org"},
        "client_ip": "10.0.0.1",
        "created": "2026-02-28T12:00:00Z",
    }


@pytest.fixture(scope="module")
def events() -> list[JsonObject]:
    return [_event(number, line) for number, line in enumerate(RECORDS.read_bytes().splitlines())]


@pytest.fixture(scope="module")
def bound(events: list[JsonObject]) -> list[Bindings]:
    bindings = [bind(event=event, now=NOW) for event in events]
    for one in bindings:
        Expression.compile("event.id").evaluate(one)
    return bindings


def test_compile_a_policy(benchmark: BenchmarkFixture) -> None:
    expression = benchmark(lambda: Expression(POLICY, POLICY_NAMES, predicate=True))

    assert expression.source == POLICY


def test_bind_455_records(benchmark: BenchmarkFixture, events: list[JsonObject]) -> None:
    bindings = benchmark(lambda: [bind(event=event, now=NOW) for event in events])

    assert len(bindings) == 455


def test_bind_455_records_and_test_one_policy(benchmark: BenchmarkFixture, events: list[JsonObject]) -> None:
    policy = Expression.compile(POLICY, predicate=True)

    results = benchmark(lambda: [policy.test(bind(event=event, now=NOW)) for event in events])

    assert 0 < sum(results) < 455


def test_one_policy_on_455_bound_records(benchmark: BenchmarkFixture, bound: list[Bindings]) -> None:
    policy = Expression.compile(POLICY, predicate=True)

    results = benchmark(lambda: [policy.test(one) for one in bound])

    assert 0 < sum(results) < 455


def test_one_mapping_on_455_bound_records(benchmark: BenchmarkFixture, bound: list[Bindings]) -> None:
    mapping = Expression.compile(MAPPING, MAPPING_NAMES)

    results = benchmark(lambda: [mapping.evaluate(one) for one in bound])

    assert len(results) == 455


def test_the_cost_of_a_loop_estimated_on_a_large_event(benchmark: BenchmarkFixture) -> None:
    items = [{"name": f"item {number}", "count": number, "note": "x" * 100} for number in range(200)]
    one = bind(event={"context": {"items": items}})
    mapping = Expression.compile("event.context.items.filter(item, item.count > 100).map(item, item.name)")

    result = benchmark(lambda: mapping.evaluate(one))

    assert len(result) == 99
