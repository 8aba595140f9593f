"""Headers of a webhook that are Tocsin's to set: who sent what, when and how."""

from __future__ import annotations

from tocsin.events.model import DEPTH_HEADER
from tocsin.outbound import RESERVED_HEADERS

NEVER_MAPPED = frozenset({"webhook-id", "webhook-timestamp", "webhook-signature", "user-agent", DEPTH_HEADER.lower()})
"""Names, in lower case, that a headers mapping can't set, beside those that HTTP itself needs."""

_NEVER_SECRET = frozenset({"content-type", "content-encoding"})
_PREFIXES = ("webhook-", "tocsin-")


def is_own_header(name: str) -> bool:
    """Whether no transport may have `name` among its headers with secret values."""
    lowered = name.lower()
    return lowered in NEVER_MAPPED | _NEVER_SECRET | RESERVED_HEADERS or lowered.startswith(_PREFIXES)
