"""Tickets and connections in the deliveries table.

pk                sk               what
ticket#<hash>     ticket           what a ticket stands for, by the hash of the ticket
live              <connection id>  a connection: who, by what right
live#<username>   <connection id>  a connection that is told of the person's notifications
tail              <connection id>  a connection that follows the log: its key's id, filters, messages in the current
                                   second, skipped
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import (
    Item,
    document,
    document_of,
    is_gone,
    number,
    number_of,
    text,
    text_of,
    timestamp,
    timestamp_of,
    until,
)
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.identity.principal import Scope
from tocsin.live.model import CONNECTION_LIVES, OPENS_WITHIN, TICKET_LIVES, Authorisation, Connection, Tail

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_TAILS = 20
"""Connections that may follow the log at once: the matcher looks at each event for each of them."""
MAX_TAILS_OF_KEY = 10
"""Those of them that one key or token may have: no one is to keep all others from following."""
MESSAGES_A_SECOND = 5
"""events.new messages that one connection is sent."""

_LIVE, _TAIL = "live", "tail"
_KEPT_AFTER_END = timedelta(minutes=10)
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class LiveStore:
    """Tickets, connections and tails. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    # ── tickets ──────────────────────────────────────────────────────────────

    def put_ticket(self, ticket: str, authorisation: Authorisation, *, now: datetime) -> datetime:
        """Store what `ticket` stands for; until when it is taken."""
        ends = now + TICKET_LIVES
        self._table.put(
            "storing a ticket",
            _ticket_key(ticket)
            | {"by": document(authorisation.to_json()), "ends": timestamp(ends), "expires_at": until(ends)},
        )
        return ends

    def take_ticket(self, ticket: str, *, now: datetime) -> Authorisation | None:
        """What `ticket` stands for, once; None for one that is unknown, used or too old."""
        found = self._table.delete("taking a ticket", _ticket_key(ticket), returning="ALL_OLD")
        ends = timestamp_of(found, "ends")
        return _authorisation_of(found) if ends is not None and ends > now else None

    # ── connections ──────────────────────────────────────────────────────────

    def add(self, connection: Connection) -> None:
        """Store a connection, and that it is to be told of its person's notifications where it may know them."""
        expires = {"expires_at": until(connection.ends + _KEPT_AFTER_END)}
        stored = {"by": document(connection.authorisation.to_json()), "ends": timestamp(connection.ends)}
        items = [_key(_LIVE, connection.id) | stored | expires]
        if told_pk := _told_pk(connection.authorisation):
            items.append(_key(told_pk, connection.id) | expires)
        self._table.put_many("storing a connection", items)

    def get(self, connection_id: str) -> Connection | None:
        """A connection; None where it is not known."""
        item = self._table.get("reading a connection", _key(_LIVE, connection_id), consistent=True)
        return None if item is None else _connection_of(item)

    def remove(self, connection_id: str) -> None:
        """Forget a connection."""
        connection = self.get(connection_id)
        pks = [_TAIL, _LIVE]
        if connection is not None and (told_pk := _told_pk(connection.authorisation)):
            pks.insert(0, told_pk)
        for pk in pks:
            self._table.delete("forgetting a connection", _key(pk, connection_id))

    def forget(self, connection_id: str) -> None:
        """Send no more of the log to a connection."""
        self._table.delete("forgetting a connection", _key(_TAIL, connection_id))

    def forget_of_person(self, connection_id: str, username: str, *, now: datetime) -> None:
        """Send no more of a person's notifications to a connection that is gone.

        One that may not be open yet is kept: API Gateway says of it, too, that it is gone.
        """
        opened_by = now - OPENS_WITHIN + CONNECTION_LIVES + _KEPT_AFTER_END
        with suppress(ConditionFailed):
            self._table.delete(
                "forgetting a connection",
                _key(f"live#{username}", connection_id),
                condition="expires_at <= :opened",
                values={":opened": until(opened_by)},
            )

    def all(self) -> Iterator[Connection]:
        """Every connection that is known."""
        for item in self._table.query("reading connections", "pk = :pk", {":pk": text(_LIVE)}, consistent=True):
            yield _connection_of(item)

    def of_person(self, username: str, *, now: datetime) -> list[str]:
        """The ids of the connections that are told of a person's notifications."""
        found = self._table.query("looking for connections", "pk = :pk", {":pk": text(f"live#{username}")})
        return [text_of(item, "sk") for item in found if not is_gone(item, now)]

    # ── tails ────────────────────────────────────────────────────────────────

    def put_tail(self, connection: Connection, filters: dict[str, str], *, now: datetime) -> bool:
        """Have a connection follow the log; False where MAX_TAILS others do, or MAX_TAILS_OF_KEY of its key."""
        key_id = connection.authorisation.key_id
        others = [tail for tail in self.tails(now=now) if tail.connection_id != connection.id]
        if len(others) >= MAX_TAILS or sum(tail.key_id == key_id for tail in others) >= MAX_TAILS_OF_KEY:
            return False
        expires = connection.authorisation.expires
        self._table.put(
            "storing a tail",
            _key(_TAIL, connection.id)
            | {"key_id": text(key_id), "filters": document({**filters}), "expires_at": until(connection.ends)}
            | ({} if expires is None else {"expires": number(expires)}),
        )
        return True

    def tails(self, *, now: datetime) -> list[Tail]:
        """The connections that follow the log, and may still."""
        found = self._table.query("looking for tails", "pk = :pk", {":pk": text(_TAIL)})
        tails = [_tail_of(item) for item in found if not is_gone(item, now)]
        return [tail for tail in tails if tail.expires is None or tail.expires > now.timestamp()]

    def turn(self, connection_id: str, *, events: int, now: datetime) -> int | None:
        """How many events were skipped before, where a message of `events` may be sent now.

        None where this second's messages were sent: the events are counted as skipped.
        """
        second = int(now.timestamp())
        begin = ("SET in_second = :second, sent = :one, skipped = :zero", "in_second < :second")
        first = (begin[0], "attribute_exists(pk) AND attribute_not_exists(in_second)")
        again = ("SET sent = sent + :one, skipped = :zero", "in_second = :second AND sent < :most")
        values = {
            ":second": number(second),
            ":one": number(1),
            ":zero": number(0),
            ":most": number(MESSAGES_A_SECOND),
        }
        for expression, condition in (again, begin, first):
            used = {name: value for name, value in values.items() if name in f"{expression} {condition}"}
            with suppress(ConditionFailed):
                before = self._table.update(
                    "taking a turn",
                    _key(_TAIL, connection_id),
                    expression,
                    values=used,
                    condition=condition,
                    returning="ALL_OLD",
                )
                return number_of(before, "skipped")
        self.skip(connection_id, events)
        return None

    def skip(self, connection_id: str, events: int) -> None:
        """Count events that a tail is not sent."""
        with suppress(ConditionFailed):
            self._table.update(
                "counting skipped events",
                _key(_TAIL, connection_id),
                "ADD skipped :events",
                values={":events": number(events)},
                condition="attribute_exists(pk)",
            )


