"""Who an e-mail goes to, spelled as mail wants it (RFC 5322, RFC 2047, IDNA), or refused with a reason."""

from __future__ import annotations

import re
from email.header import Header
from email.utils import formataddr

from tocsin.notifications.text import cut, one_line

MAX_ADDRESS = 254
"""Characters (RFC 5321, 4.5.3.1.3: a path of 256 less its angle brackets)."""
MAX_NAME = 100
MAX_ENCODED_WORD = 75
"""Characters (RFC 2047, section 2)."""
MAX_MAILBOX = 320
"""Bytes of a name, encoded, with its address: SES refuses a mail where there are more ("Address length is more than
320 bytes long"), which AWS documents nowhere.
github.com/zulip/zulip/issues/17558, github.com/mautic/mautic/issues/7732"""

_ADDRESS = re.compile(r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@([^\s@<>()\[\]\\,;:\"]+)")
"""Local part in ASCII, since SES speaks no SMTPUTF8, and unquoted: quoted ones are used by attackers only."""
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


class NoAddress(ValueError):
    """There is nobody to mail: no person, or one without an address. The message says which."""


class BadAddress(NoAddress):
    """The person has an address that no mail can be sent to. The message says why, and not the address."""


def mail_address(address: str) -> str:
    """`address` without surrounding blanks, its domain in ASCII (IDNA 2008), read as a webhook's host is.

    Raises NoAddress for a blank one, BadAddress for what is no single plain address: line breaks, lists,
    comments, quoted or non-ASCII local parts.
    """
    address = address.strip()
    if not address:
        raise NoAddress("the user has no e-mail address")
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise BadAddress("the user's e-mail address is not of the form name@domain in plain characters")
    local, domain = found.groups()
    try:
        ascii_domain = _ascii_domain(domain)
    except ValueError as error:
        raise BadAddress("the domain of the user's e-mail address can't be encoded") from error
    if not _DOMAIN.fullmatch(ascii_domain):
        raise BadAddress("the domain of the user's e-mail address is no host name")
    if len(local) + 1 + len(ascii_domain) > MAX_ADDRESS:
        raise BadAddress(f"the user's e-mail address is longer than {MAX_ADDRESS} characters")
    return f"{local}@{ascii_domain}"


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    from tocsin.outbound.hosts import ascii_host  # noqa: PLC0415 - brings HTTP with it, for few addresses

    return ascii_host(domain)


def display_name(name: str) -> str:
    """`name` in one line of at most `MAX_NAME` code units."""
    return cut(one_line(name), MAX_NAME)


def mailbox(name: str, address: str) -> str:
    """`Name <address>` as it stands in a header, in ASCII: other names become encoded words (RFC 2047).

    So does one that spells an encoded word itself, or it would be read as what that says; in quotes, too, by many.
    Takes what `display_name` and `mail_address` gave. A name that is blank or the address itself is left out. One that
    is too long once it is encoded is cut, and left out where nothing of it fits beside the address.
    """
    if name in ("", address):
        return address
    for most in range(MAX_NAME, 0, -10):
        written = _written(cut(name, most), address)
        if len(written) <= MAX_MAILBOX:
            return written
    return address


def _written(name: str, address: str) -> str:
    if name.isascii() and "=?" not in name:
        return formataddr((name, address))
    return f"{Header(name, 'utf-8', maxlinelen=MAX_ENCODED_WORD).encode(linesep='')} <{address}>"
