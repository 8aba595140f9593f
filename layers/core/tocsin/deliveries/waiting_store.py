"""Deliveries that a person does not want, or not yet, in the deliveries table.

    pk                              sk                what
    event#<event id>                delivery#<hash>   a delivery that waits or was dropped, with the reason
    digest#<transport>#<username>   head              when what waits for this person and transport is due
    digest#<transport>#<hash>       head              when what a rule tells together is due: a group's, by its values

    index     partition                       order        holds
    by-due    digest#<transport>#<…>          due_at       what waits for them
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
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import document, number, text, text_of, timestamp, timestamp_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.aws.tracing import caused_by, trace_header
from tocsin.deliveries.items import NO_LONGER_DUE, Place, change, facts, lasts, listed
from tocsin.deliveries.model import Attempt, DeliveryMessage
from tocsin.events.model import Event
from tocsin.notifications.outcome import Outcome, State
from tocsin.records import dataclass
from tocsin.telling.decision import Decision, Together, shown_values
from tocsin.times import iso, parse_duration

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DIGEST_SHARDS = 4
"""Partitions of the index by-due that hold heads."""

SETTLE = timedelta(seconds=30)
"""What is decided before a digest is due may be written this much later: as long as a matcher runs."""

ASKED_FOR = timedelta(minutes=5)
"""How long a process relies on a head that it asked for: less than a head is kept for which nothing waits."""

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
        self._expected: dict[str, _Expected] = {}

    def keep_back(self, kept: Sequence[KeptBack], *, now: datetime, keep: timedelta) -> None:
        """Note each; what is noted already, or on its way, stays as it is. Items are kept for `keep`, once told."""
        if not kept:
            return
        trace = trace_header()  # which a pool does not hand on to its threads
        with ThreadPoolExecutor(min(_PARALLEL, len(kept))) as pool:
            list(pool.map(lambda each: self._note(each, trace, now, keep), kept))

    def _note(self, kept: KeptBack, trace: str | None, now: datetime, keep: timedelta) -> None:
        with caused_by(trace):
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
        message, group = kept.message, kept.decision.group
        partition = partition_of(message, group)
        # Of a group all that waits is told at once: the index only has to say what may wait no longer.
        order = due if group is None else kept.decision.latest or due + 2 * parse_duration(group.interval)
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
                    "due_at": timestamp(order),
                    **({} if group is None else {"group": document(shown_values(group.values))}),
                    **listed(message.transport, State.WAITING, message.delivery_id),
                    **facts(message),
                },
                once={"attempts": {"L": []}, "created": text(iso(now)), **lasts(order, keep)},
                condition="attribute_not_exists(pk)",
            )
        except ConditionFailed as refused:
            if text_of(refused.item, "state") != State.WAITING:
                return
            noted = text_of(refused.item, "due_shard")
            if group is None or noted != partition:  # as it was decided the first time
                self._expect(noted, timestamp_of(refused.item, "due_at") or due, now, keep)
                return
        if group is None:
            self._expect(partition, due, now, keep)
        else:
            self._expect_group(partition, group, due, kept.decision.latest, now, keep)

    def _expect(self, partition: str, due: datetime, now: datetime, keep: timedelta) -> None:
        """Have the head of `partition` be due with what is due at `due`, or before that.

        `asked_at` keeps one that is due before that from being deleted by who does not see yet what waits. It keeps it
        for longer than ASKED_FOR, and no further: what it was asked for may be sent by hand, or be deleted, and then
        the head goes before `due`.
        """
        known = self._expected.get(partition)
        if known is not None and known.holds_at(now) and known.due <= due:
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
        self._remember(partition, _Expected(due, min(due, now + ASKED_FOR)))

    def _expect_group(
        self, partition: str, group: Together, due: datetime, latest: datetime | None, now: datetime, keep: timedelta
    ) -> None:
        """Have a group's head be due at `due` where nothing of it was told lately, and by `latest` in any case.

        Else it is due when its interval is over. One that somebody asked for is kept for longer than ASKED_FOR.
        """
        known = self._expected.get(partition)
        if latest is None and known is not None and known.holds_at(now):
            return
        interval = parse_duration(group.interval)
        asked: dict[str, Any] = {
            ":now": timestamp(now),
            ":until": until(due + interval + keep),
            ":every": number(int(interval.total_seconds())),
        }
        key, what = head_key(partition), "noting when a group is due"
        set_asked = "every = :every, asked_at = :now, expires_at = :until"
        try:
            self._table.update(
                what,
                key,
                f"SET due_shard = if_not_exists(due_shard, :shard), due_at = :due, {set_asked} REMOVE idle",
                values=asked | {":shard": text(head_shard(partition)), ":due": timestamp(due)},
                condition="attribute_not_exists(due_at) OR attribute_exists(idle)",
            )
        except ConditionFailed:
            self._table.update(what, key, f"SET {set_asked}", values=asked)
        if latest is not None:
            with suppress(ConditionFailed):  # it is due before that, or being told: who tells it looks for more
                self._table.update(
                    what,
                    key,
                    "SET due_at = :latest",
                    values={":latest": timestamp(latest)},
                    condition="due_at > :latest AND attribute_not_exists(digest)",
                )
        self._remember(partition, _Expected(due, now + ASKED_FOR))

    def _remember(self, partition: str, expected: _Expected) -> None:
        if len(self._expected) >= _REMEMBERED:
            self._expected.clear()
        self._expected[partition] = expected


@dataclass(frozen=True, slots=True)
class _Expected:
    """A head that this process asked for: to be due at `due` or before; not relied upon from `until` on."""

    due: datetime
    until: datetime

    def holds_at(self, now: datetime) -> bool:
        """Whether it is relied upon: not either where the clock was set back, since it is not known for how long."""
        return now < self.until <= now + ASKED_FOR


def partition_of(message: DeliveryMessage, group: Together | None = None) -> str:
    """What all that waits for a person by a transport has in common, or for a group. No transport's name has a `#`."""
    person = message.user.username if message.user else ""
    if group is None:
        return f"digest#{message.transport}#{person}"
    told = [message.rule, None if message.once else person, {**group.values}]
    return f"digest#{message.transport}#{sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]}"


def head_key(partition: str) -> dict[str, Any]:
    """Where the head of what waits is."""
    return {"pk": text(partition), "sk": text("head")}


def head_shard(partition: str) -> str:
    """The partition of the index by-due that the head is in."""
    return f"digest-{zlib.crc32(partition.encode()) % DIGEST_SHARDS}"
