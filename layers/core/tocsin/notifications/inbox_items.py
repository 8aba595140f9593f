"""The items of inboxes: their keys, and what a head and an item say together. `inbox_store` tells what they are."""

from __future__ import annotations

from typing import Any

from tocsin.aws.dynamodb import Item, number_of, text, truth_of
from tocsin.records import dataclass


@dataclass(frozen=True, slots=True)
class Head:
    """How far an inbox has come. All numbers are arrivals; 0 is before the first."""

    arrivals: int = 0
    seen_through: int = 0
    cleared_through: int = 0
    seen_marks: int = 0
    """How often all was marked seen: what was marked unseen since the last time is unseen."""

    def floor(self, limit: int) -> int:
        """The arrival below which, and at which, nothing is in the inbox."""
        return max(self.cleared_through, self.arrivals - limit)

    def dropped(self, limit: int) -> int:
        """How many arrivals were pushed out by later ones since the inbox was cleared."""
        return max(0, self.arrivals - limit - self.cleared_through)


def head_of(item: Item) -> Head:
    """Return the head that an item holds."""
    return Head(*(number_of(item, name) for name in ("arrivals", "seen_through", "cleared_through", "seen_marks")))


def is_seen(item: Item, head: Head) -> bool:
    """Whether a notification was seen: by a mark of its own, or by one of all that had arrived."""
    if truth_of(item, "seen"):
        return True
    return number_of(item, "arrival") <= head.seen_through and number_of(item, "unseen_in", -1) != head.seen_marks


def inbox_pk(username: str) -> str:
    """Return the partition of a person's inbox."""
    return f"inbox#{username}"


def item_sk(arrival: int) -> str:
    """Return the sort key of the notification that arrived as the person's `arrival`-th."""
    return f"a#{arrival:012d}"


def item_key(username: str, arrival: int) -> dict[str, Any]:
    """Return the key of a person's notification by its arrival."""
    return {"pk": text(inbox_pk(username)), "sk": text(item_sk(arrival))}


def head_key(username: str) -> dict[str, Any]:
    """Return the key of the head of a person's inbox."""
    return {"pk": text(inbox_pk(username)), "sk": text("head")}


def id_key(username: str, notification_id: str) -> dict[str, Any]:
    """Return the key of the item that says which arrival a notification is."""
    return {"pk": text(f"inbox-id#{username}"), "sk": text(notification_id)}
