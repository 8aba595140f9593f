"""The link in an e-mail by which its reader hears less, with one click (RFC 8058).

The link needs no key: its signed token says whom a mail was for, at which address, and by which transport and rule it
came. It changes that person's preferences and nothing else, and never expires, as the law in many places wants it.

Where the person has another address by now, or is gone, whoever has the mail may have nothing to do with whoever has
the name: the link then stops all mail to the address that it was sent to. So do links of mails before there were
preferences, which name an address alone, and that of a mail whose person's name is too long for a header.
"""

from __future__ import annotations

from tocsin.notifications.signed_links import Signer
from tocsin.records import dataclass

PATH = "/unsubscribe"
HEADER = "List-Unsubscribe"
MAX_HEADER = 996
"""Characters of a header's name and value together.
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html"""
MAX_URL = MAX_HEADER - len(HEADER) - len("<>")
"""Characters of a link, which stands in that header."""

_VERSION = "3"
_WITHOUT_ADDRESS = "2"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a mail came by: whose it is, the address that it went to, and the transport and the rule that it came by.

    The address is blank where the link does not say it: those of earlier versions do not.
    """

    username: str
    address: str
    transport: str
    rule: str


class UnsubscribeLinks:
    """Makes and reads links, with a secret of 32 characters or more."""

    def __init__(self, secret: str, base_url: str = "") -> None:
        """`base_url` is where the API is reached, without a path."""
        self._addresses = Signer(secret, "tocsin unsubscribe 1")
        self._people = Signer(secret, "tocsin unsubscribe 3")
        self._people_alone = Signer(secret, "tocsin unsubscribe 2")
        self._base_url = base_url.rstrip("/")

    def url(self, subscription: Subscription) -> str:
        """The link in a mail that came by `subscription`."""
        whole = self._url(self.token_of(subscription))
        return whole if len(whole) <= MAX_URL else self._url(self.token(subscription.address))

    def _url(self, token: str) -> str:
        return f"{self._base_url}{PATH}?token={token}"

    def token_of(self, subscription: Subscription) -> str:
        """`3.<subscription>.<mac>`, both base64url without padding."""
        told = (subscription.username, subscription.address, subscription.transport, subscription.rule)
        return f"{_VERSION}.{self._people.token('\0'.join(told))}"

    def token(self, address: str) -> str:
        """`<address>.<mac>`, both base64url without padding."""
        return self._addresses.token(address)

    def read(self, token: str) -> Subscription | str | None:
        """The subscription, or the address, of a token that was made here; None for any other."""
        version, _, rest = token.partition(".")
        if version == _VERSION:
            told = (self._people.read(rest) or "").split("\0")
            return Subscription(*told) if len(told) == 4 else None
        if version == _WITHOUT_ADDRESS:
            told = (self._people_alone.read(rest) or "").split("\0")
            return Subscription(told[0], "", *told[1:]) if len(told) == 3 else None
        return self._addresses.read(token)
