"""Who is connected, and by what right."""

from __future__ import annotations

from datetime import datetime, timedelta

from tocsin.identity.principal import Principal, Scope
from tocsin.records import dataclass
from tocsin.types import JsonObject

TICKET_LIVES = timedelta(seconds=30)
CONNECTION_LIVES = timedelta(hours=2)
"""API Gateway's limit: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"""
OPENS_WITHIN = timedelta(seconds=30)
"""A connection is stored by the function of $connect, and open once that has answered, which takes it 29 s at most.
Until then API Gateway takes no message for it (GoneException)."""

READING = (Scope.EVENTS_READ, Scope.CONFIG_READ, Scope.NOTIFICATIONS)
"""One of these is needed to connect."""


@dataclass(frozen=True, slots=True)
class Authorisation:
    """The key or token that a connection was made with."""

    key_id: str
    scopes: frozenset[str]
    user: str | None = None
    expires: int | None = None
    """Seconds since 1970; None for never."""
    secret_hash: str = ""
    """Of the API key's secret by which the ticket was asked for: where it ends, the connection does."""

    @classmethod
    def of(cls, principal: Principal) -> Authorisation:
        """What `principal` may do, until when."""
        return cls(principal.key_id, principal.scopes, principal.user, principal.expires, principal.secret_hash)

    def to_json(self) -> JsonObject:
        """As it is stored."""
        return {
            "key_id": self.key_id,
            "scopes": [*sorted(self.scopes)],
            "user": self.user,
            "expires": self.expires,
            "secret_hash": self.secret_hash,
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Authorisation:
        """The inverse of `to_json`."""
        scopes, user, expires = data["scopes"], data["user"], data["expires"]
        return cls(
            key_id=str(data["key_id"]),
            scopes=frozenset(str(scope) for scope in scopes) if isinstance(scopes, list) else frozenset(),
            user=None if user is None else str(user),
            expires=expires if isinstance(expires, int) else None,
            secret_hash=str(data["secret_hash"]),
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """An open WebSocket."""

    id: str
    authorisation: Authorisation
    ends: datetime
    """When API Gateway ends it at the latest."""


@dataclass(frozen=True, slots=True)
class Tail:
    """A connection that follows the log, with filters as `GET /events` takes them."""

    connection_id: str
    filters: dict[str, str]
    expires: int | None
    """When what it was authorised by ends, in seconds since 1970."""
    key_id: str = ""
    """Of the key or token that it was made with."""
