"""The deliveries table: each event's story, and the inboxes. How deliveries move is in `store.deliveries`.

pk                sk                  what
event#<event id>  rule#<name>         a rule that matched the event, and whom it told
event#<event id>  delivery#<hash>     a delivery, with its attempts
inbox#<username>  <notification id>   a notification in a person's inbox; ids sort by time
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import (
    Item,
    Page,
    document,
    document_of,
    is_gone,
    text,
    text_of,
    until,
)
from tocsin.aws.errors import as_unavailable
from tocsin.deliveries.items import shown
from tocsin.times import iso
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class StoryStore:
    """Stories, deliveries and inboxes. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    # ── the story ────────────────────────────────────────────────────────────

    def note_match(
        self,
        event_id: str,
        rule: str,
        facts: JsonObject,
        *,
        page: str,
        told: Mapping[str, int],
        now: datetime,
        keep: timedelta,
    ) -> None:
        """Note that `rule` matched; `told` counts deliveries a transport of one page of its people.

        Noting the same page again changes nothing, so a replay counts nobody twice.
        """
        with as_unavailable("noting a match"):
            self._client.update_item(
                TableName=self._table,
                Key={"pk": text(f"event#{event_id}"), "sk": text(f"rule#{rule}")},
                UpdateExpression=(
                    "SET facts = if_not_exists(facts, :facts), #at = if_not_exists(#at, :at),"
                    " expires_at = :until, #page = :told"
                ),
                ExpressionAttributeNames={"#at": "at", "#page": f"told#{page}"},
                ExpressionAttributeValues={
                    ":facts": document(facts),
                    ":at": text(iso(now)),
                    ":until": until(now + keep),
                    ":told": document(dict(told)),
                },
            )

    def story(self, event_id: str, *, after: str | None, limit: int, now: datetime) -> Page:
        """The event's rules (kind `rule`) and deliveries (kind `delivery`), a page of at most `limit`."""
        page = self._page(f"event#{event_id}", after=after, limit=limit, newest_first=False)
        items = tuple(_story_entry(event_id, item) for item in page["Items"] if not is_gone(item, now))
        return Page(items, text_of(page["LastEvaluatedKey"], "sk") if "LastEvaluatedKey" in page else None)

    def _page(self, pk: str, *, after: str | None, limit: int, newest_first: bool) -> Mapping[str, Any]:
        start: dict[str, Any] = {"ExclusiveStartKey": {"pk": text(pk), "sk": text(after)}} if after else {}
        with as_unavailable("reading the deliveries table"):
            return self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": text(pk)},
                ScanIndexForward=not newest_first,
                Limit=limit,
                **start,
            )


def _story_entry(event_id: str, item: Item) -> JsonObject:
    kind, _, name = text_of(item, "sk").partition("#")
    if kind == "rule":
        facts = document_of(item, "facts")
        told: Counter[str] = Counter()
        for attribute in item:
            counted = document_of(item, attribute) if attribute.startswith("told#") else None
            for transport, count in counted.items() if isinstance(counted, dict) else ():
                told[transport] += count if isinstance(count, int) else 0
        match: JsonObject = {"kind": "rule", "rule": name, "at": text_of(item, "at"), "deliveries": {**told}}
        return match | (facts if isinstance(facts, dict) else {})
    return {"kind": "delivery"} | shown(item)
