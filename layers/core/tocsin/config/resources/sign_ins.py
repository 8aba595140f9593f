"""Single-use sign-in tickets: whoever presents one first gets a new secret of the key that it is for."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from tocsin.config.resources.api_keys import AT_ONCE, Keys
from tocsin.errors import Conflict, NotFound, Unavailable
from tocsin.http.preconditions import Precondition
from tocsin.identity.principal import Principal
from tocsin.identity.sign_in_store import SignInStore, SignInTicket
from tocsin.models import Model, accepted
from tocsin.records import dataclass
from tocsin.times import iso, parse_duration, parse_moment, utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from pydantic import AfterValidator  # tocsin.models says what for

LONGEST = timedelta(hours=1)
REFUSED = "this ticket was used, is too old, or never was; ask whoever gave it to you for another one"


def _short(value: str) -> str:
    if parse_duration(value) > LONGEST:
        raise ValueError("must be an hour at most")
    return value


@dataclass(frozen=True, kw_only=True)
class TicketRequest(Model):
    """How long a ticket is valid."""

    lasts: Annotated[str, AfterValidator(_short)] = "minutes=5"
    """A duration of at most one hour."""


@dataclass(frozen=True, kw_only=True)
class Claim(Model):
    """The body of a request that presents a ticket."""

    ticket: str


class SignIns:
    """Issues tickets and exchanges them for keys. Methods raise Invalid, NotFound, Conflict and Unavailable."""

    def __init__(self, keys: Keys, tickets: SignInStore) -> None:
        self._keys = keys
        self._tickets = tickets

    def ticket(self, name: str, given: JsonObject, principal: Principal) -> JsonObject:
        """Return {ticket, expires}: a new ticket for the key named `name`."""
        asked = accepted(TicketRequest, given)
        key = self._keys.get(name)
        made, ends = secrets.token_urlsafe(32), utc_now() + parse_duration(asked.lasts)
        sign_in = SignInTicket(name, str(key["id"]), ends, principal.key_id, principal.key_name)
        self._tickets.put(made, sign_in)
        return {"ticket": made, "expires": iso(ends)}

    def claim(self, given: JsonObject) -> JsonObject:
        """Exchange a ticket for its key with a new secret: {key, name, user, expires}. Earlier secrets stop working.

        If replacing the secret raises Unavailable, or Conflict while somebody else changes the configuration, the
        ticket is stored again, so that the caller can retry.
        """
        claim = accepted(Claim, given)
        sign_in = self._tickets.take(claim.ticket, now=utc_now())
        if sign_in is None:
            raise NotFound(REFUSED)
        try:
            key = self._rotated(sign_in)
        except (Unavailable, Conflict):
            self._tickets.put(claim.ticket, sign_in)
            raise
        return {name: key[name] for name in ("key", "name", "user", "expires")}

    def _rotated(self, sign_in: SignInTicket) -> JsonObject:
        """Replace the key's secret without an overlap, so that no earlier secret works any more."""
        key = self._keys.get(sign_in.key_name)
        expires = key["expires"]
        if key["id"] != sign_in.key_id or (isinstance(expires, str) and parse_moment(expires) <= utc_now()):
            raise NotFound(REFUSED)
        maker = Principal(sign_in.by_id, sign_in.by_name, frozenset())
        saved = self._keys.rotate(sign_in.key_name, {"overlap": AT_ONCE}, Precondition.parse({}), maker)
        return saved.shown | saved.once
