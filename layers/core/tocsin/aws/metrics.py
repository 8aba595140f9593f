"""What is counted: few metrics of few dimensions, as lines of a function's log (CloudWatch's embedded metric format).

They are collected while a function runs and written when it ends, in as few lines as their dimensions allow, below the
namespace POWERTOOLS_METRICS_NAMESPACE. A metric of one dimension costs about 0.30 $ a month, so none has an event's,
a rule's or a person's name.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from threading import Lock

import orjson

MAX_VALUES = 99
"""How many values of a metric are kept of one invocation: a line takes 100."""


class Metric(StrEnum):
    """What is counted, with the dimensions that it has beside `service`, the function."""

    EVENTS_ACCEPTED = "EventsAccepted"
    EVENTS_REFUSED = "EventsRefused"
    EVENTS_MATCHED = "EventsMatched"
    """Times that a rule fired for an event, and told somebody or nobody."""
    EVENTS_HELD = "EventsHeld"
    """Times that a rule fired and told nobody for a `reason`: age, throttle, silence."""
    DELIVERIES_KEPT_BACK = "DeliveriesKeptBack"
    """What was not told at once, or at all, by the `cause`: muted, quiet_hours, digest, …"""
    ESCALATIONS = "Escalations"
    """Steps of escalations that were due, by `outcome`: told, acknowledged, seen, ended, gone."""
    DELIVERIES = "Deliveries"
    """Outcomes of attempts, by `mode` and `outcome`: delivered, retrying, held, failed, discarded."""
    DELIVERY_AGE = "DeliveryAge"
    """Milliseconds from an event's creation to its delivery, by `mode`."""


type Series = tuple[Metric, tuple[tuple[str, str], ...]]

_collected: dict[Series, list[float]] = {}
_lock = Lock()


def measured(metric: Metric, value: float = 1, **dimensions: str) -> None:
    """Add `value` to a metric; counts of one invocation become one value, ages keep each. A count of 0 says nothing."""
    if not value and metric is not Metric.DELIVERY_AGE:
        return
    series = (metric, tuple(sorted(dimensions.items())))
    with _lock:
        values = _collected.setdefault(series, [])
        if metric is Metric.DELIVERY_AGE or not values:
            values.extend([value] if len(values) < MAX_VALUES else [])
        else:
            values[0] += value


def metered[**P, T](handler: Callable[P, T]) -> Callable[P, T]:
    """Write what was counted when the handler has ended, however it did."""

    @wraps(handler)
    def metering(*arguments: P.args, **options: P.kwargs) -> T:
        try:
            return handler(*arguments, **options)
        finally:
            flush()

    return metering


def flush() -> None:
    """Write what was counted since the last time."""
    with _lock:
        collected = dict(_collected)
        _collected.clear()
    documents: list[dict[str, object]] = []
    told: list[dict[str, str]] = []
    for (metric, dimensions), values in collected.items():
        own = {**dict(dimensions), "service": os.environ.get("POWERTOOLS_SERVICE_NAME", "")}
        for number, known in enumerate(told):
            agrees = all(known.get(name, value) == value for name, value in own.items())
            if agrees and metric.value not in documents[number]:
                break
        else:
            number = len(told)
            told.append({})
            documents.append({"_aws": {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": []}})
        told[number] |= own
        documents[number] |= own | {metric.value: values}
        _directives(documents[number]).append(_directive(metric, own))
    for document in documents:
        print(orjson.dumps(document).decode())  # the embedded metric format is a line of the log


def _directive(metric: Metric, dimensions: dict[str, str]) -> dict[str, object]:
    unit = "Milliseconds" if metric is Metric.DELIVERY_AGE else "Count"
    return {
        "Namespace": os.environ.get("POWERTOOLS_METRICS_NAMESPACE", ""),
        "Dimensions": [sorted(dimensions)],
        "Metrics": [{"Name": metric.value, "Unit": unit}],
    }


def _directives(document: dict[str, object]) -> list[object]:
    aws = document["_aws"]
    return aws["CloudWatchMetrics"] if isinstance(aws, dict) else []
