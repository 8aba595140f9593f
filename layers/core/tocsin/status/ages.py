"""How long messages wait and how far readers of the stream are behind, from CloudWatch's metrics of each minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tocsin.aws.errors import as_unavailable
from tocsin.records import dataclass

LATELY = timedelta(minutes=15)
"""How far back to look for a data point. SQS has one per minute, but none for a queue that is not in use; Lambda has
one when it invokes."""
_PERIOD = 60


@dataclass(frozen=True, slots=True)
class Age:
    """A CloudWatch metric whose latest value is an age, in units of 1/`divisor` seconds."""

    namespace: str
    metric: str
    dimension: str
    value: str
    divisor: int

    @classmethod
    def of_queue(cls, name: str) -> Age:
        """The age of the oldest message of a queue.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        """
        return cls("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", name, 1)

    @classmethod
    def of_reader(cls, function: str) -> Age:
        """The age of the last stream record when a function had handled it.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        """
        return cls("AWS/Lambda", "IteratorAge", "FunctionName", function, 1000)


# cloudwatch: boto3's client; no types of this service are installed
def latest(cloudwatch: Any, ages: Iterable[Age], *, now: datetime) -> Mapping[Age, float]:  # noqa: ANN401
    """Return the latest value in seconds of each age that has a recent one. One call. Raises Unavailable."""
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
