"""Lambda's mappings of DynamoDB streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping

type Invoke = Callable[[Mapping[str, object], object], dict[str, object]]


def retrying_failed_stream_records(invoke: Invoke) -> Invoke:
    """Makes a stream batch that a function reported failures of (ReportBatchItemFailures) come again.

    The emulator honours partial batch responses for SQS but takes every answer to a DynamoDB stream batch for
    success, which would lose records here that AWS keeps. AWS resumes at the first failed record; resuming at
    the batch's first one, as after an error, is the same to a function that is idempotent.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """

    def invoke_and_look(function: Mapping[str, object], event: object) -> dict[str, object]:
        result = invoke(function, event)
        if not result.get("error") and _is_stream_batch(event) and _reports_failures(result.get("body")):
            failure = {"errorType": "PartialBatchFailure", "errorMessage": "records of the batch failed"}
            return {**result, "error": True, "body": failure}
        return result

    return invoke_and_look


def _is_stream_batch(event: object) -> bool:
    match event:
        case {"Records": [{"eventSource": "aws:dynamodb"}, *_]}:
            return True
        case _:
            return False


def _reports_failures(body: object) -> bool:
    match body:
        case {"batchItemFailures": [_, *_]}:
            return True
        case _:
            return False
