"""Tokens of links that need no key: what a link is for, in plain, and an HMAC-SHA256 of it.

Nobody without the secret can make one, and one that was made for one purpose is none for another.
"""

from __future__ import annotations

import base64
import binascii
import hmac

from tocsin.records import dataclass

MAX_TOKEN = 2_000
"""Characters of a token that are looked at."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes and reads the tokens of one purpose.

    `secret` has 32 characters or more; `purpose` is signed with each token, and is no prefix of another's.
    """

    secret: str
    purpose: str

    def token(self, told: str) -> str:
        """`<told>.<mac>`, both base64url without padding."""
        said = told.encode()
        return f"{_encoded(said)}.{_encoded(self._mac(said))}"

    def read(self, token: str) -> str | None:
        """What a token that was made here says; None for any other."""
        told, _, mac = token[:MAX_TOKEN].partition(".")
        try:
            said, given = _decoded(told), _decoded(mac)
            text = said.decode()
        except (binascii.Error, ValueError):
            return None
        return text if text and hmac.compare_digest(given, self._mac(said)) else None

    def _mac(self, said: bytes) -> bytes:
        return hmac.digest(self.secret.encode(), f"{self.purpose}\0".encode() + said, "sha256")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
