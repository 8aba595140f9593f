"""Breakers in the deliveries table, and as one process remembers them.

pk        sk                what
breakers  <transport name>  the breaker of a transport that has failed lately

All are in one partition, so that the schedule reads them by one query. `Breakers` is one process's view of them: a
healthy transport costs one read every few seconds and no write, a failing one at most one write a second from each
process, so that neither the partition nor an item gets hot. Only an open breaker is read before each delivery: a
remembered one would hold again the deliveries that were released when the endpoint recovered.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, number, number_of, text, text_of, timestamp, timestamp_of, truth, truth_of
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.deliveries.breaker import Breaker, BreakerState
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "breakers"
_COUNTING = "noting a failure"

REMEMBERED = timedelta(seconds=2)
"""How long a process remembers a breaker."""
WRITTEN_EVERY = timedelta(seconds=1)


class BreakerStore:
    """Reads and changes breakers. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def get(self, transport: str) -> Breaker | None:
        """The breaker of a transport; None where it has none, which is a closed one."""
        item = self._table.get("reading a breaker", _key(transport), consistent=True)
        return None if item is None else breaker_of(item)

    def all(self) -> list[Breaker]:
        """All breakers."""
        return [breaker_of(item) for item in self.stored().values()]

    def stored(self) -> dict[str, Item]:
        """The items of all breakers, by their transports' names: for who goes on where one can't be read."""
        found = self._table.query("reading the breakers", "pk = :pk", {":pk": text(_PARTITION)})
        return {text_of(item, "sk"): item for item in found}

    def failed(self, transport: str, of: str, reason: str, *, now: datetime) -> Breaker:
        """Count a failure of the transport as it is configured now; return the breaker after it."""
        try:
            return self._count(transport, of, reason, now)
        except ConditionFailed:
            # It is about an earlier configuration: the deliveries that it holds are released before it closes.
            fresh = Breaker(transport, of, BreakerState.DRAINING, failures=1, since=now, reason=reason)
            self._table.put(_COUNTING, _item(fresh))
            return fresh

    def _count(self, transport: str, of: str, reason: str, now: datetime) -> Breaker:
        counted = self._table.update(
            _COUNTING,
            _key(transport),
            "SET #of = :of, #state = if_not_exists(#state, :closed), since = if_not_exists(since, :now),"
            " reason = :reason ADD failures :one",
            condition="attribute_not_exists(pk) OR #of = :of",
            names={"#of": "of", "#state": "state"},
            values={
                ":of": text(of),
                ":closed": text(BreakerState.CLOSED),
                ":now": timestamp(now),
                ":reason": text(reason),
                ":one": number(1),
            },
            returning="ALL_NEW",
        )
        return breaker_of(counted)

    def open(self, transport: str, *, now: datetime) -> bool:
        """Open a breaker; return whether it was not open before."""
        return self._turn(transport, BreakerState.OPEN, now, unless=(BreakerState.OPEN, BreakerState.DISABLED))

    def disable(self, transport: str, of: str, reason: str, *, now: datetime) -> bool:
        """Disable a breaker; return whether it was not disabled before."""
        return self._turn(transport, BreakerState.DISABLED, now, unless=(BreakerState.DISABLED,), of=of, reason=reason)

    def _turn(
        self,
        transport: str,
        state: BreakerState,
        now: datetime,
        *,
        unless: tuple[BreakerState, ...],
        of: str | None = None,
        reason: str | None = None,
    ) -> bool:
        changes = ["#state = :state", "changed_at = :now"]
        names = {"#state": "state"}
        values: dict[str, Any] = {":state": text(state), ":now": timestamp(now)}
        refused = []
        for position, other in enumerate(unless):
            refused.append(f"#state <> :not{position}")
            values[f":not{position}"] = text(other)
        condition = " AND ".join(refused)
        if of is not None:
            changes.append("#of = :of")
            names["#of"] = "of"
            values[":of"] = text(of)
            condition = f"({condition}) OR #of <> :of"
        if reason is not None:
            changes.append("reason = :reason")
            values[":reason"] = text(reason)
        try:
            self._table.update(
                "turning a breaker",
                _key(transport),
                f"SET {', '.join(changes)} REMOVE told",
                condition=f"attribute_not_exists(#state) OR {condition}",
                names=names,
                values=values,
            )
        except ConditionFailed:
            return False
        return True

    def note_told(self, transport: str, of: str) -> None:
        """Note that an event says that the breaker is disabled."""
        with suppress(ConditionFailed):  # it was reset, or is about another configuration
            self._table.update(
                "noting that a disabled transport was told of",
                _key(transport),
                "SET told = :yes",
                condition="#state = :disabled AND #of = :of",
                names={"#state": "state", "#of": "of"},
                values={":yes": truth(True), ":disabled": text(BreakerState.DISABLED), ":of": text(of)},
            )

    def recover(self, transport: str, of: str, *, now: datetime) -> None:
        """Release held deliveries and count failures from zero: the endpoint answered, or the breaker was reset."""
        self._table.put("closing a breaker", _item(Breaker(transport, of, BreakerState.DRAINING, changed_at=now)))

    def drain(self, breaker: Breaker, *, now: datetime) -> Breaker:
        """Have the breaker of a transport that is gone, or configured anew, release what it holds. Return it then."""
        with suppress(ConditionFailed):  # it is about the new configuration by now
            self._table.update(
                "draining a breaker",
                _key(breaker.transport),
                "SET #state = :draining, changed_at = :now, failures = :none REMOVE since, told",
                condition="#of = :of",
                names={"#state": "state", "#of": "of"},
                values={
                    ":draining": text(BreakerState.DRAINING),
                    ":now": timestamp(now),
                    ":none": number(0),
                    ":of": text(breaker.of),
                },
            )
        return Breaker(breaker.transport, breaker.of, BreakerState.DRAINING, changed_at=now)

    def forget(self, breaker: Breaker) -> None:
        """Delete a breaker that is no longer needed, unless its transport failed again meanwhile."""
        with suppress(ConditionFailed):
            self._table.delete(
                "forgetting a breaker",
                _key(breaker.transport),
                condition="attribute_not_exists(pk) OR (#state = :state AND failures = :failures)",
                names={"#state": "state"},
                values={":state": text(breaker.state), ":failures": number(breaker.failures)},
            )


