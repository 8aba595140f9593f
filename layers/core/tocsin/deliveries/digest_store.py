"""Digests in the making, in the deliveries table: what waited for a person and a transport becomes one delivery.

Keys of what waits and of heads are those of `deliveries.waiting_store`. A digest is an item as every delivery is, below
the oldest of its events; what it tells stands in it as `digest`.

    index     partition         order    holds
    by-due    joined#<digest>   due_at   what joined a digest: found there by who makes it to its end after a death
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.aws.dynamodb import (
    Item,
    document,
    document_of,
    moment_of,
    number_of,
    text,
    text_of,
    timestamp,
    timestamp_of,
    truth,
)
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.deliveries.items import NO_LONGER_DUE, Place, change, due_shard, facts, lasts, listed, message_of, place_of
from tocsin.deliveries.model import Attempt, DeliveryMessage
from tocsin.deliveries.redrive_store import STUCK_AFTER
from tocsin.deliveries.waiting_store import head_key
from tocsin.identity.directory import User
from tocsin.ids import id_time
from tocsin.notifications.digest import LABELS, SHOWN
from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.remarks import both
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SPARE = 3 * SHOWN
"""Notifications that a digest remembers, since events of some may be gone when it is sent."""

MOST_COUNTED = 10
"""Rules, actions and applications that are counted by name."""

_FAR_AHEAD = timedelta(days=365)
"""Longer than anything of a group waits."""

_READING, _MAKING = "reading what waits", "making a digest"


@dataclass(frozen=True, slots=True)
class Head:
    """What says when something is due for a person and a transport. `due_at` is as DynamoDB has it."""

    partition: str
    due_at: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A head that is ours until `lease`, and the digest that another function began to make, if any."""

    partition: str
    lease: str
    begun: str | None
    asked_at: datetime
    """When somebody last said that something is to wait."""
    interval: timedelta | None = None
    """Of a group: how long after a message the next one comes."""


@dataclass(frozen=True, slots=True)
class Member:
    """A delivery that joined a digest."""

    message: DeliveryMessage
    action: str
    app: str
    cause: str
    group: Json = None
    """Of what a rule tells together: the values that tell its group from others, by their paths."""
    is_taken: bool = False
    """Whether somebody acknowledged what it tells, or it ended: it comes last in the digest, and is no alarm."""

    @property
    def person(self) -> str | None:
        """The name of the person whom it is for; None of what is for a channel, whoever it names."""
        return None if self.message.user is None or self.message.once else self.message.user.username

    def reaching(self, known: User) -> Member:
        """Return it for the same reader, by the name and at the address that the directory has now."""
        user = self.message.user
        reader = None if user is None else replace(user, name=known.name, email=known.email)
        return replace(self, message=replace(self.message, user=reader))

    def read_by(self, reader: User) -> Member:
        """Return it for `reader`, who reads what is sent once."""
        return replace(self, message=replace(self.message, user=reader))

    def with_remark(self, remark: str) -> Member:
        """Return it with what became of it behind what it says."""
        message = replace(self.message, remark=both(self.message.remark, remark))
        return replace(self, message=message, is_taken=True)


