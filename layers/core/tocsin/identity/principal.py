"""Who sent a request, and what they may do.

The authorizer puts facts about the key or token into the request's context. Scopes are checked here, by each route,
since API Gateway may reuse the authorizer's cached answer for any route.
"""

from __future__ import annotations

import time
from enum import StrEnum

from tocsin.addresses import network_of
from tocsin.errors import Forbidden, TooManyFailedSignIns, Unauthenticated
from tocsin.http.request import Request
from tocsin.records import dataclass

EXPIRED = "this API key has expired"
TOKEN_EXPIRED = "this access token has expired"  # noqa: S105 - says so
_TOO_MANY = "too many unknown keys or tokens came from this address; wait, then try again"
TOKEN_PREFIX = "oidc-"  # noqa: S105 - public
"""The prefix of the ids of access tokens' holders. An API key's id is 16 hex digits."""


class Scope(StrEnum):
    """What an API key or an access token may do."""

    EVENTS_WRITE = "events:write"
    EVENTS_READ = "events:read"
    EVENTS_ERASE = "events:erase"
    CONFIG_READ = "config:read"
    CONFIG_WRITE = "config:write"
    NOTIFICATIONS = "notifications"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request: an API key or access token, its scopes, and the person it belongs to, if any.

    `user` is a configured user. `person` is the username in an access token, whether or not that user is configured:
    it is used to record who did something, never to decide what they may do.
    """

    key_id: str
    key_name: str
    scopes: frozenset[str]
    user: str | None = None
    events_per_minute: int | None = None
    person: str | None = None
    expires: int | None = None
    """When the key or token expires, in seconds since 1970; None for never."""
    secret_hash: str = ""
    """Of the API key's secret that was sent; blank for an access token."""

    def require(self, scope: Scope) -> None:
        """Raise Forbidden where this key or token lacks `scope`."""
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

    Raises Unauthenticated where the authorizer identified nobody (default deny), TooManyFailedSignIns after too many
    invalid keys and tokens from the request's address.
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
        secret_hash=facts.get("secret_hash", ""),
    )
