"""What is counted: few metrics of few dimensions, as lines of a function's log (CloudWatch's embedded metric format).

They are collected while a function runs and written when it ends, one line for each set of dimensions, below the
namespace POWERTOOLS_METRICS_NAMESPACE. A metric of one dimension costs about 0.30 $ a month, so none has an event's,
a rule's or a person's name.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from threading import Lock

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

MAX_VALUES = 99
"""How many values of a metric are kept of one invocation; at 100, Powertools writes a line by itself."""


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
    DELIVERIES = "Deliveries"
    """Outcomes of attempts, by `mode` and `outcome`: delivered, retrying, held, failed, discarded."""
    DELIVERY_AGE = "DeliveryAge"
    """Milliseconds from an event's creation to its delivery, by `mode`."""


type Series = tuple[Metric, tuple[tuple[str, str], ...]]

_collected: dict[Series, list[float]] = {}
_lock = Lock()


def measured(metric: Metric, value: float = 1, **dimensions: str) -> None:
    """Add `value` to a metric; counts of one invocation become one value, ages keep each."""
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
    lines: dict[tuple[tuple[str, str], ...], dict[Metric, list[float]]] = {}
    for (metric, dimensions), values in collected.items():
        lines.setdefault(dimensions, {})[metric] = values
    for dimensions, metrics in lines.items():
        line = EphemeralMetrics()
        for name, value in dimensions:
            line.add_dimension(name, value)
        for metric, values in metrics.items():
            unit = MetricUnit.Milliseconds if metric is Metric.DELIVERY_AGE else MetricUnit.Count
            for each in values:
                line.add_metric(metric.value, unit, each)
        line.flush_metrics()
