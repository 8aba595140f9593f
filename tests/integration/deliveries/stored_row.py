"""One delivery's item, and what is expected to stand in it, attribute by attribute."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.conftest import Stack
from tocsin.deliveries.items import Place
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.deliveries.redrive_store import RedeliveryStore
from tocsin.deliveries.store import DeliveryStore, Taken
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Outcome, State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE, KEEP = timedelta(minutes=2), timedelta(days=30)
MESSAGE = DeliveryMessage(
    "019ca945-0a00-7000-8000-000000000002", "r", Severity.WARNING, "hook", "webhook", None, once=True
)
PLACE = Place.of(MESSAGE.delivery_id)
FACTS = {
    "rule": "r",
    "transport": "hook",
    "mode": "webhook",
    "severity": "warning",
    "username": "",
    "person": None,
    "once": True,
    "notification_id": MESSAGE.notification_id,
}


def at(**later: float) -> float:
    return (NOW + timedelta(**later)).timestamp()


def listed(state: str) -> dict[str, Any]:
    return {"listed": f"hook#{state}#3", "listed_at": MESSAGE.delivery_id}


TAKEN = FACTS | {
    "state": "delivering",
    "taken_at": "2026-03-01T12:00:00.000Z",
    "attempts": [],
    "created": "2026-03-01T12:00:00.000Z",
    "expires_at": at(days=30),
}
HTTP_500 = {"at": "2026-03-01T12:00:00.000Z", "duration_ms": 5, "state": "retrying", "reason": "http_500"}
WAITS = {"due_shard": "7", "not_before": at(seconds=40), "next_attempt": "2026-03-01T12:00:40.000Z"}
RETRYING = (
    TAKEN
    | WAITS
    | listed("retrying")
    | {
        "state": "retrying",
        "updated": "2026-03-01T12:00:00.000Z",
        "due_at": at(seconds=40),
        "attempts": [HTTP_500],
        "tries": 1,
    }
)


class Row:
    """The table of deliveries, and the one item of MESSAGE."""

    def __init__(self, stack: Stack) -> None:
        self.dynamodb = stack.dynamodb
        self.deliveries = DeliveryStore(stack.dynamodb, "deliveries")
        self.again = RedeliveryStore(stack.dynamodb, "deliveries")

    def take(self, message: DeliveryMessage = MESSAGE, **later: float) -> Taken | State:
        return self.deliveries.take(message, now=NOW + timedelta(**later), lease=LEASE, keep=KEEP)

    def hold(self, message: DeliveryMessage = MESSAGE, **later: float) -> None:
        self.deliveries.hold(message, now=NOW + timedelta(**later), lease=LEASE, keep=KEEP)

    def note(self, following: Following, after: int | None = None, **later: float) -> None:
        attempt = Attempt(NOW + timedelta(**later), 5, Outcome(State.RETRYING, "http_500"))
        self.deliveries.note(MESSAGE, attempt, following, after)

    def retried(self) -> Place:
        """Have it be due again in 40 seconds, by the schedule. Where it is then."""
        self.take()
        self.note(Following(State.RETRYING, NOW + timedelta(seconds=40)), after=0)
        return replace(PLACE, due_at=self.due_at())

    def due_at(self) -> str:
        return str(self._found()["due_at"]["N"])

    def put(self, **attributes: dict[str, Any]) -> None:
        """Change the item as time does, or somebody's writes that are not at hand here."""
        self.dynamodb.put_item(TableName="deliveries", Item=self._found() | attributes)

    def item(self) -> dict[str, Any]:
        return {name: plain(name, value) for name, value in self._found().items() if name not in PLACE.key}

    def _found(self) -> dict[str, Any]:
        found = self.dynamodb.get_item(TableName="deliveries", Key=PLACE.key, ConsistentRead=True)
        item: dict[str, Any] = found["Item"]
        return item


def plain(name: str, value: dict[str, Any]) -> Any:
    ((kind, held),) = value.items()
    if kind == "L":
        return [json.loads(each["S"]) for each in held]
    is_document = name == "person" or (name == "digest" and held.startswith("{"))  # a head has a digest's id there
    return float(held) if kind == "N" else json.loads(held) if is_document else held


def without(item: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in names}


NO_LONGER = ("not_before", "next_attempt", "due_shard", "due_at")
