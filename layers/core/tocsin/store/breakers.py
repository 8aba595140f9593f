"""The breakers in the deliveries table: what the functions learn of endpoints while they run.

    pk        sk                what
    breakers  <transport name>  the breaker of a transport that has failed lately

All stand in one partition, so that the schedule reads them at once. Each function writes a transport's failures
at most once a second (see `deliveries.gate`), so that neither the partition nor an item is ever hot.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tocsin.aws.dynamodb import Item, number, number_of, text, text_of
from tocsin.aws.errors import as_unavailable, condition_failed
from tocsin.deliveries.breakers import Breaker, BreakerState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "breakers"


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
