"""Deliveries that a person does not want, or not yet, in the deliveries table.

    pk                              sk                what
    event#<event id>                delivery#<hash>   a delivery that waits or was dropped, with the reason
    digest#<transport>#<username>   head              when what waits for this person and transport is due

    index     partition                       order        holds
    by-due    digest#<transport>#<username>   due_at       what waits for them
    by-due    digest-<shard>                  due_at       the heads

Whatever is done first holds: a delivery that is dropped, joined or on its way is not touched, however often its event
is matched. What waits is written before its head. A function that dies in between is asked for the same event again,
and then writes the head, or tells or drops what waited.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import document, text, text_of, timestamp, timestamp_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.deliveries.items import NO_LONGER_DUE, Place, change, facts, listed
from tocsin.deliveries.model import Attempt, DeliveryMessage
from tocsin.events.model import Event
from tocsin.notifications.outcome import Outcome, State
from tocsin.telling.decision import Decision
from tocsin.times import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DIGEST_SHARDS = 4
"""Partitions of the index by-due that hold heads."""

SETTLE = timedelta(seconds=30)
"""What is decided before a digest is due may be written this much later: as long as a matcher runs."""

_PARALLEL = 8
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class KeptBack:
    """A message that is not told now, and why."""

    message: DeliveryMessage
    event: Event
    decision: Decision


class WaitingStore:
    """Notes what waits and what is dropped. Raises Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._expected: dict[str, datetime] = {}

    def keep_back(self, kept: Sequence[KeptBack], *, now: datetime, keep: timedelta) -> None:
        """Note each; what is noted already, or on its way, stays as it is. Items are kept for `keep`, once told."""
        if len(kept) <= 1:
            for each in kept:
                self._note(each, now, keep)
            return
        with ThreadPoolExecutor(min(_PARALLEL, len(kept))) as pool:
            list(pool.map(lambda each: self._note(each, now, keep), kept))

    def _note(self, kept: KeptBack, now: datetime, keep: timedelta) -> None:
        if kept.decision.until is None:
            self._drop(kept, now, keep)
        else:
            self._wait(kept, kept.decision.until, now, keep)

    def _drop(self, kept: KeptBack, now: datetime, keep: timedelta) -> None:
        message, decision = kept.message, kept.decision
        reason = decision.reason.removeprefix("dropped: ")
        attempt = Attempt(now, 0, Outcome(State.DROPPED, decision.cause.value, reason))
        with suppress(ConditionFailed):
            change(
                self._table,
                "noting what is dropped",
                Place.of(message.delivery_id),
                {
                    "state": text(State.DROPPED),
                    "updated": text(iso(now)),
                    "attempts": {"L": [document(attempt.to_json())]},
                    **listed(message.transport, State.DROPPED, message.delivery_id),
                    **facts(message),
                },
                once={"created": text(iso(now)), "expires_at": until(now + keep)},
                remove=NO_LONGER_DUE,
                condition="attribute_not_exists(pk) OR #state = :waiting",
                values={":waiting": text(State.WAITING)},
            )

    def _wait(self, kept: KeptBack, due: datetime, now: datetime, keep: timedelta) -> None:
        message = kept.message
        partition = partition_of(message)
        try:
            change(
                self._table,
                "noting what waits",
                Place.of(message.delivery_id),
                {
                    "state": text(State.WAITING),
                    "updated": text(iso(now)),
                    "why": text(kept.decision.reason),
                    "cause": text(kept.decision.cause),
                    "action": text(kept.event.action),
                    "app": text(kept.event.app),
                    "next_attempt": text(iso(due)),
                    "due_shard": text(partition),
                    "due_at": timestamp(due),
                    **listed(message.transport, State.WAITING, message.delivery_id),
                    **facts(message),
                },
                once={"attempts": {"L": []}, "created": text(iso(now)), "expires_at": until(due + keep)},
                condition="attribute_not_exists(pk)",
            )
        except ConditionFailed as refused:
            if text_of(refused.item, "state") != State.WAITING:
                return
            due = timestamp_of(refused.item, "due_at") or due
        self._expect(partition, due, now, keep)

    def _expect(self, partition: str, due: datetime, now: datetime, keep: timedelta) -> None:
        """Have the head of `partition` be due with what is due at `due`, or before that.

        One that is known to be due between now and then is still there: nobody looks at it before. `asked_at` keeps one
        that is due before that from being deleted by who does not see yet what waits.
        """
        known = self._expected.get(partition)
        if known is not None and now < known <= due:
            return
        asked: dict[str, Any] = {":now": timestamp(now), ":until": until(due + keep)}
        key, what = head_key(partition), "noting when a digest is due"
        set_asked = "asked_at = :now, expires_at = :until"
        try:
            self._table.update(
                what,
                key,
                f"SET due_shard = if_not_exists(due_shard, :shard), due_at = :due, {set_asked}",
                values=asked | {":shard": text(head_shard(partition)), ":due": timestamp(due + SETTLE)},
                condition="attribute_not_exists(due_at) OR (due_at > :due AND attribute_not_exists(digest))",
            )
        except ConditionFailed:  # it is due before that, or being told: who tells it looks for more
            self._table.update(what, key, f"SET {set_asked}", values=asked)
        if len(self._expected) >= _REMEMBERED:
            self._expected.clear()
        self._expected[partition] = due


def partition_of(message: DeliveryMessage) -> str:
    """What all that waits for a person by a transport has in common. Names of transports have no `#`."""
    return f"digest#{message.transport}#{message.user.username if message.user else ''}"


def head_key(partition: str) -> dict[str, Any]:
    """Where the head of what waits is."""
    return {"pk": text(partition), "sk": text("head")}


def head_shard(partition: str) -> str:
    """The partition of the index by-due that the head is in."""
    return f"digest-{zlib.crc32(partition.encode()) % DIGEST_SHARDS}"
