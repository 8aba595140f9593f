"""Who asks, and what they may do.

The authorizer puts facts about a key or token into the request's context. What they allow is checked here, a route at
a time, since API Gateway may serve the authorizer's answer from its cache to any route.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from tocsin.addresses import network_of
from tocsin.errors import Forbidden, TooManyFailedSignIns, Unauthenticated
from tocsin.http.request import Request

EXPIRED = "this API key has expired"
TOKEN_EXPIRED = "this access token has expired"  # noqa: S105 - says so
_TOO_MANY = "too many unknown keys or tokens came from this address; wait, then try again"
TOKEN_PREFIX = "oidc-"  # noqa: S105 - public
"""How the ids of tokens' holders begin; an API key's has 16 hex digits."""


class Scope(StrEnum):
    """What an API key may do."""

    EVENTS_WRITE = "events:write"
    EVENTS_READ = "events:read"
    EVENTS_ERASE = "events:erase"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an API key or an access token, what it may do, and the person that it stands for, if any.

    `user` is a user of the configuration. `person` is the username that a token gives, whether there is such a user
    or not: for telling who did something, never for what they may.
    """

    key_id: str
    key_name: str
    scopes: frozenset[str]
    user: str | None = None
    events_per_minute: int | None = None
    person: str | None = None
    expires: int | None = None
    """When it stops to be taken, in seconds since 1970; None for never."""

    def require(self, scope: Scope) -> None:
        """Forbidden where this key or token lacks `scope`."""
        if scope not in self.scopes:
            what = "access token" if self.key_id.startswith(TOKEN_PREFIX) else "key"
            raise Forbidden(f"this needs the scope {scope.value}; {what} {self.key_name!r} has {_listed(self.scopes)}")


def _listed(scopes: frozenset[str]) -> str:
    return ", ".join(sorted(scopes)) or "none"


def authorize(request: Request, scope: Scope) -> Principal:
    """Return who sent `request`, if they have `scope`.

    Raises Unauthenticated without a valid key or token, Forbidden without the scope, TooManyFailedSignIns.
    """
    principal = authenticate(request)
    principal.require(scope)
    return principal


def authenticate(request: Request) -> Principal:
    """Return who sent `request`, whatever its scopes.

    Raises Unauthenticated where the authorizer named nobody (default deny), TooManyFailedSignIns where too many keys
    and tokens from the request's own address were not good.
    """
    facts = request.authorizer
    key_id = facts.get("key_id")
    if not key_id:
        error = facts.get("error") or "send an API key in the header `Authorization: Bearer …`"
        retry_after = facts.get("retry_after")
        if retry_after and facts.get("throttled") == network_of(request.source_ip):
            raise TooManyFailedSignIns(_TOO_MANY, retry_after=int(retry_after))
        raise Unauthenticated(error)
    expires = facts.get("expires")
    if expires and int(expires) <= time.time():
        raise Unauthenticated(TOKEN_EXPIRED if key_id.startswith(TOKEN_PREFIX) else EXPIRED)
    limit = facts.get("events_per_minute")
    return Principal(
        key_id=key_id,
        key_name=facts.get("key_name", key_id),
        scopes=frozenset(facts.get("scopes", "").split()),
        user=facts.get("user") or None,
        events_per_minute=int(limit) if limit else None,
        person=facts.get("person") or None,
        expires=int(expires) if expires else None,
    )
