"""Lambda's mappings of DynamoDB streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping

type Invoke = Callable[[Mapping[str, object], object], dict[str, object]]
type Match = Callable[[Mapping[str, object], Mapping[str, object]], bool]


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


def matching_what_is_absent(match: Match) -> Match:
    """Makes a filter's `{"exists": false}` hold of a field whose parent is absent too.

    Of deletions only those by TTL have a `userIdentity`, so that `{"userIdentity": {"principalId": [{"exists":
    false}]}}` is how a filter leaves TTL's out. The emulator wants the parent to be there before it looks at fields.
    EventBridge, whose patterns Lambda's filters are, knows fields by their whole paths; AWS's own tutorial filters an
    attribute that is not there by `{"homemade": {"S": [{"exists": false}]}}`.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.Lambda.Tutorial2.html
    """

    def match_or_absent(record: Mapping[str, object], pattern: Mapping[str, object]) -> bool:
        absent = {name for name, part in pattern.items() if isinstance(part, dict) and name not in record}
        left = {name: part for name, part in pattern.items() if name not in absent}
        return all(_holds_of_nothing(pattern[name]) for name in absent) and match(record, left)

    return match_or_absent


def _holds_of_nothing(pattern: object) -> bool:
    """Whether a part of a pattern holds where there is nothing to match."""
    if isinstance(pattern, dict):
        return all(_holds_of_nothing(part) for part in pattern.values())
    return isinstance(pattern, list) and {"exists": False} in pattern


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
