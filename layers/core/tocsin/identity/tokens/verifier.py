"""Verify that an access token is genuine, meant for us, and in force (RFC 7519, RFC 8725, RFC 9068).

No keys are fetched for a token that would be refused with any signature: wrong algorithm, other issuer.
"""

from __future__ import annotations

import base64
from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

import jwt
import orjson

from tocsin.identity.authenticator import Refused
from tocsin.identity.principal import TOKEN_EXPIRED
from tocsin.identity.tokens.issuer import Issuer, UnknownKey
from tocsin.identity.tokens.jwks import ALGORITHMS
from tocsin.types import Json, JsonObject

LEEWAY_SECONDS = 30
"""How far the issuer's clock may be ahead of ours (`nbf`, `iat`). `exp` has no such leeway: functions check it too."""

MAX_SUBJECT = 255
"""Most characters of `sub` (OpenID Connect Core, section 2)."""

_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
# The claims by which issuers without RFC 9068 mark the kind of a token: Cognito's token_use, Keycloak's typ.
_USES = {"token_use": frozenset({"access"}), "typ": frozenset({"bearer", "at+jwt", "jwt"})}
# Hashes of tokens and codes issued with it: only ID tokens have them (OpenID Connect Core, sections 3.1.3.6, 3.3.2.11).
_OF_ID_TOKENS = ("at_hash", "c_hash")

_LATEST_END = 253_402_300_799  # the last second of the year 9999, the latest that datetime can represent

_UNREADABLE = "this access token can't be read"
_AUDIENCE = "this access token is for another audience"
_ISSUER = "this access token comes from another issuer"
_NOT_ACCESS = "this is not an access token"


class TokenVerifier:
    """Verifies tokens of one issuer for one audience, which may have several names."""

    def __init__(self, issuer: Issuer, audiences: Collection[str]) -> None:
        if not audiences:
            raise ValueError("no audience is configured: tokens for anybody would be taken")
        self._issuer = issuer
        self._audiences = frozenset(audiences)

    def check(self, token: str, now: datetime) -> tuple[JsonObject, int]:
        """Return the claims of a valid token, including `iss` and `sub`, and its expiry in seconds since 1970.

        Raises Refused, which says why, for any other; Unavailable where the issuer's keys can't be fetched.
        """
        header, unproven = _unproven(token)
        algorithm, kid = self._signed_with(header)
        if unproven.get("iss") != self._issuer.url:
            raise Refused(_ISSUER)
        try:
            key = self._issuer.key(algorithm, kid)
        except UnknownKey:
            raise Refused("this access token is signed with a key that its issuer does not publish") from None
        claims = self._verified(token, key, algorithm, for_client="aud" not in unproven)
        _check_use(claims)
        return claims, _end(claims, now)

    def _signed_with(self, header: JsonObject) -> tuple[str, str | None]:
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise Refused(f"access tokens must be signed with {', '.join(sorted(ALGORITHMS))}")
        if not (kid is None or isinstance(kid, str)) or "crit" in header or "b64" in header:
            raise Refused(_UNREADABLE)
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise Refused(_NOT_ACCESS)
        return algorithm, kid

    def _verified(self, token: str, key: jwt.PyJWK, algorithm: str, *, for_client: bool) -> JsonObject:
        # Cognito's access tokens have no `aud` unless a resource was requested; AWS says to check client_id instead.
        # `aud` is required where it is verified.
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],  # of ALGORITHMS, and the one that the key is for
                issuer=self._issuer.url,
                audience=sorted(self._audiences),
                leeway=LEEWAY_SECONDS,
                options={
                    "require": ["iss", "sub", "exp"],
                    "verify_aud": not for_client,
                    "enforce_minimum_key_length": True,
                },
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Refused(_why(error)) from None
        if for_client and not (claims.get("token_use") == "access" and claims.get("client_id") in self._audiences):
            raise Refused("this access token lacks the claim aud")
        return cast(JsonObject, claims)


def _unproven(token: str) -> tuple[JsonObject, JsonObject]:
    """Decode header and claims without verifying anything. Raises Refused where they are not JSON objects."""
    head, _, rest = token.partition(".")
    parts: list[JsonObject] = []
    for part in (head, rest.partition(".")[0]):
        try:
            parsed: Json = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except ValueError:  # binascii's and orjson's errors are subclasses
            raise Refused(_UNREADABLE) from None
        if not isinstance(parsed, dict):
            raise Refused(_UNREADABLE)
        parts.append(parsed)
    return parts[0], parts[1]


def _check_use(claims: JsonObject) -> None:
    for name, taken in _USES.items():
        said = claims.get(name)
        if said is not None and not (isinstance(said, str) and said.lower() in taken):
            raise Refused(_NOT_ACCESS)
    if any(name in claims for name in _OF_ID_TOKENS):
        raise Refused(_NOT_ACCESS)
    if "cnf" in claims:  # RFC 7800: valid only with a proof of possession, which this API does not support
        raise Refused("this access token is bound to a key of its holder, which can't be checked here")
    subject = cast(str, claims["sub"])  # PyJWT has checked that it is a string
    if not 1 <= len(subject) <= MAX_SUBJECT:
        raise Refused(f"the claim sub of this access token must have 1 to {MAX_SUBJECT} characters")


def _end(claims: JsonObject, now: datetime) -> int:
    end: Any = claims["exp"]
    if isinstance(end, bool) or not isinstance(end, int | float):
        raise Refused(_UNREADABLE)
    if end <= now.timestamp():
        raise Refused(TOKEN_EXPIRED)
    return int(min(end, _LATEST_END))


def _why(error: Exception) -> str:
    """Return the reason by the error's class, in our own words: PyJWT's messages may contain parts of the token."""
    match error:
        case jwt.ExpiredSignatureError():
            return TOKEN_EXPIRED
        case jwt.ImmatureSignatureError():
            return "this access token is not in force yet"
        case jwt.InvalidSignatureError():
            return "the signature of this access token does not hold"
        case jwt.InvalidAudienceError():
            return _AUDIENCE
        case jwt.MissingRequiredClaimError():
            return f"this access token lacks the claim {error.claim}"
    return _UNREADABLE
