"""The issuer's signing keys: found by its discovery document, fetched, held in memory.

    up to FRESH_SECONDS         used as they are
    then                        fetched anew by the next token; where that fails, used on up to LAST_GOOD_SECONDS
    a key that is not among them  fetched anew, at most once in REFRESH_SECONDS, whatever tokens come in
    where fetching failed       not tried again for RETRY_SECONDS

All of it is this process's own memory: an invocation at a time, so without locks. Ages are by the clock on the wall:
Lambda pauses a process between invocations, and its monotonic clock may stand still meanwhile.

https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from tocsin.aws.logging import Code, note
from tocsin.errors import Unavailable
from tocsin.identity.tokens.jwks import KeySet
from tocsin.outbound import OutboundBlocked, OutboundError, OutboundPolicy
from tocsin.outbound.client import Timeout, get
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    import jwt

FRESH_SECONDS = 600.0
"""How long fetched keys are used unasked: how long a key lives on that the issuer withdrew."""

LAST_GOOD_SECONDS = 3600.0
"""How long keys are used while the issuer can't be reached. Tokens that it gave out before are over by then."""

REFRESH_SECONDS = 60.0
"""The shortest time between two fetches that unknown key ids cause."""

RETRY_SECONDS = 10.0
"""The shortest time between a fetch that failed and the next."""

DISCOVERY = "/.well-known/openid-configuration"
MAX_BYTES = 256 * 1024
"""The most that either document may have."""

# Two documents one after the other end well within the authorizer's 10 s.
TIMEOUT = Timeout(connect=2, total=3)


class UnknownKey(Exception):
    """The issuer publishes no key of this id for this algorithm."""


class _Failed(Exception):
    """The documents could not be had; the message may be logged."""


class Issuer:
    """One issuer, named by its URL as tokens name it in `iss`."""

    def __init__(
        self,
        url: str,
        policy: OutboundPolicy,
        *,
        timeout: Timeout = TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`policy` says what its documents may be fetched from; `clock` gives seconds."""
        self.url = url
        self._policy = policy
        self._timeout = timeout
        self._clock = clock
        self._keys = KeySet({})
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._failed = False

    def key(self, algorithm: str, kid: str | None) -> jwt.PyJWK:
        """The key of this id. UnknownKey where there is none, Unavailable where that can't be told."""
        key = self._held(algorithm, kid)
        if key is None or self._age(self._fetched_at) > FRESH_SECONDS:
            self._refresh()
            key = self._held(algorithm, kid)
        if key is not None:
            return key
        if self._failed:
            raise Unavailable("the keys of the token issuer can't be read", retry_after=int(RETRY_SECONDS))
        raise UnknownKey

    def _held(self, algorithm: str, kid: str | None) -> jwt.PyJWK | None:
        return self._keys.find(algorithm, kid) if self._age(self._fetched_at) <= LAST_GOOD_SECONDS else None

    def _age(self, moment: float) -> float:
        return self._clock() - moment

    def _refresh(self) -> None:
        if self._age(self._tried_at) < (RETRY_SECONDS if self._failed else REFRESH_SECONDS):
            return
        self._tried_at = self._clock()
        try:
            self._keys = self._fetched()
        except (OutboundBlocked, OutboundError, _Failed) as error:
            self._failed = True
            note(Code.ISSUER_KEYS_UNREAD, str(error), level=logging.ERROR, issuer=self.url)
            return
        self._failed, self._fetched_at = False, self._clock()
        note(Code.ISSUER_KEYS_READ, "the token issuer's keys were read", issuer=self.url, keys=len(self._keys.keys))

    def _fetched(self) -> KeySet:
        found = self._document(self.url.removesuffix("/") + DISCOVERY, "discovery document")
        if found.get("issuer") != self.url:
            raise _Failed("the discovery document is another issuer's: its `issuer` is not the one configured")
        address = found.get("jwks_uri")
        if not isinstance(address, str):
            raise _Failed("the discovery document has no jwks_uri")
        keys = KeySet.parse(self._document(address, "key set"))
        if not keys.keys:
            raise _Failed("the key set has no key that tokens could be checked with")
        return keys

    def _document(self, url: str, what: str) -> JsonObject:
        answer = get(
            url,
            {"Accept": "application/json"},
            timeout=self._timeout,
            policy=self._policy,
            max_response_bytes=MAX_BYTES,
        )
        if answer.status != 200:
            raise _Failed(f"the {what} was answered with status {answer.status}")
        if answer.truncated:
            raise _Failed(f"the {what} broke off, came too slowly or has more than {MAX_BYTES:,} bytes")
        try:
            document: Json = orjson.loads(answer.body)
        except ValueError:
            raise _Failed(f"the {what} is not JSON") from None
        if not isinstance(document, dict):
            raise _Failed(f"the {what} is not a JSON object")
        return document
