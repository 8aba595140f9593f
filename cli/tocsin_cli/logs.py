"""An event's log lines, over all functions of the stack, from CloudWatch Logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tocsin_cli.aws import Aws, asking
from tocsin_cli.times import iso, parse_iso
from tocsin_cli.types import Json, JsonObject

_BEFORE = timedelta(minutes=5)
"""A producer's clock may be ahead by as much: the lines of its event are earlier than the event then."""
_AFTER = timedelta(days=7)
_MOST = 1000


def log_lines(aws: Aws, event_id: str, created: str) -> Iterator[JsonObject]:
    """{at, service, code, message, group} of each line about the event, oldest first, at most a thousand.

    Lines of the first week are looked at.
    """
    moment = parse_iso(created) or datetime.now(UTC)
    start, end = moment - _BEFORE, min(moment + _AFTER, datetime.now(UTC) + _BEFORE)
    logs = aws.client("logs")
    found: list[JsonObject] = []
    with asking("CloudWatch Logs"):
        groups = [
            group["logGroupName"]
            for page in logs.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix=f"/aws/lambda/{aws.stack}-"
            )
            for group in page["logGroups"]
        ]
        for group in groups:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group,
                filterPattern=f'"{event_id}"',
                startTime=int(start.timestamp() * 1000),
                endTime=int(end.timestamp() * 1000),
                PaginationConfig={"MaxItems": _MOST},
            )
            for page in pages:
                for line in page["events"]:
                    shown = _line(line["message"], event_id, group, line["timestamp"])
                    if shown is not None:
                        found.append(shown)
    yield from sorted(found, key=lambda line: str(line["at"]))[:_MOST]


def _line(message: str, event_id: str, group: str, milliseconds: int) -> JsonObject | None:
    """A line as it is shown; None for one that only mentions the id."""
    try:
        said: Json = json.loads(message)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("event_id") != event_id:
        return None
    at = iso(datetime.fromtimestamp(milliseconds / 1000, UTC))
    service = said.get("service") or group.rpartition("/")[2]
    return {"at": at, "service": service, "code": said.get("code"), "message": said.get("message"), "group": group}
