"""The link in an e-mail by which its reader hears less, with one click (RFC 8058).

The link needs no key: its token says whom a mail was for, by which transport and rule it came, and has an HMAC-SHA256
of that, so that nobody can make one for somebody else. It changes that person's preferences and nothing else, and
never expires, as the law in many places wants it.

Links of mails before there were preferences name an address: these stop all mail to it. So does the link of a mail
whose person's name is too long for a header.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass

PATH = "/unsubscribe"
MAX_TOKEN = 800
"""Characters: SES takes a header of 995, with the address of the API in it."""

_CONTEXT = b"tocsin unsubscribe 1\0"
_OF_PERSON = b"tocsin unsubscribe 2\0"
_VERSION = "2"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a mail came by: whose it is, and the transport and the rule that it came by."""

    username: str
    transport: str
    rule: str


class UnsubscribeLinks:
    """Makes and reads links, with a secret of 32 characters or more."""

    def __init__(self, secret: str, base_url: str = "") -> None:
        """`base_url` is where the API is reached, without a path."""
        self._secret = secret.encode()
        self._base_url = base_url.rstrip("/")

    def url(self, subscription: Subscription, address: str) -> str:
        """The link in a mail that came by `subscription` to `address`."""
        token = self.token_of(subscription)
        return f"{self._base_url}{PATH}?token={token if len(token) <= MAX_TOKEN else self.token(address)}"

    def token_of(self, subscription: Subscription) -> str:
        """`2.<subscription>.<mac>`, both base64url without padding."""
        told = "\0".join((subscription.username, subscription.transport, subscription.rule)).encode()
        return f"{_VERSION}.{_encoded(told)}.{_encoded(self._mac(_OF_PERSON, told))}"

    def token(self, address: str) -> str:
        """`<address>.<mac>`, both base64url without padding."""
        told = address.encode()
        return f"{_encoded(told)}.{_encoded(self._mac(_CONTEXT, told))}"

    def read(self, token: str) -> Subscription | str | None:
        """The subscription, or the address, of a token that was made here; None for any other."""
        version, _, rest = token[:2000].partition(".")
        if version != _VERSION:
            return self._told(token[:1000], _CONTEXT)
        told = (self._told(rest, _OF_PERSON) or "").split("\0")
        return Subscription(*told) if len(told) == 3 else None

    def _told(self, signed: str, context: bytes) -> str | None:
        told, _, mac = signed.partition(".")
        try:
            said, given = _decoded(told), _decoded(mac)
            text = said.decode()
        except (binascii.Error, ValueError):
            return None
        return text if text and hmac.compare_digest(given, self._mac(context, said)) else None

    def _mac(self, context: bytes, told: bytes) -> bytes:
        return hmac.digest(self._secret, context + told, "sha256")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
