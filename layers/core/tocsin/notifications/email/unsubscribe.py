"""The link in an e-mail by which its reader stops further ones, with one click (RFC 8058).

The link needs no key: its token is the address and an HMAC-SHA256 of it, so that nobody can make one for an
address that they were not written to. It never expires, as the law in many places wants it.
"""

from __future__ import annotations

import base64
import binascii
import hmac

PATH = "/unsubscribe"
_CONTEXT = b"tocsin unsubscribe 1\0"


class UnsubscribeLinks:
    """Makes and reads links, with a secret of 32 characters or more."""

    def __init__(self, secret: str, base_url: str = "") -> None:
        """`base_url` is where the API is reached, without a path."""
        self._secret = secret.encode()
        self._base_url = base_url.rstrip("/")

    def url(self, address: str) -> str:
        """The link for `address`."""
        return f"{self._base_url}{PATH}?token={self.token(address)}"

    def token(self, address: str) -> str:
        """`<address>.<mac>`, both base64url without padding."""
        told = address.encode()
        return f"{_encoded(told)}.{_encoded(self._mac(told))}"

    def address_of(self, token: str) -> str | None:
        """The address of a token that was made here; None for any other."""
        told, _, mac = token[:1000].partition(".")
        try:
            address, given = _decoded(told), _decoded(mac)
            text = address.decode()
        except (binascii.Error, ValueError):
            return None
        return text if text and hmac.compare_digest(given, self._mac(address)) else None

    def _mac(self, told: bytes) -> bytes:
        return hmac.digest(self._secret, _CONTEXT + told, "sha256")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
