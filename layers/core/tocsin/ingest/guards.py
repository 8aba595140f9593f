"""Idempotency keys and rate limits of POST /events, beside the events in the events table.

pk                        sk       what
idempotency#<key>#<hash>  request  a request's Idempotency-Key, for 24 hours
rate#<key>                minute   how many events a limited key sent in a minute
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, number, text, text_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.errors import Conflict
from tocsin.events.store import digest_of_bytes
from tocsin.ids import id_time
from tocsin.times import utc_now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

IDEMPOTENCY_WINDOW = timedelta(hours=24)


class Guards:
    """Idempotency keys and rates of API keys. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def remember_request(self, key_id: str, idempotency_key: str, body: bytes, anchor: str) -> str:
        """Return the anchor of the first request with this Idempotency-Key in 24 hours: `anchor` where it is this one.

        An anchor is an event id: its time is the request's time, and the ids of the request's events derive
        from it, so that a repeat makes the same events. Raises Conflict where the key came with another body.
        """
        now = id_time(anchor)
        try:
            self._table.put(
                "noting the Idempotency-Key",
                _request_key(key_id, idempotency_key)
                | {
                    "anchor": text(anchor),
                    "digest": text(digest_of_bytes(body)),
                    "expires_at": until(now + IDEMPOTENCY_WINDOW),
                },
                condition="attribute_not_exists(pk) OR expires_at <= :now",
                values={":now": until(now)},
            )
        except ConditionFailed as error:
            return _anchor_of(error.item, body)
        return anchor

    def known_request(self, key_id: str, idempotency_key: str, body: bytes) -> str | None:
        """Return the anchor of the request with this Idempotency-Key in the last 24 hours; None where there was none.

        Raises Conflict as `remember_request` does. This is an update that changes nothing, not a read: the ingest
        function's role may write to the events table, but not read from it.
        """
        try:
            found = self._table.update(
                "looking for the Idempotency-Key",
                _request_key(key_id, idempotency_key),
                "SET expires_at = expires_at",
                condition="expires_at > :now",
                values={":now": until(utc_now())},
                returning="ALL_NEW",
            )
        except ConditionFailed:
            return None
        return _anchor_of(found, body)

    def admit(self, key_id: str, events: int, limit: int, now: datetime) -> bool:
        """Count `events` of the key in this minute if the sum stays within `limit`; return whether it does."""
        if events > limit:
            return False
        try:
            self._table.update(
                "counting the key's events",
                {"pk": text(f"rate#{key_id}"), "sk": text(f"{now:%Y-%m-%dT%H:%M}")},
                "ADD sent :events SET expires_at = if_not_exists(expires_at, :until)",
                condition="attribute_not_exists(sent) OR sent <= :room",
                values={
                    ":events": number(events),
                    ":room": number(limit - events),
                    ":until": until(now + timedelta(hours=1)),
                },
            )
        except ConditionFailed:
            return False
        return True


def _request_key(key_id: str, idempotency_key: str) -> dict[str, Any]:
    name = hashlib.sha256(idempotency_key.encode("utf-8", "surrogatepass")).hexdigest()
    return {"pk": text(f"idempotency#{key_id}#{name}"), "sk": text("request")}


def _anchor_of(item: Item, body: bytes) -> str:
    if text_of(item, "digest") != digest_of_bytes(body):
        raise Conflict("this Idempotency-Key came with another body within the last 24 hours")
    return text_of(item, "anchor")