class Breakers:
    """The breakers as one process remembers them. Methods raise Unavailable."""

    def __init__(self, breakers: BreakerStore, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._breakers = breakers
        self._clock = clock
        self._known: TTLCache[str, Breaker | None] = TTLCache(REMEMBERED, clock=clock)
        self._written: TTLCache[str, None] = TTLCache(WRITTEN_EVERY, clock=clock)

    def state(self, transport: NotificationTransport) -> BreakerState:
        """Whether the transport's deliveries go out now. The inbox is a table of ours, and has no breaker."""
        if transport.mode is TransportMode.LOCAL:
            return BreakerState.CLOSED
        breaker = self._breaker(transport)
        return BreakerState.CLOSED if breaker is None else breaker.state

    def reason(self, transport: NotificationTransport) -> str:
        """Why the last attempt failed, as one word."""
        breaker = self._breaker(transport)
        return "" if breaker is None else breaker.reason

    def hangs(self, transport: NotificationTransport) -> bool:
        """Whether attempts at the transport's endpoint have timed out several times in a row: `Breaker.hangs`."""
        if transport.mode is TransportMode.LOCAL:
            return False
        breaker = self._breaker(transport)
        return breaker is not None and breaker.hangs

    def succeeded(self, transport: NotificationTransport, *, retried: bool = False) -> bool:
        """Note that the endpoint took a delivery; return whether that ended an outage.

        A delivery that was `retried` has been counted as a failure before, perhaps by another process whose count this
        one does not remember. So the breaker is read again and its count removed; else a failure weeks later would add
        to it.
        """
        if transport.mode is TransportMode.LOCAL:
            return False
        if retried:
            self._known.forget(transport.name)
        breaker = self._breaker(transport)
        if breaker is None or (breaker.state is BreakerState.DRAINING and not breaker.failures):
            return False
        if breaker.state is BreakerState.CLOSED:
            self._breakers.forget(breaker)
            self._known.put(transport.name, None)
            return False
        self._breakers.recover(transport.name, transport.fingerprint, now=self._clock())
        self._known.forget(transport.name)
        return True

    def failed(self, transport: NotificationTransport, reason: str) -> bool:
        """Note an attempt that failed and may succeed later; return whether that opened the breaker."""
        if transport.mode is TransportMode.LOCAL:
            return False
        if self._written.get(transport.name) is not None:
            return False
        self._written.put(transport.name, None)
        now = self._clock()
        breaker = self._breakers.failed(transport.name, transport.fingerprint, reason, now=now)
        opened = breaker.ripe(now) and self._breakers.open(transport.name, now=now)
        if opened:
            self._known.forget(transport.name)
        else:
            self._known.put(transport.name, breaker)
        return opened

    def gone(self, transport: NotificationTransport, reason: str) -> bool:
        """Disable the breaker: the endpoint answered 410 Gone. Return whether it was not disabled before."""
        disabled = self._breakers.disable(transport.name, transport.fingerprint, reason, now=self._clock())
        self._known.forget(transport.name)
        return disabled

    def told(self, transport: NotificationTransport) -> None:
        """Note that an event says that the breaker is disabled."""
        self._breakers.note_told(transport.name, transport.fingerprint)

    def _breaker(self, transport: NotificationTransport) -> Breaker | None:
        """The breaker of the transport as it is configured now."""
        known = self._known.get(transport.name)
        breaker = None if known is None else known.value
        if known is None or (breaker is not None and breaker.state is BreakerState.OPEN):
            breaker = self._known.put(transport.name, self._breakers.get(transport.name))
        return breaker if breaker is not None and breaker.of == transport.fingerprint else None


def _key(transport: str) -> dict[str, Any]:
    return {"pk": text(_PARTITION), "sk": text(transport)}


def _item(breaker: Breaker) -> dict[str, Any]:
    item: dict[str, Any] = _key(breaker.transport) | {
        "of": text(breaker.of),
        "state": text(breaker.state),
        "failures": number(breaker.failures),
        "reason": text(breaker.reason),
    }
    if breaker.since is not None:
        item["since"] = timestamp(breaker.since)
    if breaker.changed_at is not None:
        item["changed_at"] = timestamp(breaker.changed_at)
    return item


def breaker_of(item: Item) -> Breaker:
    """Return the breaker that is stored so. Raises ValueError where it can't be read."""
    return Breaker(
        transport=text_of(item, "sk"),
        of=text_of(item, "of"),
        state=BreakerState(text_of(item, "state")),
        failures=number_of(item, "failures"),
        since=timestamp_of(item, "since"),
        changed_at=timestamp_of(item, "changed_at"),
        reason=text_of(item, "reason"),
        told=truth_of(item, "told"),
    )
