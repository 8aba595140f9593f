"""Inboxes in the deliveries table.

pk                     sk                 what
inbox#<username>       a#<arrival>        a notification; arrivals of a person are numbered
inbox#<username>       head               the last number given out, the watermarks (seen through, cleared through), and
                                          when it was emptied because its person went
inbox-id#<username>    <notification id>  its arrival: a repeat is stored once, and one is found by its id

An inbox is a window of numbers: what is neither cleared nor older than the latest `limit` arrivals. Marking all seen
and clearing move a watermark in the head, which is one write; what is below the window is left to TTL and never read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import (
    Item,
    document,
    document_of,
    is_gone,
    number,
    number_of,
    text,
    text_of,
    timestamp,
    timestamp_of,
    truth,
    truth_of,
    until,
)
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.notifications.inbox_items import Head, head_key, head_of, id_key, inbox_pk, is_seen, item_key, item_sk
from tocsin.notifications.model import MAX_INBOX, Notification, Severity
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import JsonObject, Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_BODY = 4_000
"""Characters of a body that an inbox keeps: a page of an inbox is to be a few reads."""

MAX_LINK, MAX_LABEL = 4_000, 200
"""Characters of a link and of its label. What is sent to open inboxes takes the way of a message of 128 KB at most."""

_READING, _WRITING = "reading an inbox", "writing an inbox"


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """Which notifications are asked for; None does not ask."""

    unseen: bool = False
    severities: frozenset[Severity] = frozenset()
    since: datetime | None = None
    rule: str | None = None
    after: int = 0


@dataclass(frozen=True, slots=True)
class InboxCount:
    """What is in an inbox now."""

    unread: int
    total: int


class BelongsToAnother(Exception):
    """A notification is of an event before its person was deleted: who has the name now is somebody else."""


class InboxStore:
    """People's notifications. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    # ── arriving ─────────────────────────────────────────────────────────────

    def put(
        self, notification: Notification, *, keep: timedelta, now: datetime, happened: datetime | None = None
    ) -> JsonObject | None:
        """Store a notification for its user and return it as the API shows it; None where it arrived before.

        `happened` is when the latest of its events did, by default when its one event did. Raises BelongsToAnother.
        """
        if notification.user is None:
            raise ValueError("an inbox item needs a person")
        username = notification.user.username
        arrival = self._next_arrival(username, happened or notification.created)
        expires = {"expires_at": until(now + keep)}
        try:
            self._table.put(
                "numbering a notification",
                id_key(username, notification.id) | {"arrival": number(arrival)} | expires,
                condition="attribute_not_exists(pk)",
            )
        except ConditionFailed as before:
            # A function may have ended between the two writes: the second is made up for, unless it was deleted since.
            if truth_of(before.item, "deleted"):
                return None
            arrival = number_of(before.item, "arrival")
        item: dict[str, Any] = item_key(username, arrival) | {
            "notification": document(_shortened(notification).to_json()),
            "arrival": number(arrival),
            "arrived": timestamp(now),
            "severity": text(notification.severity.value),
            "rule": text(notification.rule),
            "seen": truth(False),
            **expires,
        }
        try:
            self._table.put("storing a notification", item, condition="attribute_not_exists(pk)")
        except ConditionFailed:
            return None
        return _shown(item, Head())

    def _next_arrival(self, username: str, happened: datetime) -> int:
        changed = self._table.update(
            "numbering a notification",
            head_key(username),
            "ADD arrivals :one",
            values={":one": number(1)},
            returning="ALL_NEW",
        )
        emptied = timestamp_of(changed, "emptied")
        if emptied is not None and happened <= emptied:
            raise BelongsToAnother
        return number_of(changed, "arrivals")

    # ── reading ──────────────────────────────────────────────────────────────

    def head(self, username: str) -> Head:
        """How far a person's inbox has come, as of now."""
        item = self._table.get(_READING, head_key(username), consistent=True)
        return Head() if item is None else head_of(item)

    def page(
        self,
        username: str,
        head: Head,
        *,
        limit: int,
        asked: InboxFilter = InboxFilter(),  # noqa: B008 - frozen
        before: int | None = None,
        most: int = 50,
        now: datetime,
        seen_kept: timedelta | None = None,
    ) -> Page[JsonObject]:
        """At most `most` notifications, the latest arrival first, those that arrived earlier than `before`.

        `limit` is how many the inbox holds; `seen_kept` how long after its arrival one that was seen is in it. The
        page's `last` is the arrival to go on before; None at the end.
        """
        found: list[JsonObject] = []
        floor = max(head.floor(limit), asked.after)
        size = most if seen_kept is None and asked == InboxFilter(after=asked.after) else None  # else 1 MB of them
        for item in self._walk(username, floor, before, *_matching(asked, head, now, seen_kept), page=size):
            found.append(_shown(item, head))
            if len(found) == most:
                arrival = number_of(item, "arrival")
                return Page(tuple(found), str(arrival) if arrival > floor + 1 else None)
        return Page(tuple(found), None)

    def count(
        self, username: str, head: Head, *, limit: int, now: datetime, seen_kept: timedelta | None = None
    ) -> InboxCount:
        """How many notifications are in the inbox, and how many of them are unseen."""
        unread = total = 0
        matching, values, names = _matching(InboxFilter(), head, now, seen_kept)
        for item in self._walk(username, head.floor(limit), None, matching, values, names | _SEEN, projection=_STATE):
            total += 1
            unread += not is_seen(item, head)
        return InboxCount(unread, total)

    def get(
        self,
        username: str,
        head: Head,
        notification_id: str,
        *,
        limit: int,
        now: datetime,
        seen_kept: timedelta | None = None,
    ) -> JsonObject | None:
        """One notification; None where it is not in the inbox."""
        arrival = self._arrivals(username, [notification_id]).get(notification_id, 0)
        if arrival <= head.floor(limit):
            return None
        item = self._table.get(_READING, item_key(username, arrival), consistent=True)
        if item is None or is_gone(item, now):
            return None
        over = seen_kept is not None and (timestamp_of(item, "arrived") or now) < now - seen_kept
        return None if over and is_seen(item, head) else _shown(item, head)

    def _walk(
        self,
        username: str,
        floor: int,
        before: int | None,
        matching: str,
        values: dict[str, Any],
        names: dict[str, str],
        *,
        projection: str | None = None,
        page: int | None = None,
    ) -> Iterator[Item]:
        """Yield the items above `floor` and below `before` that match, descending. The first query looks at `page`."""
        if before is not None and before <= floor + 1:
            return
        last = "a#~" if before is None else item_sk(before - 1)
        span = {":pk": text(inbox_pk(username)), ":floor": text(item_sk(floor + 1)), ":last": text(last)}
        start: Item | None = None
        while True:
            found, start = self._table.query_page(
                _READING,
                "pk = :pk AND sk BETWEEN :floor AND :last",
                span | values,
                names=names or None,
                consistent=True,
                descending=True,
                limit=page,
                start=start,
                matching=matching,
                projection=projection,
            )
            yield from found
            if start is None:
                return
            page = None

    def _arrivals(self, username: str, ids: Sequence[str], *, deleted: bool = False) -> dict[str, int]:
        """The arrivals of notifications by their ids, without those that never arrived; `deleted` with those, too."""
        keys = [id_key(username, each) for each in dict.fromkeys(ids)]
        items = self._table.get_many(_READING, keys, consistent=True)
        there = (item for item in items if deleted or not truth_of(item, "deleted"))
        return {text_of(item, "sk"): number_of(item, "arrival") for item in there}

    # ── marking ──────────────────────────────────────────────────────────────

    def mark(self, username: str, head: Head, ids: Sequence[str], *, seen: bool) -> list[str]:
        """Mark notifications as seen or unseen; the ids of those that are there."""
        arrivals = self._arrivals(username, ids)
        return [each for each, arrival in arrivals.items() if self._mark(username, arrival, head, seen=seen)]

    def _mark(self, username: str, arrival: int, head: Head, *, seen: bool) -> bool:
        """Mark one notification; whether it is there."""
        try:
            self._table.update(
                _WRITING,
                item_key(username, arrival),
                "SET seen = :seen, unseen_in = :marks",
                values={":seen": truth(seen), ":marks": number(-1 if seen else head.seen_marks)},
                condition="attribute_exists(pk)",
            )
        except ConditionFailed:
            return False
        return True

    def see_through(self, username: str, through: int | None) -> int:
        """Mark all that arrived up to `through` as seen, or all; the arrival that this is."""
        reached = self._move(username, "seen_through", through, " ADD seen_marks :one", {":one": number(1)})
        if through is None or reached <= through:
            return reached
        # All of these were seen at once before; what was marked unseen since is marked by itself, as what came later
        # and was marked unseen is to stay so.
        self._see_again(username, through)
        return through

    def _see_again(self, username: str, through: int) -> None:
        head = self.head(username)
        values = {":no": truth(False), ":marks": number(head.seen_marks)}
        matching, floor = "#seen = :no AND unseen_in = :marks", head.floor(MAX_INBOX)
        for item in self._walk(username, floor, through + 1, matching, values, _SEEN, projection="arrival"):
            self._mark(username, number_of(item, "arrival"), head, seen=True)

    def clear_through(self, username: str, through: int | None) -> int:
        """Take all that arrived up to `through` out of the inbox, or all; the arrival that this is."""
        return self._move(username, "cleared_through", through)

    def _move(
        self, username: str, mark: str, through: int | None, more: str = "", values: dict[str, Any] | None = None
    ) -> int:
        """Move a watermark forward, never back and never beyond the last arrival."""
        given: dict[str, Any] = {":zero": number(0)} | (values or {})
        condition = None
        to = "if_not_exists(arrivals, :zero)"
        if through is not None:
            to, condition = ":through", f"arrivals >= :through AND (attribute_not_exists({mark}) OR {mark} <= :through)"
            del given[":zero"]
            given[":through"] = number(through)
        try:
            changed = self._table.update(
                _WRITING,
                head_key(username),
                f"SET {mark} = {to}{more}",
                values=given,
                condition=condition,
                returning="ALL_NEW",
            )
        except ConditionFailed:
            head = self.head(username)
            if through is not None and through > head.arrivals:
                return self._move(username, mark, None, more, values)
            return head.seen_through if mark == "seen_through" else head.cleared_through
        return number_of(changed, mark)

    def delete(self, username: str, notification_id: str) -> bool:
        """Delete one notification; False where there is none. A repeat of its delivery does not bring it back."""
        # Also one that is marked already: a function may have ended between the two writes.
        arrival = self._arrivals(username, [notification_id], deleted=True).get(notification_id)
        if arrival is None:
            return False
        self._table.update(
            _WRITING, id_key(username, notification_id), "SET deleted = :yes", values={":yes": truth(True)}
        )
        return bool(self._table.delete(_WRITING, item_key(username, arrival), returning="ALL_OLD"))


