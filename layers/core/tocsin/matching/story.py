"""The story of an event, in the deliveries table: the rules that matched it, and its deliveries (`deliveries.store`).

pk                sk                  what
event#<event id>  rule#<name>         a rule that matched the event; of each page of its people, and of each step of its
                                      escalation, how many deliveries were made
event#<event id>  delivery#<hash>     a delivery, with its attempts
inbox#<username>  <notification id>   a notification in a person's inbox; ids sort by time
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
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
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject, Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


_RULES, _DELIVERIES = "rule#", "delivery#"
"""What sort keys of a story begin with."""
_READING, _OF_KIND = "reading a story", "pk = :pk AND begins_with(sk, :kind)"
_DELIVERIES_LOOKED_AT = 300
"""Deliveries of an event among which those by inbox are looked for."""


@dataclass(frozen=True, slots=True)
class Traces:
    """Entries of an event's story, for its erasure: their keys, and who has which notification."""

    keys: Sequence[Item]
    notifications: Sequence[tuple[str, str]]
    """(username, notification id) of each that went to an inbox."""
    is_open: bool
    """Whether a delivery is still on its way, and may write more entries."""
    more: bool
    """Whether the story has entries after these."""


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
        """Note that `rule` matched, and what became of one page of its people. Return whether the rule is new.

        `told` counts deliveries by transport, `kept` those that were kept back, by the cause of the decision. Noting
        the same page again changes nothing, so a replay counts nobody twice.
        """
        return not self._note(event_id, rule, "facts", facts, page, told, kept, now, keep)

    def note_step(
        self,
        event_id: str,
        rule: str,
        facts: JsonObject,
        *,
        page: int | None,
        told: Mapping[str, int],
        kept: Mapping[str, int],
        now: datetime,
        keep: timedelta,
        held: bool,
    ) -> bool:
        """Note a step of an escalation with the rule that the event fired. `facts["step"]` says which, 1 for the first.

        `told` and `kept` count the deliveries of a page of the step's people, as in `note_match`. No `page` is counted
        where nobody is told, so that what the step told before stays counted. `held` says that the step is to come yet:
        it has an entry of its own. Return whether there was no such entry.
        """
        name = f"step#{facts['step']}" + ("#held" if held else "")
        of_step = None if page is None else f"{name}#{page}"
        return name not in self._note(event_id, rule, name, facts, of_step, told, kept, now, keep)

    def _note(
        self,
        event_id: str,
        rule: str,
        name: str,
        facts: JsonObject,
        page: str | None,
        told: Mapping[str, int],
        kept: Mapping[str, int],
        now: datetime,
        keep: timedelta,
    ) -> Item:
        """Set what a page counted, and the attribute `name` where it is not set yet. Return the item as it was."""
        counted = {} if page is None else {"told": told} | ({"kept": kept} if kept else {})
        return self._table.update(
            "noting a match",
            {"pk": text(f"event#{event_id}"), "sk": text(f"rule#{rule}")},
            "SET #facts = if_not_exists(#facts, :facts), #at = if_not_exists(#at, :at),"
            " expires_at = :until" + "".join(f", #{what} = :{what}" for what in counted),
            names={"#facts": name, "#at": "at"} | {f"#{what}": f"{what}#{page}" for what in counted},
            values={
                ":facts": document(facts),
                ":at": text(iso(now)),
                ":until": until(now + keep),
            }
            | {f":{what}": document({**counts}) for what, counts in counted.items()},
            returning="ALL_OLD",
        )

    def told_by_inbox(self, event_id: str, rule: str, *, most: int) -> list[tuple[str, str]]:
        """Return (username, notification id) of the first people whom `rule` notified of an event in their inbox.

        At most `most`, found among the event's first 300 deliveries. One that joined a digest has the digest's id.
        """
        found, _ = self._table.query_page(
            "reading who was told",
            _OF_KIND,
            {**_of_kind(event_id, _DELIVERIES), ":rule": text(rule), ":local": text(TransportMode.LOCAL)},
            names={"#rule": "rule", "#mode": "mode"},
            limit=_DELIVERIES_LOOKED_AT,
            matching="#rule = :rule AND #mode = :local",
            projection="username, notification_id, joined",
        )
        return [(text_of(item, "username"), _notification_of(item)) for item in found[:most] if "username" in item]

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
        """Return a page of at most `limit` entries: rules, deliveries and policies that log, as `kind` says.

        Rules and policies come first: an event may have thousands of deliveries, which say nothing without their rules.
        """
        found: list[JsonObject] = []
        last = after if after is not None and after.startswith(_DELIVERIES) else None
        if last is None:
            matched = self._matched(event_id, now)
            names = sorted(name for name in matched if after is None or name > after)
            found = [matched[name] for name in names[:limit]]
            if len(names) >= limit:
                return Page(tuple(found), names[limit - 1])
        items, start = self._table.query_page(
            _READING,
            _OF_KIND,
            _of_kind(event_id, _DELIVERIES),
            limit=limit - len(found),
            start={"pk": text(f"event#{event_id}"), "sk": text(last)} if last is not None else None,
        )
        found += [_story_entry(event_id, item) for item in items if not is_gone(item, now)]
        return Page(tuple(found), None if start is None else text_of(start, "sk"))

    def _matched(self, event_id: str, now: datetime) -> dict[str, JsonObject]:
        """Return what became of an event, by `rule#<name>` and `policy#<name>`.

        Rules that were held, and policies, are stored in other items (`matching.held_store`).
        """
        entries: dict[str, JsonObject] = {}
        known: set[str] = set()
        for item in self._table.query(_READING, _OF_KIND, _of_kind(event_id, _RULES)):
            known.add(text_of(item, "sk"))
            if not is_gone(item, now):
                entries[text_of(item, "sk")] = _story_entry(event_id, item)
        for held in self._held.of(event_id, now=now):
            kind = str(held["kind"])
            name = f"{kind}#{held[kind]}"
            if name not in known:
                entries[name] = ({"deliveries": {}} if kind == "rule" else {}) | held
        return entries

    def traces(self, event_id: str, limit: int) -> Traces:
        """Return the first `limit` entries of an event's story, for `forget`."""
        page = self._table.page(
            "reading the deliveries table", f"event#{event_id}", after=None, limit=limit, consistent=True
        )
        deliveries = [item for item in page.items if text_of(item, "sk").startswith(_DELIVERIES)]
        expected = sum(
            (_counted(item, "told#") + _counted(item, "kept#")).total()
            for item in page.items
            if text_of(item, "sk").startswith(_RULES)
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

    def forget(self, event_id: str, traces: Traces) -> None:
        """Delete entries of an event's story, and the items that say that it was held."""
        self._table.delete_many("deleting a story", traces.keys)
        self._held.forget(event_id)


def _of_kind(event_id: str, kind: str) -> Item:
    return {":pk": text(f"event#{event_id}"), ":kind": text(kind)}


def _notification_of(item: Item) -> str:
    """Return the id of a delivery's notification: the digest's, for a delivery that joined one."""
    joined = text_of(item, "joined")
    return digest_notification_id(*joined.rpartition("-")[::2]) if joined else text_of(item, "notification_id")


def _may_leave_more(item: Item) -> bool:
    """Whether a delivery may be on its way. One that waits is not: it joins no digest once its item is deleted."""
    state = State(text_of(item, "state"))
    return not (state.final or state is State.WAITING)


def _story_entry(event_id: str, item: Item) -> JsonObject:
    key = text_of(item, "sk")
    if key.startswith(_RULES):
        facts = document_of(item, "facts")
        told, kept = _counted(item, "told#"), _counted(item, "kept#")
        match: JsonObject = {
            "kind": "rule",
            "rule": key.removeprefix(_RULES),
            "at": text_of(item, "at"),
            "deliveries": {**told},
        }
        if kept:
            match["kept_back"] = {**kept}
        if "acknowledged" in item:
            match["acknowledged"] = document_of(item, "acknowledged")
        if steps := _steps(item):
            match["escalated"] = steps
        return match | (facts if isinstance(facts, dict) else {})
    return {"kind": "delivery"} | shown(item)


def _steps(item: Item) -> list[Json]:
    """Return what was noted of each step of the rule's escalation, in their order."""
    noted = (document_of(item, attribute) for attribute in item if attribute.startswith("step#"))
    steps = [each for each in noted if isinstance(each, dict)]
    return [*sorted(steps, key=lambda each: str(each["at"]))]


def _counted(item: Item, pages: str) -> Counter[str]:
    """Return the sums of what was counted of each page."""
    counts: Counter[str] = Counter()
    for attribute in item:
        counted = document_of(item, attribute) if attribute.startswith(pages) else None
        if isinstance(counted, dict):
            counts.update({name: count for name, count in counted.items() if isinstance(count, int)})
    return counts