def _ticket_key(ticket: str) -> dict[str, Any]:
    return {"pk": text(f"ticket#{hashlib.sha256(ticket.encode()).hexdigest()}"), "sk": text("ticket")}


def _key(pk: str, connection_id: str) -> dict[str, Any]:
    return {"pk": text(pk), "sk": text(connection_id)}


def _told_pk(authorisation: Authorisation) -> str | None:
    if authorisation.user is None or Scope.NOTIFICATIONS not in authorisation.scopes:
        return None
    return f"live#{authorisation.user}"


def _authorisation_of(item: Item) -> Authorisation | None:
    stored = document_of(item, "by")
    return Authorisation.from_json(stored) if isinstance(stored, dict) else None


def _connection_of(item: Item) -> Connection:
    """The connection; where the item can't be read, one that has ended, so that it is closed as any other is."""
    try:
        authorisation, ends = _authorisation_of(item), timestamp_of(item, "ends")
    except (KeyError, ValueError):
        authorisation = ends = None
    if authorisation is None or ends is None:
        authorisation, ends = Authorisation("", frozenset()), _LONG_AGO
    return Connection(text_of(item, "sk"), authorisation, ends)


def _tail_of(item: Item) -> Tail:
    filters = document_of(item, "filters")
    return Tail(
        text_of(item, "sk"),
        {name: str(value) for name, value in filters.items()} if isinstance(filters, dict) else {},
        number_of(item, "expires") if "expires" in item else None,
        text_of(item, "key_id"),
    )
