"""What passes where nothing comes: the functions that run each minute, all of them."""

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.cost.__main__ import idle_month
from local.cost.bill import Prices, a_month
from local.cost.meter import Usage, used
from local.cost.stage import staged
from local.cost.workload import Workload, each_minute, idles
from local.workspace import ROOT

PRICES = Prices.read()
EACH_MINUTE = ["api", "jobs", "redrive", "rollup", "websocket"]


def test_the_functions_that_a_schedule_calls_are_those_of_the_template() -> None:
    template = yaml_parse((ROOT / "template.yaml").read_text("utf-8"))

    assert sorted(each_minute(template)) == EACH_MINUTE


@pytest.fixture(scope="module")
def idle() -> Usage:
    with staged(PRICES.assumed) as stage:
        return idles(stage, Workload(), pause_s=0)


def test_each_of_them_is_counted_once_a_minute(idle: Usage) -> None:
    """The fault: two of five were."""
    for name in EACH_MINUTE:
        assert idle[f"lambda.requests:{name}"] == pytest.approx(1 / 60)
        assert idle[f"lambda.gb_s:{name}"] > 0


def test_what_a_function_reads_at_its_first_run_alone_is_not_counted_each_minute(idle: Usage) -> None:
    """The fault: the roll-ups' first run counts the hours since midnight, and was taken for each minute's."""
    assert idle["dynamodb.write:events"] * 60 <= 6  # the running hour's counts, claimed and stored; where it ends, more


def test_each_run_is_a_trace_where_functions_trace_of_their_own_accord(idle: Usage) -> None:
    assert idle["xray.traces"] * 60 == pytest.approx(len(EACH_MINUTE))


@pytest.mark.parametrize("rate", [1.0, 1_000.0])
def test_without_tracing_there_are_no_traces_whatever_the_rate(rate: float) -> None:
    assert Workload(rate=rate).traced(1 / 60) * rate == pytest.approx(1 / 60)
    assert Workload(rate=rate, tracing="PassThrough").traced(1 / 60) == 0


def test_a_month_is_30_days_of_it_and_says_what_each_function_costs() -> None:
    passes = used(**{"sqs.requests": 1, "lambda.requests:redrive": 1 / 60, "logs.bytes:rollup": 1_000})

    said = idle_month(passes, ["redrive", "rollup"], PRICES)

    assert a_month(passes)["lambda.requests:redrive"] == pytest.approx(43_200)
    assert said.startswith("Where nothing comes: $2.34 a month (logs.bytes 1.30, sqs.requests 1.04")
    assert said.endswith("each minute: rollup 1.296, redrive 0.009.")
