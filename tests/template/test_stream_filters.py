"""What of the events table's stream reaches which function, by the filters of template.yaml.

The patterns are EventBridge's, as Lambda's filters are; tocsin.patterns is held to event-ruler's own cases.
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
"""

import json
from typing import Any

import pytest

from tests.expanded_template import ROOT, expanded_template
from tocsin.patterns import Pattern

INSERT: dict[str, Any] = json.loads((ROOT / "events/rollup-stream.json").read_text("utf-8"))["Records"][0]
BY_HAND = {**INSERT, "eventName": "REMOVE"}
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
BY_TTL = {**BY_HAND, "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
CHANGED = {**INSERT, "eventName": "MODIFY"}
COUNTER = {**INSERT, "dynamodb": {**INSERT["dynamodb"], "Keys": {"pk": {"S": "rollup#due"}, "sk": {"S": "x"}}}}


def gets(function: str, record: dict[str, Any]) -> bool:
    """Whether a record of the stream reaches the function: one of its filters is enough."""
    stream = expanded_template()["Resources"][f"{function}FunctionStream"]["Properties"]
    return any(Pattern(each["Pattern"]).matches(record) for each in stream["FilterCriteria"]["Filters"])


@pytest.mark.parametrize(
    ("record", "to"),
    [
        pytest.param(INSERT, {"Matcher", "Rollup"}, id="a new event"),
        pytest.param(BY_HAND, {"Rollup"}, id="an event that somebody deleted"),
        pytest.param(BY_TTL, set(), id="an event that expired"),
        pytest.param(CHANGED, set(), id="an event that somebody changed"),
        pytest.param(COUNTER, set(), id="something else in the table"),
    ],
)
def test_a_record_reaches_whom_it_is_for(record: dict[str, Any], to: set[str]) -> None:
    assert {function for function in ("Matcher", "Rollup") if gets(function, record)} == to
