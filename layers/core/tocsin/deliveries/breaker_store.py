"""Breakers: what the functions learn of endpoints while they run, in the deliveries table.

pk        sk                what
breakers  <transport name>  the breaker of a transport that has failed lately

All stand in one partition, so that the schedule reads them at once. `Breakers` is what one function knows of them: a
healthy transport costs one read in a few seconds and no write, a failing one at most one write a second from each
process, so that neither the partition nor an item is ever hot. Only an open breaker is read before each delivery: one
that is remembered would hold again what its recovery has just let go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.aws.dynamodb import Item, number, number_of, text, text_of
from tocsin.aws.errors import as_unavailable, condition_failed
from tocsin.deliveries.breaker import Breaker, BreakerState
from tocsin.notifications.transport import NotificationTransport, TransportMode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "breakers"

REMEMBERED = timedelta(seconds=2)
"""How old a process's knowledge of a breaker may be."""
WRITTEN_EVERY = timedelta(seconds=1)


class BreakerStore:
    """Reads and changes breakers. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, transport: str) -> Breaker | None:
        """The breaker of a transport; None where it has none, which is a closed one."""
        with as_unavailable("reading a breaker"):
            item = self._client.get_item(TableName=self._table, Key=_key(transport), ConsistentRead=True).get("Item")
        return None if item is None else _breaker_of(item)

    def all(self) -> list[Breaker]:
        """All breakers that there are."""
        found: list[Breaker] = []
        start: dict[str, Any] = {}
        while True:
            with as_unavailable("reading the breakers"):
                page = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": text(_PARTITION)},
                    **start,
                )
            found += [_breaker_of(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def failed(self, transport: str, of: str, reason: str, *, now: datetime) -> Breaker:
        """Count a failure of the transport as it is configured now, and give the breaker after it."""
        with as_unavailable("noting a failure"):
            try:
                return self._count(transport, of, reason, now)
            except ClientError as error:
                if not condition_failed(error):
                    raise
            # It is about an earlier configuration. What that left behind held flows before it is closed.
            fresh = Breaker(transport, of, BreakerState.DRAINING, failures=1, since=now, reason=reason)
            self._client.put_item(TableName=self._table, Item=_item(fresh))
            return fresh

    def _count(self, transport: str, of: str, reason: str, now: datetime) -> Breaker:
        counted = self._client.update_item(
            TableName=self._table,
            Key=_key(transport),
            UpdateExpression=(
                "SET #of = :of, #state = if_not_exists(#state, :closed), since = if_not_exists(since, :now),"
                " reason = :reason ADD failures :one"
            ),
            ConditionExpression="attribute_not_exists(pk) OR #of = :of",
            ExpressionAttributeNames={"#of": "of", "#state": "state"},
            ExpressionAttributeValues={
                ":of": text(of),
                ":closed": text(BreakerState.CLOSED),
                ":now": number(now.timestamp()),
                ":reason": text(reason),
                ":one": number(1),
            },
            ReturnValues="ALL_NEW",
        )
        return _breaker_of(counted["Attributes"])

    def open(self, transport: str, *, now: datetime) -> bool:
        """Open a breaker; whether it was not open before."""
        return self._turn(transport, BreakerState.OPEN, now, unless=(BreakerState.OPEN, BreakerState.DISABLED))

    def disable(self, transport: str, of: str, reason: str, *, now: datetime) -> bool:
        """Let nothing through any more; whether it was not disabled before."""
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
        values: dict[str, Any] = {":state": text(state), ":now": number(now.timestamp())}
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
        with as_unavailable("turning a breaker"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(transport),
                    UpdateExpression=f"SET {', '.join(changes)}",
                    ConditionExpression=f"attribute_not_exists(#state) OR {condition}",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise
                return False
        return True

    def recover(self, transport: str, of: str) -> None:
        """The endpoint is well, or somebody says so: let what is held flow, and count failures anew."""
        with as_unavailable("closing a breaker"):
            self._client.put_item(TableName=self._table, Item=_item(Breaker(transport, of, BreakerState.DRAINING)))

    def forget(self, breaker: Breaker) -> None:
        """Delete a breaker that has nothing to say any more, unless it failed again meanwhile."""
        with as_unavailable("forgetting a breaker"):
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(breaker.transport),
                    ConditionExpression="attribute_not_exists(pk) OR (#state = :state AND failures = :failures)",
                    ExpressionAttributeNames={"#state": "state"},
                    ExpressionAttributeValues={
                        ":state": text(breaker.state),
                        ":failures": number(breaker.failures),
                    },
                )
            except ClientError as error:
                if not condition_failed(error):
                    raise


@dataclass(frozen=True, slots=True)
class _Known:
    breaker: Breaker | None
    at: datetime

    @property
    def holds(self) -> bool:
        return self.breaker is not None and self.breaker.state is BreakerState.OPEN


class Breakers:
    """The breakers as one process sees them. Methods raise Unavailable."""

    def __init__(self, breakers: BreakerStore) -> None:
        self._breakers = breakers
        self._known: dict[str, _Known] = {}
        self._written: dict[str, datetime] = {}

    def state(self, transport: NotificationTransport, *, now: datetime) -> BreakerState:
        """Whether the transport's deliveries go out now. The inbox is our own table, and always open to them."""
        if transport.mode is TransportMode.LOCAL:
            return BreakerState.CLOSED
        breaker = self._breaker(transport, now)
        return BreakerState.CLOSED if breaker is None else breaker.state

    def reason(self, transport: NotificationTransport, *, now: datetime) -> str:
        """The last failure's word."""
        breaker = self._breaker(transport, now)
        return "" if breaker is None else breaker.reason

    def hangs(self, transport: NotificationTransport, *, now: datetime) -> bool:
        """Whether the transport's endpoint has kept us waiting in vain, time and again and the last time too."""
        if transport.mode is TransportMode.LOCAL:
            return False
        breaker = self._breaker(transport, now)
        return breaker is not None and breaker.hangs

    def succeeded(self, transport: NotificationTransport, *, now: datetime, retried: bool = False) -> bool:
        """The endpoint took a delivery; whether that ended a time when it was thought to be dead.

        One that was `retried` was counted as a failure before, perhaps by a process of which this one does not know
        yet: that count ends here, or it would be added to in weeks.
        """
        if transport.mode is TransportMode.LOCAL:
            return False
        if retried:
            self._forget(transport.name)
        breaker = self._breaker(transport, now)
        if breaker is None or (breaker.state is BreakerState.DRAINING and not breaker.failures):
            return False
        if breaker.state is BreakerState.CLOSED:
            self._breakers.forget(breaker)
            self._known[transport.name] = _Known(None, now)
            return False
        self._breakers.recover(transport.name, transport.fingerprint)
        self._forget(transport.name)
        return True

    def failed(self, transport: NotificationTransport, reason: str, *, now: datetime) -> bool:
        """The endpoint did not take a delivery, and may later; whether that opened the breaker."""
        if transport.mode is TransportMode.LOCAL:
            return False
        written = self._written.get(transport.name)
        if written is not None and now - written < WRITTEN_EVERY:
            return False
        self._written[transport.name] = now
        breaker = self._breakers.failed(transport.name, transport.fingerprint, reason, now=now)
        opened = breaker.ripe(now) and self._breakers.open(transport.name, now=now)
        self._known[transport.name] = _Known(breaker, now)
        if opened:
            self._forget(transport.name)
        return opened

    def gone(self, transport: NotificationTransport, reason: str, *, now: datetime) -> bool:
        """The endpoint wants nothing any more; whether that is news."""
        disabled = self._breakers.disable(transport.name, transport.fingerprint, reason, now=now)
        self._forget(transport.name)
        return disabled

    def _breaker(self, transport: NotificationTransport, now: datetime) -> Breaker | None:
        """The breaker of the transport as it is configured now."""
        known = self._known.get(transport.name)
        if known is None or known.holds or not timedelta(0) <= now - known.at < REMEMBERED:
            known = self._known[transport.name] = _Known(self._breakers.get(transport.name), now)
        if known.breaker is None or known.breaker.of != transport.fingerprint:
            return None
        return known.breaker

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)


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
        item["since"] = number(breaker.since.timestamp())
    if breaker.changed_at is not None:
        item["changed_at"] = number(breaker.changed_at.timestamp())
    return item


def _breaker_of(item: Item) -> Breaker:
    return Breaker(
        transport=text_of(item, "sk"),
        of=text_of(item, "of"),
        state=BreakerState(text_of(item, "state", BreakerState.CLOSED)),
        failures=number_of(item, "failures"),
        since=_moment_of(item, "since"),
        changed_at=_moment_of(item, "changed_at"),
        reason=text_of(item, "reason"),
    )


def _moment_of(item: Item, name: str) -> datetime | None:
    value = item.get(name, {}).get("N")
    return None if value is None else datetime.fromtimestamp(float(value), UTC)
