"""What waited for a person and a transport, told as one: when their quiet hours end, when their digest is due, and when
a group has waited for others.

    1. the head that is due is claimed, for longer than a function runs
    2. it is noted there which digest is being made
    3. what waits and is due joins it, one by one, by a conditional write
    4. what somebody acknowledged meanwhile says so, or leaves the digest (`deliveries.taken`), as does what was for a
       person who was deleted or made inactive since, or wants it no more (`deliveries.readers`); the others are told at
       the address that they have by now. What is sent once goes to somebody else of the rule's group instead
    5. the digest is made: a delivery as others are, queued
    6. the head is let go of, and its message is sent

Whoever finds a head after a death goes on where that was: with the same digest, and what joined it. What was written
late is found when the head is looked at again. So each delivery is in one digest, or is told by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import chain

from tocsin.aws.logging import Code, note
from tocsin.deliveries.digest_store import Claim, DigestStore, Head, Member
from tocsin.deliveries.items import Place
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.readers import Gone, Readers
from tocsin.deliveries.taken import Matters, taken
from tocsin.deliveries.waiting_store import SETTLE
from tocsin.identity.directory import User
from tocsin.ids import id_time
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.transport import TransportMode
from tocsin.records import dataclass
from tocsin.telling.decision import Cause

LEASE = timedelta(seconds=90)
"""Longer than the schedule's function may run."""

LOOK_AGAIN = timedelta(minutes=10)
"""After a digest, for what was written late: an index may not show it at once."""

NEWS = timedelta(minutes=2)
"""How lately something of a group must have come that an index may not show yet, so that it is looked for soon."""

MOST = 1_000
"""Deliveries of one digest; what waits beyond that is in the next one."""

HEADS_AT_ONCE = 100
_PARALLEL = 8


@dataclass(frozen=True, slots=True)
class _Told:
    """What was made of what is due."""

    message: DeliveryMessage
    is_full: bool = False
    """Whether it holds as much as a digest may, so that more may wait."""