class DigestStore:
    """Finds what is due, and makes digests of it. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._owners = InboxOwnerStore(client, table)

    # ── heads ────────────────────────────────────────────────────────────────

    def heads(self, shard: int, *, now: datetime, limit: int) -> list[Head]:
        """Heads of a shard that are due, the longest due first."""
        found = self._due(f"digest-{shard}", now, limit)
        return [Head(text_of(item, "pk"), str(item["due_at"]["N"])) for item in found]

    def claim(self, head: Head, *, now: datetime, lease: timedelta) -> Claim | None:
        """Take a head for `lease`, longer than a function runs; None where somebody else has it."""
        ends = timestamp(now + lease)
        try:
            item = self._table.update(
                "claiming what waits",
                head_key(head.partition),
                "SET due_at = :lease REMOVE idle",
                values={":lease": ends, ":seen": {"N": head.due_at}},
                condition="due_at = :seen",
                returning="ALL_NEW",
                made={"due_at": ends},
            )
        except ConditionFailed:
            return None
        every = number_of(item, "every")
        interval = timedelta(seconds=every) if every else None
        asked_at = moment_of(item, "asked_at")
        return Claim(head.partition, ends["N"], text_of(item, "digest") or None, asked_at, interval)

    def begin(self, claim: Claim, digest_id: str) -> bool:
        """Say which digest is being made; False where the head is not ours any more."""
        try:
            self._table.update(
                _MAKING,
                head_key(claim.partition),
                "SET digest = :digest",
                values={":digest": text(digest_id), ":lease": {"N": claim.lease}},
                condition="due_at = :lease",
            )
        except ConditionFailed:
            return False
        return True

    def finish(self, claim: Claim, following: datetime, *, idle: bool = False) -> None:
        """Let go of a head, which is due again at `following`. One that is not ours any more stays as it is.

        `idle` says of a group that nothing of it waits or was told lately: what comes next makes it due anew.
        """
        with suppress(ConditionFailed):
            self._table.update(
                _MAKING,
                head_key(claim.partition),
                f"SET due_at = :due{', idle = :idle' if idle else ''} REMOVE digest",
                values={":lease": {"N": claim.lease}, ":due": timestamp(following)}
                | ({":idle": truth(True)} if idle else {}),
                condition="due_at = :lease",
            )

    def forget(self, claim: Claim) -> None:
        """Delete a head for which nothing waits, unless somebody has said since that something is to wait."""
        with suppress(ConditionFailed):
            self._table.delete(
                _MAKING,
                head_key(claim.partition),
                condition="due_at = :lease AND asked_at = :asked",
                values={":lease": {"N": claim.lease}, ":asked": timestamp(claim.asked_at)},
            )

    # ── members ──────────────────────────────────────────────────────────────

    def waiting(self, claim: Claim, *, now: datetime, limit: int) -> list[Place]:
        """What waits and is due; of a group, all that waits."""
        by = now if claim.interval is None else now + _FAR_AHEAD
        return [place_of(item) for item in self._due(claim.partition, by, limit)]

    def next_due(self, partition: str) -> datetime | None:
        """When the next of what waits is due."""
        for item in self._table.query(
            _READING, "due_shard = :shard", {":shard": text(partition)}, index="by-due", limit=1
        ):
            return timestamp_of(item, "due_at")
        return None

    def joined(self, digest_id: str) -> list[Member]:
        """What joined a digest that another function began to make."""
        found = self._table.query(_READING, "due_shard = :shard", {":shard": text(_joined(digest_id))}, index="by-due")
        items = self._table.get_many(_READING, [place_of(item).key for item in found], consistent=True)
        return [_member(item) for item in items if text_of(item, "state") == State.JOINED]

    def join(self, place: Place, digest_id: str, transport: str, *, now: datetime) -> Member | None:
        """Have what waits for `transport` join a digest; None where it does not wait any more."""
        try:
            item = change(
                self._table,
                "joining a digest",
                place,
                {
                    "state": text(State.JOINED),
                    "joined": text(digest_id),
                    "updated": text(iso(now)),
                    "due_shard": text(_joined(digest_id)),
                    **listed(transport, State.JOINED, place.delivery_id),
                },
                remove=("next_attempt",),
                condition="#state = :waiting",
                values={":waiting": text(State.WAITING)},
            )
        except ConditionFailed:
            return None
        return _member(item)

    def people_gone(self, usernames: Iterable[str]) -> dict[str, datetime]:
        """When people were deleted, by their names, which others may have by now."""
        return self._owners.emptied(usernames)

    def drop(self, message: DeliveryMessage, digest_id: str, outcome: Outcome, *, now: datetime) -> None:
        """Have a delivery that joined a digest be told no more; `outcome` says why."""
        with suppress(ConditionFailed):  # a run before this one did it
            change(
                self._table,
                "dropping what waited",
                Place.of(message.delivery_id),
                {
                    "state": text(State.DROPPED),
                    "updated": text(iso(now)),
                    **listed(message.transport, State.DROPPED, message.delivery_id),
                },
                remove=(*NO_LONGER_DUE, "joined"),
                attempt=Attempt(now, 0, outcome),
                counted=False,
                condition="#state = :joined AND joined = :digest",
                values={":joined": text(State.JOINED), ":digest": text(digest_id)},
            )

    def _due(self, partition: str, now: datetime, limit: int) -> list[Item]:
        return list(
            self._table.query(
                _READING,
                "due_shard = :shard AND due_at <= :now",
                {":shard": text(partition), ":now": timestamp(now)},
                index="by-due",
                limit=limit,
            )
        )

    # ── the digest itself ────────────────────────────────────────────────────

    def made(self, digest_id: str) -> DeliveryMessage | None:
        """The message of a digest that is made; None where it is not."""
        for item in self._table.get_many(_READING, [Place.of(digest_id).key], consistent=True):
            return message_of(item)  # as `joined` reads: the schedule's role has no GetItem
        return None

    def make(self, digest_id: str, members: Sequence[Member], *, now: datetime, keep: timedelta) -> DeliveryMessage:
        """Make a queued delivery of a digest of `members`, whose message is then to be sent."""
        message, told = summary(digest_id, members)
        place = Place.of(digest_id)
        try:
            change(
                self._table,
                _MAKING,
                place,
                {
                    "state": text(State.QUEUED),
                    "digest": document(told),
                    "updated": text(iso(now)),
                    "due_shard": text(due_shard(digest_id)),
                    "due_at": timestamp(now + STUCK_AFTER),
                    **listed(message.transport, State.QUEUED, digest_id),
                    **facts(message),
                },
                once={"attempts": {"L": []}, "created": text(iso(now)), **lasts(now, keep)},
                condition="attribute_not_exists(pk)",
            )
        except ConditionFailed as refused:
            return message_of(refused.item)
        return message


def summary(digest_id: str, members: Sequence[Member]) -> tuple[DeliveryMessage, JsonObject]:
    """The digest's message, and what it tells: {count, cause, since, severities, rules, actions, apps, first, latest},
    with the `group` whose values they have; `over` where the `latest` event ends it, `taken` where nobody needs to act.

    Its severity is that of the most severe that nobody has taken; a notice where there is none.
    """
    ranks = {severity: rank for rank, severity in enumerate(reversed(Severity))}
    ordered = sorted(members, key=lambda each: (each.is_taken, ranks[each.message.severity], each.message.event_id))
    lead, latest = ordered[0].message, max((each.message for each in members), key=lambda each: each.event_id)
    place = Place.of(digest_id)
    first: list[Json] = [
        {
            "event_id": each.message.event_id,
            "rule": each.message.rule,
            "severity": each.message.severity.value,
            "remark": each.message.remark,
        }
        for each in ordered[:SPARE]
    ]
    counted = {
        "rules": _most(each.message.rule for each in members),
        "actions": _most(each.action for each in members),
        "apps": _most(each.app for each in members),
    }
    told: JsonObject = {
        "count": len(members),
        "cause": Counter(each.cause for each in members).most_common()[0][0],
        "since": iso(min(id_time(each.message.event_id) for each in members)),
        "severities": {**Counter(each.message.severity.value for each in members)},
        **{kind: counted[kind] for kind in LABELS},
        "first": first,
        "latest": latest.event_id,
    }
    if isinstance(ordered[0].group, dict):
        told["group"] = ordered[0].group
        if latest.over:
            told["over"] = True
    if ordered[0].is_taken:
        told["taken"] = True
    message = DeliveryMessage(
        event_id=place.event_id,
        rule=lead.rule,
        severity=Severity.NOTICE if ordered[0].is_taken else lead.severity,
        transport=lead.transport,
        mode=latest.mode,  # a transport may have become one of another mode since the first
        user=latest.user,
        once=latest.once,
        digest=place.told,
        again=True,
        about=lead.about if "group" in told else None,
    )
    return message, told


def _most(names: Iterable[str]) -> JsonObject:
    return dict(Counter(names).most_common(MOST_COUNTED))


def _joined(digest_id: str) -> str:
    return f"joined#{digest_id}"


def _member(item: Item) -> Member:
    return Member(
        message_of(item),
        text_of(item, "action"),
        text_of(item, "app"),
        text_of(item, "cause"),
        document_of(item, "group"),
    )
