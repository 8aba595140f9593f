"""The story of an event, in the deliveries table: the rules that matched it, and its deliveries (`deliveries.store`).

pk                sk                  what
event#<event id>  rule#<name>         a rule that matched the event, and whom it told
event#<event id>  delivery#<hash>     a delivery, with its attempts
inbox#<username>  <notification id>   a notification in a person's inbox; ids sort by time
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Item, document, document_of, is_gone, text, text_of, until
from tocsin.aws.table import Table
from tocsin.deliveries.items import shown
from tocsin.times import iso
from tocsin.types import JsonObject, Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class StoryStore:
    """Stories, deliveries and inboxes. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def note_match(
        self,
        event_id: str,
        rule: str,
        facts: JsonObject,
        *,
        page: str,
        told: Mapping[str, int],
        kept: Mapping[str, int],
        now: datetime,
        keep: timedelta,
    ) -> bool:
        """Note that `rule` matched; of one page of its people, `told` counts deliveries a transport, and `kept` what
        was kept back, by what decided so.

        Whether that is news: noting the same page again changes nothing, so a replay counts nobody twice.
        """
        before = self._table.update(
            "noting a match",
            {"pk": text(f"event#{event_id}"), "sk": text(f"rule#{rule}")},
            "SET facts = if_not_exists(facts, :facts), #at = if_not_exists(#at, :at),"
            " expires_at = :until, #told = :told" + (", #kept = :kept" if kept else ""),
            names={"#at": "at", "#told": f"told#{page}"} | ({"#kept": f"kept#{page}"} if kept else {}),
            values={
                ":facts": document(facts),
                ":at": text(iso(now)),
                ":until": until(now + keep),
                ":told": document(dict(told)),
            }
            | ({":kept": document(dict(kept))} if kept else {}),
            returning="ALL_OLD",
        )
        return not before

    def story(self, event_id: str, *, after: str | None, limit: int, now: datetime) -> Page[JsonObject]:
        """The event's rules (kind `rule`) and deliveries (kind `delivery`), a page of at most `limit`."""
        page = self._table.page("reading the deliveries table", f"event#{event_id}", after=after, limit=limit)
        return Page(tuple(_story_entry(event_id, item) for item in page.items if not is_gone(item, now)), page.last)


def _story_entry(event_id: str, item: Item) -> JsonObject:
    kind, _, name = text_of(item, "sk").partition("#")
    if kind == "rule":
        facts = document_of(item, "facts")
        told, kept = _counted(item, "told#"), _counted(item, "kept#")
        match: JsonObject = {"kind": "rule", "rule": name, "at": text_of(item, "at"), "deliveries": {**told}}
        if kept:
            match["kept_back"] = {**kept}
        return match | (facts if isinstance(facts, dict) else {})
    return {"kind": "delivery"} | shown(item)


def _counted(item: Item, pages: str) -> Counter[str]:
    """The sums of what was counted of each page."""
    counts: Counter[str] = Counter()
    for attribute in item:
        counted = document_of(item, attribute) if attribute.startswith(pages) else None
        for name, count in counted.items() if isinstance(counted, dict) else ():
            counts[name] += count if isinstance(count, int) else 0
    return counts