_STATE = "arrival, #seen, unseen_in"
_SEEN = {"#seen": "seen"}
type _Matching = tuple[str, dict[str, Any], dict[str, str]]
_UNSEEN = "#seen = :no AND (arrival > :through OR unseen_in = :marks)"


def _matching(asked: InboxFilter, head: Head, now: datetime, kept: timedelta | None) -> _Matching:
    """The filter expression of what is asked for, its values and names."""
    parts = ["expires_at > :now"]
    values: dict[str, Any] = {":now": until(now)}
    names: dict[str, str] = {}
    if asked.unseen:
        parts.append(_UNSEEN)
    elif kept is not None:
        parts.append(f"(arrived >= :kept OR ({_UNSEEN}))")
        values[":kept"] = timestamp(now - kept)
    if len(parts) > 1:
        values |= {":no": truth(False), ":through": number(head.seen_through), ":marks": number(head.seen_marks)}
        names |= _SEEN
    if asked.severities:
        given = {f":severity{at}": text(each.value) for at, each in enumerate(sorted(asked.severities))}
        parts.append(f"severity IN ({', '.join(given)})")
        values |= given
    if asked.since is not None:
        parts.append("arrived >= :since")
        values[":since"] = timestamp(asked.since)
    if asked.rule is not None:
        parts.append("#rule = :rule")
        values[":rule"] = text(asked.rule)
        names["#rule"] = "rule"
    return " AND ".join(parts), values, names


def _shown(item: Item, head: Head) -> JsonObject:
    """A notification as the API shows it."""
    stored = document_of(item, "notification")
    arrived = timestamp_of(item, "arrived")
    more: JsonObject = {
        "seen": is_seen(item, head),
        "arrival": number_of(item, "arrival"),
        "arrived": None if arrived is None else iso(arrived),
    }
    return (stored if isinstance(stored, dict) else {}) | more


def _shortened(notification: Notification) -> Notification:
    body, link, label = notification.body, notification.hyperlink, notification.hyperlink_label
    if len(body) > MAX_BODY:
        notification = replace(notification, body=body[: MAX_BODY - 1] + "…")
    if link is not None and len(link) > MAX_LINK:  # a part of it leads nowhere
        notification = replace(notification, hyperlink=None)
    if label is not None and len(label) > MAX_LABEL:
        notification = replace(notification, hyperlink_label=label[: MAX_LABEL - 1] + "…")
    return notification