class Digests:
    """Makes digests of what is due. Raises Unavailable."""

    def __init__(
        self,
        store: DigestStore,
        matters: Callable[[Iterable[tuple[str, str]]], Matters],
        readers: Readers,
        clock: Callable[[], datetime],
    ) -> None:
        """`matters` finds the matters of (rule, about) each, of rules that escalate."""
        self._store = store
        self._matters = matters
        self._readers = readers
        self._clock = clock

    def due(self, shard: int) -> list[Head]:
        """Some heads of a shard that are due."""
        return self._store.heads(shard, now=self._clock(), limit=HEADS_AT_ONCE)

    def tell(self, head: Head, *, keep: timedelta) -> DeliveryMessage | None:
        """Make a digest of what is due; its message, which is then to be sent. None where there is nothing to tell."""
        now = self._clock()
        claim = self._store.claim(head, now=now, lease=LEASE)
        if claim is None:
            return None
        made = None if claim.begun is None else self._store.made(claim.begun)
        told = self._make(claim, now, keep) if made is None else _Told(made)
        next_due = self._store.next_due(claim.partition)
        quiet_since = claim.asked_at <= now - LOOK_AGAIN
        if told is None and next_due is None and quiet_since:
            self._store.forget(claim)
        elif claim.interval is not None:
            self._finish_group(claim, claim.interval, told, next_due, now)
        else:
            again = now + LOOK_AGAIN
            self._store.finish(claim, again if next_due is None else min(again, max(next_due + SETTLE, now)))
        return None if told is None else told.message

    def _finish_group(
        self, claim: Claim, interval: timedelta, told: _Told | None, next_due: datetime | None, now: datetime
    ) -> None:
        """Have a group be due when its interval is over, or before that where something of it may not wait so long."""
        if told is None and next_due is None:
            is_news = claim.asked_at > now - NEWS
            self._store.finish(claim, now + (SETTLE if is_news else LOOK_AGAIN), idle=True)
            return
        again = now + SETTLE if told is None or told.is_full else now + interval
        self._store.finish(claim, again if next_due is None else max(min(again, next_due), now))

    def _make(self, claim: Claim, now: datetime, keep: timedelta) -> _Told | None:
        """Make a digest of what is due; None where there is nothing to tell."""
        members = [] if claim.begun is None else self._store.joined(claim.begun)
        most = max(MOST - len(members), 1)
        places = self._store.waiting(claim, now=now, limit=most)
        if not (members or places):
            return None
        digest_id = claim.begun or _digest_id(claim, places)
        if claim.begun is None and not self._store.begin(claim, digest_id):
            return None
        members += self._join(claim, digest_id, places, now)
        members = self._for_one_reader(self._still_to_tell(members, digest_id, now), digest_id, now)
        if not members:
            return None
        message = self._store.make(digest_id, members, now=now, keep=keep)
        note(
            Code.DIGEST_MADE,
            "what waited is told as one",
            delivery_id=digest_id,
            transport=message.transport,
            user=message.user.username if message.user else None,
            deliveries=len(members),
        )
        return _Told(message, is_full=len(places) >= most)

    def _still_to_tell(self, members: list[Member], digest_id: str, now: datetime) -> list[Member]:
        """Return `members` without those that are told no more, with a remark where somebody took what they tell."""
        members = self._of_who_is_there(members, digest_id, now)
        matters = self._matters({(each.message.rule, each.message.about) for each in members if each.message.about})
        told = []
        for member in members:
            became = taken(member.message, matters)
            if became is not None and became.drops:
                self._drop(member, became.cause, f"{became.remark}, before this was told", digest_id, now)
            else:
                told.append(member if became is None else member.with_remark(became.remark))
        return told

    def _of_who_is_there(self, members: list[Member], digest_id: str, now: datetime) -> list[Member]:
        """Return `members` without those of who is inactive or wants them no more, and without what happened before
        their person was deleted: who has the name now is another."""
        names = sorted({each.person for each in members if each.person is not None})
        gone, told = self._store.people_gone(names), []
        readers = self._readers.of(names)
        for member in members:
            if (name := member.person) is None:
                told.append(member)
            elif (left := gone.get(name)) is not None and id_time(member.message.event_id) <= left:
                self._drop(member, "person_deleted", "its person was deleted after the event happened", digest_id, now)
            elif (why := readers.gone(member.message, name, now)) is not None:
                self._drop(member, why.cause, why.reason, digest_id, now)
            else:
                known = readers.people.get(name)
                told.append(member if known is None else member.reaching(known))
        return told

    def _for_one_reader(self, members: list[Member], digest_id: str, now: datetime) -> list[Member]:
        """Return `members` for somebody who is there and wants them, where they are sent once and to one person.

        That is the person for whom the latest of them was, else one for whom another was, else the first of the rule's
        group. Where it is nobody they are told no more.
        """
        latest = max(members, key=lambda each: each.message.event_id, default=None)
        if latest is None or not latest.message.once or not TransportMode(latest.message.mode).is_personal:
            return members
        latest_first = sorted(members, key=lambda each: each.message.event_id, reverse=True)
        named = {user.username: user for each in latest_first if (user := each.message.user) is not None}
        why: Gone | None = None
        for people in chain([list(named.values())], self._readers.others(latest.message.rule)):
            reader, gone = self._reader(people, latest.message, now)
            if reader is not None:
                return [each.read_by(reader) for each in members]
            why = why or gone
        told = Gone(Cause.TRANSPORT_OFF, "it is for nobody") if why is None else why
        reason = f"{told.reason}, nor does anybody else of the rule's group take {latest.message.transport}"
        for member in members:
            self._drop(member, told.cause, reason, digest_id, now)
        return []

    def _reader(
        self, people: Sequence[User], message: DeliveryMessage, now: datetime
    ) -> tuple[User | None, Gone | None]:
        """Return the first of `people` who is there and wants `message`; else why the first of them does not."""
        names = [user.username for user in people]
        left, readers = self._store.people_gone(names), self._readers.of(names)
        why: Gone | None = None
        for user in people:
            gone = readers.gone_for(message, user.username, left.get(user.username), now)
            if gone is None:
                return readers.reader(user), None
            why = why or gone
        return None, why

    def _drop(self, member: Member, cause: str, reason: str, digest_id: str, now: datetime) -> None:
        message = member.message
        self._store.drop(message, digest_id, Outcome(State.DROPPED, cause, reason), now=now)
        note(
            Code.DELIVERY_KEPT_BACK,
            f"dropped: {reason}",
            event_id=message.event_id,
            delivery_id=message.delivery_id,
            rule=message.rule,
            transport=message.transport,
            user=message.user.username if message.user else None,
            decision="drop",
            cause=cause,
        )

    def _join(self, claim: Claim, digest_id: str, places: list[Place], now: datetime) -> list[Member]:
        transport = claim.partition.split("#")[1]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            joined = pool.map(lambda place: self._store.join(place, digest_id, transport, now=now), places)
            return [member for member in joined if member is not None]


def _digest_id(claim: Claim, places: list[Place]) -> str:
    """A new digest's id: below the oldest of its events, and no other's."""
    told = hashlib.sha256(f"{claim.partition}\0{claim.lease}".encode()).hexdigest()[:16]
    return f"{min(place.event_id for place in places)}-{told}"
