"""Addresses that no e-mail goes to any more, in the deliveries table.

    pk          sk       what
    mail-stops  address  why, since when, and what the other side said

They never expire: mail to an address that bounced or complained costs the sender its reputation, and with it
everybody else's mail. Somebody lifts them by the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.aws.dynamodb import Item, text, text_of
from tocsin.aws.errors import as_unavailable, condition_failed
from tocsin.times import iso
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "mail-stops"


class SuppressionReason(StrEnum):
    """Why an address gets no mail."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that no mail goes to. `detail` is what its mail system said, in one line."""

    address: str
    reason: SuppressionReason
    detail: str
    since: str

    def to_json(self) -> JsonObject:
        """As the API shows it."""
        return {
            "address": self.address,
            "reason": self.reason.value,
            "detail": self.detail or None,
            "since": self.since,
        }


@dataclass(frozen=True, slots=True)
class SuppressionPage:
    """Some stops, by address; `last` is the address to go on after."""

    stops: tuple[Suppression, ...]
    last: str | None


class Suppressions:
    """Stops and lifts. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, address: str) -> Suppression | None:
        """Why no mail goes to `address`; None where it does."""
        with as_unavailable("reading whether mail is stopped"):
            item = self._client.get_item(TableName=self._table, Key=_key(address)).get("Item")
        return None if item is None else _stop_of(item)

    def stop(self, address: str, reason: SuppressionReason, detail: str, *, now: datetime) -> bool:
        """Stop mail to `address`; whether it was not stopped before, in which case the first reason stays."""
        with as_unavailable("stopping mail"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_key(address)
                    | {"reason": text(reason), "detail": text(detail[:500]), "since": text(iso(now))},
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                return False
        return True

    def lift(self, address: str) -> bool:
        """Let mail go to `address` again; whether it was stopped."""
        with as_unavailable("lifting a stop"):
            deleted = self._client.delete_item(TableName=self._table, Key=_key(address), ReturnValues="ALL_OLD")
        return bool(deleted.get("Attributes"))

    def page(self, *, after: str | None, limit: int) -> SuppressionPage:
        """At most `limit` stops, by address."""
        start: dict[str, Any] = {"ExclusiveStartKey": _key(after)} if after else {}
        with as_unavailable("listing where mail is stopped"):
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": text(_PARTITION)},
                Limit=limit,
                **start,
            )
        last = text_of(page["LastEvaluatedKey"], "sk") if "LastEvaluatedKey" in page else None
        return SuppressionPage(tuple(_stop_of(item) for item in page["Items"]), last)


def _key(address: str) -> dict[str, Any]:
    return {"pk": text(_PARTITION), "sk": text(address.strip().lower())}


def _stop_of(item: Item) -> Suppression:
    return Suppression(
        text_of(item, "sk"), SuppressionReason(text_of(item, "reason")), text_of(item, "detail"), text_of(item, "since")
    )
