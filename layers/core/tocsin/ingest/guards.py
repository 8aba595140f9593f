"""What guards the way in, beside the events in the events table: idempotency keys and limits of rate.

pk                        sk       what
idempotency#<key>#<hash>  request  a request's Idempotency-Key, for 24 hours
rate#<key>                minute   how many events a limited key sent in a minute
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.aws.dynamodb import Item, number, text, text_of, until
from tocsin.aws.errors import as_unavailable, condition_failed, item_found
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
        self._client = client
        self._table = table

    def remember_request(self, key_id: str, idempotency_key: str, body: bytes, anchor: str) -> str:
        """The anchor of the first request with this Idempotency-Key in 24 hours: `anchor` if this is the first.

        An anchor is an event id: its time is the request's time, and the ids of the request's events derive
        from it, so that a repeat makes the same events. Conflict where the key came with another body.
        """
        now = id_time(anchor)
        with as_unavailable("noting the Idempotency-Key"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_request_key(key_id, idempotency_key)
                    | {
                        "anchor": text(anchor),
                        "digest": text(digest_of_bytes(body)),
                        "expires_at": until(now + IDEMPOTENCY_WINDOW),
                    },
                    ConditionExpression="attribute_not_exists(pk) OR expires_at <= :now",
                    ExpressionAttributeValues={":now": until(now)},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                return _anchor_of(item_found(error), body)
        return anchor

    def known_request(self, key_id: str, idempotency_key: str, body: bytes) -> str | None:
        """The anchor of the request with this Idempotency-Key in the last 24 hours; None where there was none.

        Conflict as `remember_request`. An update that changes nothing, since ingest may write events, not read them.
        """
        with as_unavailable("looking for the Idempotency-Key"):
            try:
                found = self._client.update_item(
                    TableName=self._table,
                    Key=_request_key(key_id, idempotency_key),
                    UpdateExpression="SET expires_at = expires_at",
                    ConditionExpression="expires_at > :now",
                    ExpressionAttributeValues={":now": until(utc_now())},
                    ReturnValues="ALL_NEW",
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                return None
        return _anchor_of(found["Attributes"], body)

    def admit(self, key_id: str, events: int, limit: int, now: datetime) -> bool:
        """Count `events` of the key in this minute, if that stays within `limit`; what is refused is not counted."""
        if events > limit:
            return False
        with as_unavailable("counting the key's events"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": text(f"rate#{key_id}"), "sk": text(f"{now:%Y-%m-%dT%H:%M}")},
                    UpdateExpression="ADD sent :events SET expires_at = if_not_exists(expires_at, :until)",
                    ConditionExpression="attribute_not_exists(sent) OR sent <= :room",
                    ExpressionAttributeValues={
                        ":events": number(events),
                        ":room": number(limit - events),
                        ":until": until(now + timedelta(hours=1)),
                    },
                )
            except ClientError as error:
                if condition_failed(error):
                    return False
                raise
        return True


def _request_key(key_id: str, idempotency_key: str) -> dict[str, Any]:
    name = hashlib.sha256(idempotency_key.encode("utf-8", "surrogatepass")).hexdigest()
    return {"pk": text(f"idempotency#{key_id}#{name}"), "sk": text("request")}


def _anchor_of(item: Item, body: bytes) -> str:
    if text_of(item, "digest") != digest_of_bytes(body):
        raise Conflict("this Idempotency-Key came with another body within the last 24 hours")
    return text_of(item, "anchor")
