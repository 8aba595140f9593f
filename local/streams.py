"""What the emulator's DynamoDB streams lack of AWS's."""

from __future__ import annotations

from collections.abc import Callable

type Invoke = Callable[[object, object], dict[str, object]]


def retry_failed_stream_records(invoke: Invoke) -> Invoke:
    """Makes a stream batch that a function reported failures of (ReportBatchItemFailures) come again.

    ministack 1.5.33 honours partial batch responses for SQS but takes every answer to a DynamoDB stream batch
    for success, which would lose records here that AWS keeps. AWS resumes at the first failed record;
    resuming at the batch's first one, as after an error, is the same to a function that is idempotent.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """

    def invoke_and_look(function: object, event: object) -> dict[str, object]:
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
