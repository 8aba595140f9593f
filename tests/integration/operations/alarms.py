"""A small model of CloudWatch: metrics by the minute, and alarms of template.yaml evaluated against them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import operator
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.expanded_template import expanded_template

STACK = "AWS::StackName"
"""The namespace of our own metrics, as the template spells it."""

type Series = tuple[str, str, frozenset[tuple[str, str]]]
"""Namespace, name, dimensions; of a dimension's value the logical id that the template names."""

_COMPARED = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}
_STATISTICS = {"Sum": sum, "Maximum": max}


@dataclass
class Metrics:
    """What was measured, by the minute."""

    minute: int = 0
    values: dict[Series, dict[int, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def add(self, namespace: str, name: str, value: float, **dimensions: str) -> None:
        """Measure something in this minute."""
        self.values[namespace, name, frozenset(dimensions.items())][self.minute].append(value)

    def period(self, series: Series, seconds: int, start: int, statistic: str) -> float | None:
        """The statistic over the period that begins with the minute `start`; None where nothing was measured."""
        minutes = range(start, start + seconds // 60)
        found = [value for minute in minutes for value in self.values.get(series, {}).get(minute, [])]
        return float(_STATISTICS[statistic](found)) if found else None


def alarms() -> dict[str, dict[str, Any]]:
    """{logical id: properties} of the template's alarms."""
    return {
        name: each["Properties"]
        for name, each in expanded_template()["Resources"].items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }


def ringing(metrics: Metrics) -> set[str]:
    """The alarms that are in ALARM after the minutes that have passed."""
    return {name for name, alarm in alarms().items() if is_alarm(alarm, metrics)}


def is_alarm(alarm: Mapping[str, Any], metrics: Metrics) -> bool:
    """Whether as many of the last periods breach as the alarm asks for."""
    seconds = _period_of(alarm)
    length = seconds // 60
    complete = metrics.minute // length
    last = alarm["EvaluationPeriods"]
    periods = range(max(complete - last, 0), complete)
    values = [_value(alarm, metrics, number * length) for number in periods]
    missing = alarm["TreatMissingData"] == "breaching"
    compare = _COMPARED[alarm["ComparisonOperator"]]
    breaching = sum(missing if value is None else compare(value, alarm["Threshold"]) for value in values)
    return breaching >= int(alarm.get("DatapointsToAlarm", last))


def _period_of(alarm: Mapping[str, Any]) -> int:
    if "Metrics" not in alarm:
        return int(alarm["Period"])
    (seconds,) = {int(each["MetricStat"]["Period"]) for each in alarm["Metrics"] if "MetricStat" in each}
    return seconds


def _value(alarm: Mapping[str, Any], metrics: Metrics, start: int) -> float | None:
    if "Metrics" not in alarm:
        return metrics.period(_series(alarm), alarm["Period"], start, alarm["Statistic"])
    known: dict[str, float | None] = {}
    for each in alarm["Metrics"]:
        if "MetricStat" in each:
            stat = each["MetricStat"]
            known[each["Id"]] = metrics.period(_series(stat["Metric"]), stat["Period"], start, stat["Stat"])
    (expression,) = (each["Expression"] for each in alarm["Metrics"] if "Expression" in each)
    return computed(expression, known)


def computed(expression: str, known: Mapping[str, float | None]) -> float | None:
    """The value of metric math: what names a metric without data, other than in FILL, has none."""
    names = set(re.findall(r"\b[a-z]\w*", re.sub(r"FILL\([a-z]\w*, 0\)", "", expression)))
    if any(known[name] is None for name in names):
        return None
    functions = {
        "FILL": lambda value, instead: instead if value is None else value,
        "IF": lambda condition, then, otherwise: then if condition else otherwise,
    }
    # an expression of template.yaml, not of a stranger's
    found: float = eval(expression.replace("AND", "and"), {"__builtins__": {}}, {**functions, **known})
    return float(found)


def _series(metric: Mapping[str, Any]) -> Series:
    dimensions = frozenset((each["Name"], _named(each["Value"])) for each in metric["Dimensions"])
    return _named(metric["Namespace"]), metric["MetricName"], dimensions


def _named(value: Any) -> str:
    """The text, or what a Ref or a GetAtt names."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return name
        case {"Fn::GetAtt": str(name)}:
            return name.split(".")[0]
    return str(value)


def embedded(line: Mapping[str, Any]) -> Iterator[tuple[str, list[float], dict[str, str]]]:
    """(name, values, dimensions) of what a line of the embedded metric format holds."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            for metric in directive["Metrics"]:
                value = line[metric["Name"]]
                values = value if isinstance(value, list) else [value]
                yield metric["Name"], values, {name: line[name] for name in names}
