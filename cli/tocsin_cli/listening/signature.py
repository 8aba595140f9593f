"""Standard Webhooks signatures (`v1`): verified as a receiver should, and made for what is replayed.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tocsin_cli.errors import UsageError

PREFIX = "whsec_"
TOLERANCE = 300
"""Seconds by which a message's time may differ from now, as the specification's libraries have it."""

_SECONDS = re.compile("[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a signature holds, and if not, why. `good` is None where there is no secret to verify it with."""

    good: bool | None
    why: str


def new_secret() -> str:
    """A secret to sign replayed messages with."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key in a `whsec_…`. UsageError, which does not show it, where it is none."""
    encoded = secret.strip().removeprefix(PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.strip().startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise UsageError(f"a signing secret is {PREFIX} and base64 of 24 to 64 bytes")
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and base64 of the HMAC-SHA256 of `<message_id>.<timestamp>.<body>`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def verify(known: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: float) -> Verdict:
    """Verify a message by any of the secrets; `headers` with names in lower case."""
    message_id, written = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = [each for each in headers.get("webhook-signature", "").split() if each.startswith("v1,")]
    if not message_id or not _SECONDS.fullmatch(written):
        return Verdict(False, "it has no webhook-id and webhook-timestamp")
    if not given:
        return Verdict(False, "it is not signed: the transport has no secret")
    if not known:
        return Verdict(None, "not verified: give --secret")
    expected = [sign(secret, message_id, int(written), body) for secret in known]
    if not any(hmac.compare_digest(each.encode(), wanted.encode()) for each in given for wanted in expected):
        return Verdict(False, "the signature is by another secret, or the body was changed")
    away = now - int(written)
    if abs(away) > TOLERANCE:
        return Verdict(False, f"it is {abs(away):.0f} s {'old' if away > 0 else 'ahead'}: a receiver refuses it")
    return Verdict(True, "signature verified")
