"""How long messages wait and how far behind readers of the stream are: what AWS measures, each minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tocsin.aws.errors import as_unavailable

LATELY = timedelta(minutes=15)
"""How far back a measurement is looked for. SQS measures every minute, and a queue that is long unused not at all;
Lambda measures where it invokes."""
_PERIOD = 60


@dataclass(frozen=True, slots=True)
class Age:
    """A metric of AWS whose latest value is an age: `divisor` of it make a second."""

    namespace: str
    metric: str
    dimension: str
    value: str
    divisor: int

    @classmethod
    def of_queue(cls, name: str) -> Age:
        """How old the oldest message of a queue is.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        return cls("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", name, 1)

    @classmethod
    def of_reader(cls, function: str) -> Age:
        """How old the last record of the stream was when a function had handled it.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        """
        return cls("AWS/Lambda", "IteratorAge", "FunctionName", function, 1000)


# cloudwatch: boto3's client; no types of this service are installed
def latest(cloudwatch: Any, ages: Iterable[Age], *, now: datetime) -> Mapping[Age, float]:  # noqa: ANN401
    """Seconds, as last measured, of those ages that were measured lately, in one call. Raises Unavailable."""
    asked = list(ages)
    queries = [
        {
            "Id": f"age{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": age.namespace,
                    "MetricName": age.metric,
                    "Dimensions": [{"Name": age.dimension, "Value": age.value}],
                },
                "Period": _PERIOD,
                "Stat": "Maximum",
            },
        }
        for number, age in enumerate(asked)
    ]
    with as_unavailable("reading metrics"):
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=now - LATELY, EndTime=now, ScanBy="TimestampDescending"
        )
    found = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    return {
        age: found[f"age{number}"][0] / age.divisor for number, age in enumerate(asked) if found.get(f"age{number}")
    }
