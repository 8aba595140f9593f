"""Hourly counts of events. Triggers: the events table's stream (events that came or were deleted mark their hours; it
is noted up to when indexes lack events), a schedule (counts what is due), and by hand {"recount": {"since", "until"}}
(has a range counted anew)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tocsin.aws import clients
from tocsin.aws.environment import Environment
from tocsin.aws.logging import Code, logged, note
from tocsin.errors import Unavailable
from tocsin.events.search.entries_store import IndexEntries
from tocsin.events.search.rollups import Rollups
from tocsin.ids import IdError, parse_id
from tocsin.times import utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SPARE_MILLISECONDS = 20_000
"""A count that has begun is ended within this, so that none begins with less time left."""

TTL = "dynamodb.amazonaws.com"
"""Who deletes what has expired, in the stream's records. The filter in template.yaml lets none of these through."""

events_table = Environment.of_process().text("EVENTS_TABLE")
rollups = Rollups(clients.dynamodb(), events_table)
entries = IndexEntries(clients.dynamodb(), events_table)


@logged
def handler(event: dict[str, Any], context: LambdaContext) -> JsonObject:
    """For the stream a partial batch response, else how many hours were counted and are left."""
    if "Records" in event:
        return _mark(event["Records"])
    if "recount" in event:
        asked = {name: datetime.fromisoformat(event["recount"][name]) for name in ("since", "until")}
        return {"marked": rollups.recount(asked["since"].astimezone(UTC), asked["until"].astimezone(UTC))}
    run = rollups.catch_up(utc_now(), has_time=lambda: context.get_remaining_time_in_millis() > SPARE_MILLISECONDS)
    note(Code.HOURS_COUNTED, "hours counted", hours=run.hours, events=run.events, left=run.left)
    return {"hours": run.hours, "events": run.events, "left": run.left}


def _mark(records: list[dict[str, Any]]) -> JsonObject:
    """Marks the hours of a batch, or has all of it come back: to mark again is harmless."""
    try:
        entries.note(image for record in records if (image := record["dynamodb"].get("NewImage")))
        rollups.mark(_ids(records))
    except Unavailable as error:
        note(Code.HOURS_UNMARKED, error.detail, level=logging.WARNING, records=len(records))
        return {"batchItemFailures": [{"itemIdentifier": records[0]["dynamodb"]["SequenceNumber"]}]}
    return {"batchItemFailures": []}


def _ids(records: list[dict[str, Any]]) -> list[str]:
    """The ids of the events that records are about. What is none is not the log's, and is not counted either.

    Events that expired are left out: their counts know when they do, and DynamoDB's own deleting says nothing new.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    ids = []
    for record in records:
        key = record["dynamodb"]["Keys"]
        if key["pk"]["S"].startswith("event#") and (record.get("userIdentity") or {}).get("principalId") != TTL:
            try:
                ids.append(parse_id(key["sk"]["S"]))
            except IdError:
                note(Code.KEY_SKIPPED, "a key is no event's", level=logging.ERROR, key=key["sk"]["S"][:40])
    return ids
