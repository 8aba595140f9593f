"""Whose an inbox is: it goes with its person, and whoever has the name next begins with an empty one.

Keys are those of `notifications.inbox_items`: what is emptied is a watermark in the head.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Item, number, text_of, timestamp, timestamp_of
from tocsin.aws.table import Table
from tocsin.notifications.inbox_items import head_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARALLEL = 8


class InboxOwnerStore:
    """Empties inboxes. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def empty(self, usernames: Iterable[str], *, now: datetime) -> None:
        """Leave nothing in these inboxes, and have what is still on its way to them go nowhere. One write each."""

        def empty(username: str) -> None:
            self._table.update(
                "emptying an inbox",
                head_key(username),
                "SET cleared_through = if_not_exists(arrivals, :zero), emptied = :now",
                values={":zero": number(0), ":now": timestamp(now)},
            )

        names = list(usernames)
        if len(names) == 1:
            empty(names[0])
        elif names:
            with ThreadPoolExecutor(_PARALLEL) as pool:
                list(pool.map(empty, names))

    def begun_among(self, usernames: Iterable[str]) -> list[str]:
        """Those of `usernames` whose inbox anything ever arrived in, or that was emptied."""
        keys = [head_key(name) for name in usernames]
        heads = self._table.get_many("looking for inboxes", keys, consistent=True)
        return [_owner(item) for item in heads]

    def emptied(self, usernames: Iterable[str]) -> dict[str, datetime]:
        """When the inboxes of those of `usernames` were emptied whose person was deleted; the name may be another's."""
        keys = [head_key(name) for name in dict.fromkeys(usernames)]
        heads = self._table.get_many("looking for who is gone", keys, consistent=True) if keys else ()
        return {_owner(item): at for item in heads if (at := timestamp_of(item, "emptied")) is not None}


def _owner(head: Item) -> str:
    return text_of(head, "pk").removeprefix("inbox#")
