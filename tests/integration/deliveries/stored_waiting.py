"""What waits for the transport `hook`, its heads and its digests, and what is expected to stand in their items."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.integration.conftest import Stack
from tests.integration.deliveries.stored_row import FACTS, KEEP, MESSAGE, NOW, PLACE, at, listed, plain
from tocsin.deliveries.digest_store import Claim, DigestStore, Head, Member
from tocsin.deliveries.items import Place
from tocsin.deliveries.waiting_store import SETTLE, KeptBack, WaitingStore, head_key, partition_of
from tocsin.events.model import Event
from tocsin.telling.decision import Cause, Decision, Kind, Together

EVENT = Event(MESSAGE.event_id, "login", "shop", {}, {}, None, "default", None)
ONE = NOW + timedelta(hours=1)
HELD = Decision(Kind.HOLD, Cause.QUIET_HOURS, "held until 13:00", ONE)
GROUP = Together({"context.host": "web-1"}, wait="minutes=1", interval="minutes=30")
JOINS = Decision(Kind.JOIN, Cause.GROUP, "joins others", NOW + timedelta(minutes=1), GROUP)
DROPPED = Decision(Kind.DROP, Cause.MUTED, "dropped: ana muted it")
OTHER = replace(MESSAGE, event_id=f"{MESSAGE.event_id[:-1]}7")
HEAD, OF_GROUP = "digest#hook#", partition_of(MESSAGE, GROUP)
DIGEST = f"{MESSAGE.event_id}-0123456789abcdef"
LEASE = timedelta(seconds=90)
NOON = "2026-03-01T12:00:00.000Z"
WAITING = FACTS | listed("waiting") | {
    "state": "waiting",
    "updated": NOON,
    "why": "held until 13:00",
    "cause": "quiet_hours",
    "action": "login",
    "app": "shop",
    "next_attempt": "2026-03-01T13:00:00.000Z",
    "due_shard": HEAD,
    "due_at": at(hours=1),
    "attempts": [],
    "created": NOON,
    "expires_at": at(days=30, hours=1),
}  # fmt: skip
HEAD_ITEM = {
    "due_shard": "digest-2",
    "due_at": at(hours=1) + SETTLE.total_seconds(),
    "asked_at": at(),
    "expires_at": at(days=30, hours=1),
}


class Told:
    """The table of deliveries, with what waits for nobody in particular by the transport `hook`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.store = DigestStore(stack.dynamodb, "deliveries")

    def keep_back(self, decision: Decision, message: Any = MESSAGE, keep: timedelta = KEEP, **later: float) -> None:
        """As a process does that has asked for nothing yet."""
        kept = KeptBack(message, EVENT, decision)
        WaitingStore(self.stack.dynamodb, "deliveries").keep_back([kept], now=NOW + timedelta(**later), keep=keep)

    def item(self, place: Place = PLACE) -> dict[str, Any]:
        return self._found(place.key)

    def head(self, partition: str = HEAD) -> dict[str, Any]:
        return self._found(head_key(partition))

    def heads(self) -> list[str]:
        """The partitions that have a head."""
        items = self.stack.items("deliveries")
        return [item["pk"]["S"] for item in items if item["sk"] == {"S": "head"}]

    def lose_head(self) -> None:
        """As where the function died before it wrote the head."""
        self.stack.dynamodb.delete_item(TableName="deliveries", Key=head_key(HEAD))

    def claim(self, partition: str = HEAD, now: datetime = ONE) -> Claim:
        claimed = self.store.claim(Head(partition, str(self.head(partition)["due_at"])), now=now, lease=LEASE)
        assert claimed is not None
        return claimed

    def joined(self) -> Member:
        """What waits has joined a digest."""
        self.keep_back(HELD)
        member = self.store.join(PLACE, DIGEST, "hook", now=ONE)
        assert member is not None
        return member

    def _found(self, key: dict[str, Any]) -> dict[str, Any]:
        found = self.stack.dynamodb.get_item(TableName="deliveries", Key=key, ConsistentRead=True).get("Item", {})
        return {name: plain(name, value) for name, value in found.items() if name not in key}
