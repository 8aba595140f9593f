"""The story of an event, in the deliveries table: the rules that matched it, and its deliveries (`deliveries.store`).

pk                sk                  what
event#<event id>  rule#<name>         a rule that matched the event, and whom it told
event#<event id>  delivery#<hash>     a delivery, with its attempts
inbox#<username>  <notification id>   a notification in a person's inbox; ids sort by time
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import Item, document, document_of, is_gone, text, text_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.deliveries.items import shown
from tocsin.matching.held_store import HeldStore
from tocsin.notifications.model import digest_notification_id
from tocsin.notifications.outcome import State
from tocsin.notifications.transport import TransportMode
from tocsin.times import iso
from tocsin.types import JsonObject, Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Traces:
    """What an event has left: the keys of entries of its story, and who has which notification of it."""

    keys: Sequence[Item]
    notifications: Sequence[tuple[str, str]]
    """(username, notification id) of each that went to an inbox."""
    is_open: bool
    """Whether a delivery is not over, so that it may leave more."""
    more: bool
    """Whether the story goes on behind these entries."""


class StoryStore:
    """Stories, deliveries and inboxes. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._held = HeldStore(client, table)

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

    def note_acknowledged(self, event_id: str, rule: str, said: JsonObject) -> None:
        """Note in the entry of `rule` that somebody acknowledged what it told of the event, if it has one."""
        with suppress(ConditionFailed):
            self._table.update(
                "noting an acknowledgement",
                {"pk": text(f"event#{event_id}"), "sk": text(f"rule#{rule}")},
                "SET acknowledged = :said",
                values={":said": document(said)},
                condition="attribute_exists(pk)",
            )

    def story(self, event_id: str, *, after: str | None, limit: int, now: datetime) -> Page[JsonObject]:
        """The event's rules, deliveries and policies that log (`kind` says which), a page of at most `limit`.

        What was held stands elsewhere, and is shown where its rule would stand, had it told somebody.
        """
        page = self._table.page("reading the deliveries table", f"event#{event_id}", after=after, limit=limit)
        entries = {text_of(item, "sk"): _story_entry(event_id, item) for item in page.items if not is_gone(item, now)}
        known = {text_of(item, "sk") for item in page.items}
        for held in self._held.of(event_id, now=now):
            kind = str(held["kind"])
            name = f"{kind}#{held[kind]}"
            if name > (after or "") and (page.last is None or name < page.last) and name not in known:
                entries[name] = ({"deliveries": {}} if kind == "rule" else {}) | held
        names = sorted(entries)
        last = page.last if len(names) <= limit else names[limit - 1]
        return Page(tuple(entries[name] for name in names[:limit]), last)

    def traces(self, event_id: str, limit: int) -> Traces:
        """The first `limit` entries of an event's story, for `forget`."""
        page = self._table.page(
            "reading the deliveries table", f"event#{event_id}", after=None, limit=limit, consistent=True
        )
        deliveries = [item for item in page.items if text_of(item, "sk").startswith("delivery#")]
        expected = sum(
            (_counted(item, "told#") + _counted(item, "kept#")).total()
            for item in page.items
            if text_of(item, "sk").startswith("rule#")
        )
        known = sum("digest" not in item for item in deliveries)
        return Traces(
            keys=[{"pk": item["pk"], "sk": item["sk"]} for item in page.items],
            notifications=[
                (text_of(item, "username"), _notification_of(item))
                for item in deliveries
                if text_of(item, "mode") == TransportMode.LOCAL and text_of(item, "username")
            ],
            is_open=expected > known or any(_may_leave_more(item) for item in deliveries),
            more=page.last is not None,
        )

    def told_by_inbox(self, event_id: str, rule: str, *, most: int) -> list[str]:
        """Return whom `rule` told of an event by inbox: those among the event's first `most` deliveries."""
        found = self._table.query(
            "reading the deliveries table",
            "pk = :pk AND begins_with(sk, :delivery)",
            {":pk": text(f"event#{event_id}"), ":delivery": text("delivery#")},
            limit=most,
        )
        return [
            text_of(item, "username")
            for item in found
            if text_of(item, "rule") == rule and text_of(item, "mode") == TransportMode.LOCAL
        ]

    def forget(self, event_id: str, traces: Traces) -> None:
        """Delete entries of an event's story, and that it was held."""
        self._table.delete_many("deleting a story", traces.keys)
        self._held.forget(event_id)


def _notification_of(item: Item) -> str:
    """The id of the notification that told of a delivery: of what joined a digest, the digest's."""
    joined = text_of(item, "joined")
    return digest_notification_id(*joined.rpartition("-")[::2]) if joined else text_of(item, "notification_id")


def _may_leave_more(item: Item) -> bool:
    """Whether a delivery may be on its way. What waits is not, and joins nothing once its item is gone."""
    state = State(text_of(item, "state"))
    return not (state.final or state is State.WAITING)


def _story_entry(event_id: str, item: Item) -> JsonObject:
    kind, _, name = text_of(item, "sk").partition("#")
    if kind == "rule":
        facts = document_of(item, "facts")
        told, kept = _counted(item, "told#"), _counted(item, "kept#")
        match: JsonObject = {"kind": "rule", "rule": name, "at": text_of(item, "at"), "deliveries": {**told}}
        if kept:
            match["kept_back"] = {**kept}
        if "acknowledged" in item:
            match["acknowledged"] = document_of(item, "acknowledged")
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
