"""Who has seen a notification, as the inboxes of the deliveries table say. Keys are those of
`notifications.inbox_items`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Item, number_of, text_of, truth_of
from tocsin.aws.table import Table
from tocsin.notifications.inbox_items import Head, head_key, head_of, id_key, is_seen, item_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class SeenStore:
    """Reads marks of inboxes. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def first(self, notifications: Sequence[tuple[str, str]]) -> str | None:
        """Return one of those who have seen their notification; None where nobody has.

        `notifications` are usernames and notification ids. Who has cleared their inbox since, or deleted the
        notification, has seen it. Costs three reads of batches of 100 at most.
        """
        arrivals: list[tuple[str, int]] = []
        for item in self._read(id_key(*each) for each in dict.fromkeys(notifications)):
            if truth_of(item, "deleted"):
                return _person(item)
            arrivals.append((_person(item), number_of(item, "arrival")))
        usernames = sorted({username for username, _ in arrivals})
        heads = {_person(item): head_of(item) for item in self._read(map(head_key, usernames))}
        for username, arrival in arrivals:
            if arrival <= heads.get(username, Head()).cleared_through:
                return username
        found = self._read(item_key(*each) for each in arrivals)
        return next((_person(item) for item in found if is_seen(item, heads.get(_person(item), Head()))), None)

    def _read(self, keys: Iterable[Item]) -> Iterator[Item]:
        return self._table.get_many("reading who has seen a notification", keys, consistent=True)


def _person(item: Item) -> str:
    """Whose inbox an item belongs to."""
    return text_of(item, "pk").partition("#")[2]
