"""The issuer's signing keys: found by its discovery document, fetched, and cached.

    up to FRESH_SECONDS old     used from the cache
    older                       fetched again for the next token; if that fails, used up to LAST_GOOD_SECONDS
    unknown key id              fetched again, at most once in REFRESH_SECONDS, whatever tokens come in
    fetching failed             not tried again for RETRY_SECONDS

The cache belongs to one process, which handles one invocation at a time, so there are no locks. Ages are measured by
wall-clock time: Lambda pauses a process between invocations, and its monotonic clock may stop meanwhile.

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
"""How long fetched keys are used without asking again, and so how long a key still works that the issuer withdrew."""

LAST_GOOD_SECONDS = 3600.0
"""How long keys are used while the issuer can't be reached. Tokens issued before that have expired by then."""

REFRESH_SECONDS = 60.0
"""The shortest time between two fetches for unknown key ids."""

RETRY_SECONDS = 10.0
"""The shortest time between a failed fetch and the next."""

DISCOVERY = "/.well-known/openid-configuration"
MAX_BYTES = 256 * 1024
"""Most bytes of either document."""

# Fetching two documents one after the other stays well below the authorizer's timeout of 10 s.
TIMEOUT = Timeout(connect=2, total=3)


class UnknownKey(Exception):
    """The issuer publishes no key of this id for this algorithm."""


class _Failed(Exception):
    """The documents could not be fetched. The message may be logged."""


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
        """`policy` says where its documents may be fetched from; `clock` returns seconds since 1970."""
        self.url = url
        self._policy = policy
        self._timeout = timeout
        self._clock = clock
        self._keys = KeySet({})
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._failed = False

    def key(self, algorithm: str, kid: str | None) -> jwt.PyJWK:
        """Return the key with this id. Raises UnknownKey without one, Unavailable where the keys can't be fetched."""
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
        """Seconds since `moment`; endless for one of the future: the clock was set back, and nobody knows."""
        age = self._clock() - moment
        return age if age >= 0 else float("inf")

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
