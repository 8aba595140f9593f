"""From units to dollars, drivers and quotas."""

import json

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.cost.bill import Prices, a_million, by_kind, dollars, drivers, quotas
from local.cost.meter import used
from local.cost.stage import Stage
from local.cost.workload import Driven, Workload, access_line, requests_billed
from local.workspace import ROOT

PRICES = Prices.read()


def driven() -> Driven:
    """An event that takes a request and four write units, and 60 requests a minute of SQS whatever comes."""
    stages = {
        "ingest": used(**{"http_api.requests": 1, "dynamodb.write:events": 3, "lambda.requests:ingest": 1}),
        "webhook": used(**{"dynamodb.write:deliveries": 1, "storage.gb_months": 1}),
    }
    return Driven(stages, used(**{"sqs.requests": 1}), {"ingest": 0.01})


def test_a_million_costs_a_million_times_an_event_and_its_part_of_what_always_passes() -> None:
    usage = a_million(driven(), Workload(rate=10))

    costs = dollars(usage, PRICES)

    assert usage["dynamodb.write:events"] == 3_000_000
    assert usage["sqs.requests"] == pytest.approx(100_000)  # a request a second, at 10 events a second
    assert costs["dynamodb.write:events"] == pytest.approx(1.875)
    assert costs["http_api.requests"] == pytest.approx(1.0)


def test_what_has_no_price_is_an_error_rather_than_free() -> None:
    with pytest.raises(KeyError):
        dollars(used(**{"dynamodb.dreams:events": 1}), PRICES)


def test_every_price_says_where_it_stands() -> None:
    assert all(unit["source"].startswith("https://aws.amazon.com/") for unit in PRICES.units.values())


def test_drivers_are_what_costs_most_and_keeping_is_no_driver() -> None:
    costs = dollars(a_million(driven(), Workload(rate=10)), PRICES)

    assert [name for name, _ in drivers(costs, 2)] == ["dynamodb.write:events", "http_api.requests"]
    assert next(iter(by_kind(costs))) == "dynamodb.write"
    assert "storage.gb_months" not in by_kind(costs)


@pytest.mark.parametrize(
    ("rate", "batch", "first"),
    [
        (2_000.0, 1, "requests a second: parameter RequestsPerSecond"),
        (2_000.0, 100, "write units a second: one of 16 partition keys of a day's events"),
    ],
    ids=["singles", "batches"],
)
def test_the_nearest_quota_comes_first(rate: float, batch: int, first: str) -> None:
    found = quotas(driven(), Workload(rate=rate, batch=batch))

    assert found[0].what == first
    assert [quota.part for quota in found] == sorted((quota.part for quota in found), reverse=True)


def test_batches_grow_with_the_rate_up_to_what_lambda_hands_over() -> None:
    sizes = [(Workload(rate=rate).match_batch, Workload(rate=rate).delivery_batch()) for rate in (1.0, 1e3, 1e6)]

    assert sizes == [(1, 1), (16, 4), (31, 10)]


def test_the_matchers_window_fills_its_batches() -> None:
    sizes = [Workload(rate=100.0, match_window=window).match_batch for window in (0, 1, 5, 60)]

    assert sizes == [2, 6, 31, 100]


def test_a_line_of_the_access_log_has_a_value_in_the_place_of_each_variable() -> None:
    stage = Stage(None, None, {}, {}, yaml_parse((ROOT / "template.yaml").read_text("utf-8")))

    line = json.loads(access_line(stage))

    assert line["status"] == "201"
    assert not [value for value in line.values() if "$" in value]


@pytest.mark.parametrize(("size", "billed"), [(0, 1), (512 * 1024, 1), (512 * 1024 + 1, 2), (1024 * 1024, 2)])
def test_a_request_counts_for_each_512_kilobytes_that_it_begins(size: int, billed: int) -> None:
    assert requests_billed(size) == billed
