"""The usable keys of those that an issuer publishes (a JWK set, RFC 7517).

Three algorithms are accepted, each with one kind of key: RS256 with RSA of 2,048 bits or more, ES256 with P-256, EdDSA
with Ed25519. Other keys of a set are ignored (symmetric keys, encryption keys, other curves, malformed keys), so that
an issuer may publish them as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import jwt

from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

MAX_KEYS = 100
"""Most keys of a set that are read. Issuers publish two or three."""

_MOST_RSA_CHARACTERS = 1366  # of a modulus in base64url: 8,192 bits; verifying with larger keys takes too long
_MOST_EXPONENT_CHARACTERS = 6

# What a key must be to be used for an algorithm, and which of its members make the public key. Others are dropped: a
# set that contains a private part by mistake must not produce a private key here.
_KINDS: Mapping[str, tuple[str, str | None, tuple[str, ...]]] = {
    "RS256": ("RSA", None, ("kty", "n", "e")),
    "ES256": ("EC", "P-256", ("kty", "crv", "x", "y")),
    "EdDSA": ("OKP", "Ed25519", ("kty", "crv", "x")),
}

ALGORITHMS = frozenset(_KINDS)
"""The accepted signature algorithms (RFC 7518, RFC 8037): never `none`, never a shared secret."""


@dataclass(frozen=True, slots=True)
class KeySet:
    """Usable keys by (algorithm, id). A key without an id has the id None."""

    keys: Mapping[tuple[str, str | None], jwt.PyJWK]

    def find(self, algorithm: str, kid: str | None) -> jwt.PyJWK | None:
        """Return the key with this id for `algorithm`. Without an id, return the only key for it; None if several."""
        if kid is not None:
            return self.keys.get((algorithm, kid))
        fitting = [key for (name, _), key in self.keys.items() if name == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    @classmethod
    def parse(cls, document: JsonObject) -> KeySet:
        """Read the usable keys of a JWK set; there may be none. Of several with the same id the first is used."""
        listed = document.get("keys")
        found: dict[tuple[str, str | None], jwt.PyJWK] = {}
        for data in listed[:MAX_KEYS] if isinstance(listed, list) else ():
            named = _key_of(data)
            if named is not None:
                found.setdefault(named[0], named[1])
        return cls(found)


def _key_of(data: Json) -> tuple[tuple[str, str | None], jwt.PyJWK] | None:
    if not isinstance(data, dict):
        return None
    algorithm = next((name for name in _KINDS if _is_for(data, name)), None)
    kid = data.get("kid")
    if algorithm is None or not (kid is None or isinstance(kid, str)):
        return None
    public = {name: data[name] for name in _KINDS[algorithm][2] if name in data}
    try:
        key = jwt.PyJWK(public, algorithm)
        too_short = key.Algorithm.check_key_length(key.key)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        return None  # a malformed key must not make the others unusable
    return None if too_short else ((algorithm, kid), key)


def _is_for(data: JsonObject, algorithm: str) -> bool:
    kind, curve, _ = _KINDS[algorithm]
    operations = data.get("key_ops")
    return (
        data.get("kty") == kind
        and (curve is None or data.get("crv") == curve)
        and data.get("alg", algorithm) == algorithm
        and data.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and len(str(data.get("n", ""))) <= _MOST_RSA_CHARACTERS
        and len(str(data.get("e", ""))) <= _MOST_EXPONENT_CHARACTERS
    )
