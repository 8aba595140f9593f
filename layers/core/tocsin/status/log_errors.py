"""The latest errors of functions, grouped by code: lines with level ERROR in their logs, and invocations cut off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.errors import as_unavailable
from tocsin.events.redact import cleanse
from tocsin.records import dataclass
from tocsin.times import from_milliseconds, iso, to_milliseconds
from tocsin.types import Json

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

SINCE = timedelta(hours=1)
MOST_PAGES = 3
"""Pages of CloudWatch's results that are read per function's log. Each covers up to 1 MB of lines."""
UNCODED = "UNCODED"
"""The code for lines from Lambda's runtime instead of our code, such as those about a function that can't be loaded."""
_CUT_OFF = {
    "timeout": ("INVOCATION_TIMEOUT", "an invocation took longer than the function may"),
    "failure": ("INVOCATION_FAILURE", "the process of an invocation ended before it did"),
}
"""What became of an invocation, as Lambda reports it in a line of WARN: nothing else in the log says so. One that ended
with an error has a line of the runtime's besides.
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html (platform.report)"""
_LINES = '?ERROR ?"platform.report"'
_NOT_OURS = "a line that the function did not write itself: see its log"
_MOST = 200


@dataclass(frozen=True, slots=True)
class LoggedError:
    """One line of a log. `event_id` is the event that it is about, if it names one."""

    at: datetime
    function: str
    code: str
    message: str
    event_id: str | None


def errors_of(
    logs: CloudWatchLogsClient, function: str, group: str, *, since: datetime
) -> tuple[list[LoggedError], bool]:
    """Return the errors in one function's log since `since`, and whether these are all. Raises Unavailable."""
    found: list[LoggedError] = []
    asked: dict[str, Any] = {"logGroupName": group, "startTime": to_milliseconds(since), "filterPattern": _LINES}
    for _ in range(MOST_PAGES):
        with as_unavailable("reading logs"):
            page = logs.filter_log_events(**asked)
        for line in page.get("events", []):
            error = _error(function, line.get("message", ""), from_milliseconds(line.get("timestamp", 0)))
            if error is not None:
                found.append(error)
        token = page.get("nextToken")
        if not token:
            return found, True
        asked["nextToken"] = token
    return found, False


def _error(function: str, line: str, at: datetime) -> LoggedError | None:
    """Parse a line into its error; None for a line of another level that has the word in it.

    The message of a line that our code did not write is left out, since it may be a stack trace.
    """
    try:
        said: Json = orjson.loads(line)
    except orjson.JSONDecodeError:
        if "[ERROR]" not in line:
            return None
        return LoggedError(at, function, UNCODED, _NOT_OURS, None)
    if not isinstance(said, dict):
        return None
    if said.get("type") == "platform.report":
        return _reported(function, said.get("record"), at)
    if said.get("level") != "ERROR":
        return None
    if "errorType" in said:  # the form of Lambda's runtime
        return LoggedError(at, function, UNCODED, _NOT_OURS, None)
    code, message, event_id = said.get("code"), said.get("message"), said.get("event_id")
    return LoggedError(
        at,
        function,
        code if isinstance(code, str) else UNCODED,
        str(cleanse(message))[:_MOST] if isinstance(message, str) else "",
        event_id if isinstance(event_id, str) else None,
    )


def _reported(function: str, record: Json, at: datetime) -> LoggedError | None:
    """Return what a report of Lambda's says of an invocation that was cut off; None for others."""
    status = record.get("status") if isinstance(record, dict) else None
    if not isinstance(status, str) or status not in _CUT_OFF:
        return None
    code, message = _CUT_OFF[status]
    return LoggedError(at, function, code, message, None)


def by_code(errors: Iterable[LoggedError]) -> list[Json]:
    """Return {code, function, count, latest, message, event_id} per function and code, the latest first."""
    grouped: dict[tuple[str, str], list[LoggedError]] = {}
    for error in errors:
        grouped.setdefault((error.code, error.function), []).append(error)
    latest = [(max(alike, key=lambda error: error.at), len(alike)) for alike in grouped.values()]
    return [
        {
            "code": error.code,
            "function": error.function,
            "count": count,
            "latest": iso(error.at),
            "message": error.message,
            "event_id": error.event_id,
        }
        for error, count in sorted(latest, key=lambda pair: pair[0].at, reverse=True)
    ]
