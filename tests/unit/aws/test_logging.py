"""What a line of a log has, and a metric's; and that they have no more than somebody asks for."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from tocsin.aws import logging as own
from tocsin.aws import metrics
from tocsin.aws.logging import Code, logged, logger, note
from tocsin.aws.metrics import Metric, measured, metered
from tocsin.aws.tracing import caused_by

INVOCATION = "1-00000001-000000000000000000000001"
REQUEST = "1-00000002-000000000000000000000002"


@pytest.fixture(autouse=True)
def invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "_invocation", {"cold_start": True})
    monkeypatch.setattr(metrics, "_collected", {})
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "ingest")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "tocsin")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={INVOCATION};Parent=53995c3f42cd8ad8;Sampled=1")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_has_its_facts_and_the_invocations(capsys: pytest.CaptureFixture[str]) -> None:
    @logged
    def handler(event: dict[str, Any], context: Any) -> None:
        note(Code.EVENT_STORED, "event stored", event_id="e1", absent=None)

    handler({}, SimpleNamespace(aws_request_id="r1"))  # type: ignore[arg-type]
    handler({}, SimpleNamespace(aws_request_id="r2"))  # type: ignore[arg-type]

    first, second = lines(capsys)
    assert first.pop("timestamp")
    assert first == {
        "level": "INFO",
        "message": "event stored",
        "service": "ingest",
        "cold_start": True,
        "code": "EVENT_STORED",
        "event_id": "e1",
        "trace_id": INVOCATION,
    }
    assert second.keys() == first.keys() - {"cold_start"} | {"timestamp"}


def test_a_line_of_trouble_names_its_invocation(capsys: pytest.CaptureFixture[str]) -> None:
    @logged
    def handler(event: dict[str, Any], context: Any) -> None:
        note(Code.EVENTS_UNAVAILABLE, "no table", level=logging.WARNING)

    handler({}, SimpleNamespace(aws_request_id="r1"))  # type: ignore[arg-type]

    assert [line["function_request_id"] for line in lines(capsys)] == ["r1"]


def test_a_line_names_the_invocations_trace_where_it_is_about_another(capsys: pytest.CaptureFixture[str]) -> None:
    with caused_by(f"Root={REQUEST}"):
        note(Code.RULE_FIRED, "rule fired")

    (line,) = lines(capsys)
    assert (line["trace_id"], line["xray_trace_id"]) == (REQUEST, INVOCATION)


def test_an_exception_has_its_name_and_where_it_was_raised(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int("x")
    except ValueError:
        logger.exception("it is no number", extra={"code": "READ"})

    (line,) = lines(capsys)
    assert (line["level"], line["code"], line["exception_name"]) == ("ERROR", "READ", "ValueError")
    assert "test_logging.py" in line["exception"]


@pytest.mark.parametrize("odd", ["\ud800", 2**70, {1: "a"}, object()], ids=["surrogate", "large", "key", "object"])
def test_no_fact_loses_its_line(odd: object, capsys: pytest.CaptureFixture[str]) -> None:
    note(Code.EVENT_STORED, "stored", fact=odd)

    (line,) = lines(capsys)
    assert line["code"] == "EVENT_STORED"


def test_what_is_less_severe_than_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    note(Code.KEY_ACCEPTED, "accepted", level=logging.DEBUG)

    assert lines(capsys) == []


def test_counts_and_ages_whose_dimensions_agree_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    @metered
    def handler() -> None:
        measured(Metric.DELIVERIES, mode="webhook", outcome="delivered")
        measured(Metric.DELIVERIES, mode="webhook", outcome="delivered")
        measured(Metric.DELIVERY_AGE, 12.5, mode="webhook")
        measured(Metric.DELIVERIES, mode="webhook", outcome="failed")

    handler()

    delivered, failed = lines(capsys)
    directives = delivered["_aws"]["CloudWatchMetrics"]
    assert {(each["Metrics"][0]["Name"], tuple(each["Dimensions"][0])) for each in directives} == {
        ("Deliveries", ("mode", "outcome", "service")),
        ("DeliveryAge", ("mode", "service")),
    }
    assert (delivered["Deliveries"], delivered["DeliveryAge"], delivered["outcome"]) == ([2], [12.5], "delivered")
    assert (failed["Deliveries"], failed["outcome"]) == ([1], "failed")


def test_a_count_of_nothing_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    measured(Metric.EVENTS_REFUSED, 0)
    metrics.flush()

    assert lines(capsys) == []
