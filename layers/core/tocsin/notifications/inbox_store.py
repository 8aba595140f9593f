"""Inboxes in the deliveries table.

pk                sk                 what
inbox#<username>  <notification id>  a notification in a person's inbox; ids sort by time
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.aws.dynamodb import Item, Page, document, document_of, is_gone, text, text_of, truth, truth_of, until
from tocsin.aws.errors import as_unavailable, condition_failed
from tocsin.notifications.model import Notification
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class InboxStore:
    """People's notifications. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, notification: Notification, *, keep: timedelta, now: datetime) -> bool:
        """Store a notification for its user; False where it is there already, and stays as it is."""
        if notification.user is None:
            raise ValueError("an inbox item needs a person")
        with as_unavailable("storing a notification"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_key(notification.user.username, notification.id)
                    | {
                        "notification": document(notification.to_json()),
                        "seen": truth(False),
                        "expires_at": until(now + keep),
                    },
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                return False
        return True

    def page(self, username: str, *, after: str | None, limit: int, now: datetime) -> Page:
        """A person's notifications, newest first, a page of at most `limit`."""
        start: dict[str, Any] = {"ExclusiveStartKey": _key(username, after)} if after else {}
        with as_unavailable("reading an inbox"):
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": text(f"inbox#{username}")},
                ScanIndexForward=False,
                Limit=limit,
                **start,
            )
        items = tuple(shown for item in page["Items"] if not is_gone(item, now) and (shown := _inbox_entry(item)))
        return Page(items, text_of(page["LastEvaluatedKey"], "sk") if "LastEvaluatedKey" in page else None)

    def unread(self, username: str, *, now: datetime) -> int:
        """How many notifications a person has not seen, among the newest thousand."""
        with as_unavailable("counting unread notifications"):
            return self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                FilterExpression="seen = :no AND expires_at > :now",
                ExpressionAttributeValues={
                    ":pk": text(f"inbox#{username}"),
                    ":no": truth(False),
                    ":now": until(now),
                },
                ScanIndexForward=False,
                Limit=1000,
                Select="COUNT",
            )["Count"]


def _key(username: str, notification_id: str) -> dict[str, Any]:
    return {"pk": text(f"inbox#{username}"), "sk": text(notification_id)}


def _inbox_entry(item: Item) -> JsonObject | None:
    stored = document_of(item, "notification")
    return stored | {"seen": truth_of(item, "seen")} if isinstance(stored, dict) else None
