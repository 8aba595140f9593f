"""Request headers: which may be given, and how they go out."""

import re
from collections.abc import Mapping

from tocsin.outbound.errors import OutboundBlocked

RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Names, in lower case, that say where a message goes or ends: set here, never given."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse headers that can't be sent: for when they are made of customers' mappings.

    Names must be tokens that are not reserved, once each whatever their case; values may have no line breaks
    or other control characters. Raises OutboundBlocked "bad_header", which names the header, not its value.
    """
    seen: set[str] = set()
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise OutboundBlocked("bad_header", "a header's name is not a valid HTTP token")
        key = name.lower()
        if key in RESERVED_HEADERS:
            raise OutboundBlocked("bad_header", f"the header {name} can't be set")
        if key in seen:
            raise OutboundBlocked("bad_header", f"the header {name} is given twice")
        if _CONTROL.search(value):
            raise OutboundBlocked("bad_header", f"the header {name} has a line break or control character")
        seen.add(key)


def encoded(headers: Mapping[str, str]) -> dict[str, str | bytes]:
    """Give the headers as they are sent: checked, with those that are ours.

    Values are sent as UTF-8, so that a user's name outside Latin-1 does not fail a delivery: RFC 9110 lets
    receivers take such octets as opaque. Answers are asked for uncompressed and on a connection of their own.
    """
    check_headers(headers)
    ours: dict[str, str | bytes] = {"Accept-Encoding": "identity", "Connection": "close"}
    if not any(name.lower() == "user-agent" for name in headers):
        ours["User-Agent"] = "Tocsin"
    try:
        return ours | {name: value.strip().encode() for name, value in headers.items()}
    except UnicodeEncodeError:
        raise OutboundBlocked("bad_header", "a header's value has half a character in it") from None
