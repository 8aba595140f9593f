"""Events that are stored once for a key and a window of time, whatever their ids.

pk                        sk       what
once#<key>#<hash>         marker   the event that was stored for a `once` key of an API key, until its window ends

The marker and its event are written in one transaction, so that there is never one without the other. That the event
expires, or is deleted, before the window ends makes no difference: the marker says that it was stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, text, text_of, until
from tocsin.aws.errors import ConditionsFailed
from tocsin.aws.table import Put, Table
from tocsin.errors import Conflict, Unavailable
from tocsin.events.draft import Once
from tocsin.events.model import Event
from tocsin.events.store import EventStore, Submission, event_item
from tocsin.ids import id_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARALLEL = 16
_NEVER = "never"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The event that was stored before for the same `once` key, as far as its marker tells."""

    id: str
    expires: datetime | None

    @property
    def created(self) -> datetime:
        """When it happened, UTC."""
        return id_time(self.id)


type Outcome = Event | Earlier | Conflict | Unavailable


class OnceStore:
    """Stores events with a `once` key. `owner` is an API key's id: keys of two owners never meet."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)
        self._events = EventStore(client, table)

    def add(self, owner: str, now: datetime, submissions: Sequence[tuple[Submission, Once]]) -> list[Outcome]:
        """Store the events that are the first with their key; a result for each, in order.

        For the others the result is the earlier event, or, where that is the same event, sent again, as
        `EventStore.add`. Unavailable ones were not stored.
        """
        by_key: dict[str, list[int]] = {}
        for position, (_, once) in enumerate(submissions):
            by_key.setdefault(once.key, []).append(position)

        def add_in_turn(positions: list[int]) -> list[tuple[int, Outcome]]:  # transactions on one marker conflict
            return [(position, self._add(owner, now, *submissions[position])) for position in positions]

        with ThreadPoolExecutor(min(_PARALLEL, max(len(by_key), 1))) as pool:
            outcomes = dict(chain.from_iterable(pool.map(add_in_turn, by_key.values())))
        return [outcomes[position] for position in range(len(submissions))]

    def _add(self, owner: str, now: datetime, submission: Submission, once: Once) -> Outcome:
        event = submission.event
        marker = Put(
            _marker(owner, now, event, once), "attribute_not_exists(pk) OR expires_at <= :now", {":now": until(now)}
        )
        try:
            self._table.put_together(
                "storing an event once",
                [marker, Put(event_item(event, submission.digest), "attribute_not_exists(pk)")],
            )
        except ConditionsFailed as error:
            earlier = error.found[0]
            if earlier is not None and text_of(earlier, "id") != event.id:
                return _earlier(earlier)
            (outcome,) = self._events.add([submission])  # the same event, sent again, or another one with its id
            return outcome
        except Unavailable as error:
            return error
        return event


def _marker(owner: str, now: datetime, event: Event, once: Once) -> dict[str, Any]:
    name = hashlib.sha256(once.key.encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "pk": text(f"once#{owner}#{name}"),
        "sk": text("marker"),
        "id": text(event.id),
        "expires": text(_NEVER if event.expires is None else event.expires.isoformat()),
        "expires_at": until(now + once.window),
    }


def _earlier(marker: Item) -> Earlier:
    expires = text_of(marker, "expires", _NEVER)
    return Earlier(text_of(marker, "id"), None if expires == _NEVER else datetime.fromisoformat(expires))
