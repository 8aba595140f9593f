"""Inboxes in the deliveries table.

pk                sk                 what
inbox#<username>  <notification id>  a notification in a person's inbox; ids sort by time
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Item, document, document_of, is_gone, text, truth, truth_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.notifications.model import Notification
from tocsin.types import JsonObject, Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class InboxStore:
    """People's notifications. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def put(self, notification: Notification, *, keep: timedelta, now: datetime) -> bool:
        """Store a notification for its user; False where it is there already, and stays as it is."""
        if notification.user is None:
            raise ValueError("an inbox item needs a person")
        item = {
            "pk": text(_pk(notification.user.username)),
            "sk": text(notification.id),
            "notification": document(notification.to_json()),
            "seen": truth(False),
            "expires_at": until(now + keep),
        }
        try:
            self._table.put("storing a notification", item, condition="attribute_not_exists(pk)")
        except ConditionFailed:
            return False
        return True

    def page(self, username: str, *, after: str | None, limit: int, now: datetime) -> Page[JsonObject]:
        """A person's notifications, newest first, a page of at most `limit`."""
        page = self._table.page("reading an inbox", _pk(username), after=after, limit=limit, descending=True)
        items = tuple(shown for item in page.items if not is_gone(item, now) and (shown := _inbox_entry(item)))
        return Page(items, page.last)

    def unread(self, username: str, *, now: datetime) -> int:
        """How many notifications a person has not seen, among the newest thousand."""
        return self._table.count(
            "counting unread notifications",
            "pk = :pk",
            {":pk": text(_pk(username)), ":no": truth(False), ":now": until(now)},
            matching="seen = :no AND expires_at > :now",
            limit=1000,
        )


def _pk(username: str) -> str:
    return f"inbox#{username}"


def _inbox_entry(item: Item) -> JsonObject | None:
    stored = document_of(item, "notification")
    return stored | {"seen": truth_of(item, "seen")} if isinstance(stored, dict) else None
