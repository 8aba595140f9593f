"""What a WebSocket's client asks: to connect, to follow the log, whether anybody is there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import orjson

from tocsin.aws.connections import Connections
from tocsin.aws.errors import Gone
from tocsin.aws.logging import Code, note
from tocsin.errors import Conflict, Forbidden, Invalid, TocsinError, Unauthenticated, Violation
from tocsin.events.search.query import FILTERS, parse_search
from tocsin.http.json_body import JSON_TYPE
from tocsin.http.yaml_body import read_document
from tocsin.identity.principal import Scope
from tocsin.live.authority import Authority
from tocsin.live.model import CONNECTION_LIVES, READING, Connection
from tocsin.live.push import Pusher
from tocsin.live.store import MAX_TAILS, MAX_TAILS_OF_KEY, LiveStore
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject

_AT_ONCE = 16
_OF_THE_PAST = frozenset({"since", "until"})


@dataclass(frozen=True, slots=True)
class LiveService:
    """Serves one WebSocket API. Methods raise Unavailable where tables don't do as asked."""

    store: LiveStore
    authority: Authority
    connections: Connections
    pusher: Pusher
    clock: Callable[[], datetime] = utc_now

    def connect(self, connection_id: str, ticket: str) -> None:
        """Take a ticket for a connection. Unauthenticated where it is not taken, Forbidden where it reads nothing."""
        now = self.clock()
        held = self.store.take_ticket(ticket, now=now) if ticket else None
        if held is None:
            raise Unauthenticated("the ticket is unknown, used or too old; get another with POST /tickets")
        if not held.scopes & frozenset(READING):
            raise Forbidden(f"this needs one of the scopes {', '.join(READING)}")
        authorisation = held if held.secret_hash else self.authority.marked(held)
        ended = self.authority.why_ended(authorisation, now=now)
        if ended is not None:
            raise Unauthenticated(ended)
        self.store.add(Connection(connection_id, authorisation, now + CONNECTION_LIVES))
        note(Code.CONNECTED, "a WebSocket is open", key_id=authorisation.key_id, connection_id=connection_id)

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection that was closed."""
        self.store.remove(connection_id)

    def message(self, connection_id: str, body: str) -> None:
        """Answer what a client sent."""
        connection = self.store.get(connection_id)
        if connection is None or self._ended(connection):
            self._close(connection_id)
            return
        try:
            said = read_document(body.encode("utf-8", "surrogatepass"), JSON_TYPE, "must be an object with `action`")
            answer = self._answer(connection, said)
        except TocsinError as error:
            if error.status >= 500:
                raise
            answer = {"message_type": "error", "data": error.problem()}
        self.pusher.send(connection_id, orjson.dumps(answer))

    def _answer(self, connection: Connection, asked: JsonObject) -> JsonObject:
        match asked.get("action"):
            case "ping":
                return {"message_type": "pong"}
            case "events.tail":
                filters = self._tail(connection, asked.get("filters", {}))
                return {"message_type": "events.tailing", "data": {"filters": {**filters}}}
            case "events.untail":
                self.store.forget(connection.id)
                return {"message_type": "events.untailed"}
        raise Invalid([Violation("action", "must be ping, events.tail or events.untail")])

    def _tail(self, connection: Connection, given: Json) -> dict[str, str]:
        if Scope.EVENTS_READ not in connection.authorisation.scopes:
            raise Forbidden(f"this needs the scope {Scope.EVENTS_READ.value}")
        if not isinstance(given, dict):
            raise Invalid([Violation("filters", "must be an object of filters and their values")])
        known = frozenset(FILTERS) - _OF_THE_PAST
        wrong = [Violation(f"filters.{name[:60]}", "is no filter of a tail") for name in given if name not in known]
        wrong += [
            Violation(f"filters.{name}", "must be a text")
            for name, value in given.items()
            if name in known and not isinstance(value, str)
        ]
        if wrong:
            raise Invalid(wrong)
        filters = {name: str(value) for name, value in given.items()}
        try:
            parse_search(filters)
        except Invalid as error:
            raise Invalid([Violation(f"filters.{each.path}", each.message) for each in error.violations]) from None
        if not self.store.put_tail(connection, filters, now=self.clock()):
            raise Conflict(
                f"the log is followed by as many connections as may: {MAX_TAILS}, or {MAX_TAILS_OF_KEY} of one key;"
                " try again later"
            )
        return filters

    def end_unauthorised(self) -> int:
        """Close each connection whose authorisation has ended; how many those were.

        Several at once: looking at a connection takes two reads, and of one after the other a run of the function would
        be through with a few thousand. Raises Unavailable where one could not be looked at, once all others were.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            looked_at = [pool.submit(self._end_if_unauthorised, each) for each in self.store.all()]
        return sum(each.result() for each in looked_at)

    def _end_if_unauthorised(self, connection: Connection) -> bool:
        if not self._ended(connection):
            return False
        self._close(connection.id)
        return True

    def _ended(self, connection: Connection) -> bool:
        now = self.clock()
        why = "it lasted as long as it may" if connection.ends <= now else None
        why = why or self.authority.why_ended(connection.authorisation, now=now)
        if why is not None:
            note(Code.CONNECTION_ENDED, why, key_id=connection.authorisation.key_id, connection_id=connection.id)
        return why is not None

    def _close(self, connection_id: str) -> None:
        self.store.remove(connection_id)
        try:
            self.connections.close(connection_id)
        except Gone:
            note(Code.CONNECTION_GONE, "closed before", level=logging.DEBUG, connection_id=connection_id)
