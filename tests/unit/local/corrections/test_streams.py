"""Partial batch responses of stream mappings."""

import pytest

from local.corrections.streams import retrying_failed_stream_records

STREAM_BATCH = {"Records": [{"eventSource": "aws:dynamodb"}]}
FAILURES = {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_a_stream_batch_with_failed_records_counts_as_failed():
    invoke = retrying_failed_stream_records(lambda _function, _event: {"body": FAILURES})

    assert invoke({}, STREAM_BATCH)["error"] is True


@pytest.mark.parametrize(
    ("event", "result"),
    [
        (STREAM_BATCH, {"body": {"batchItemFailures": []}}),
        (STREAM_BATCH, {"body": None}),
        (STREAM_BATCH, {"error": True, "body": {"errorType": "E"}}),
        ({"Records": [{"eventSource": "aws:sqs"}]}, {"body": FAILURES}),
        ({"requestContext": {}}, {"body": FAILURES}),
    ],
)
def test_every_other_result_stays_as_it_is(event, result):
    invoke = retrying_failed_stream_records(lambda _function, _event: result)

    assert invoke({}, event) == result
