"""Standard Webhooks signatures, symmetric (`v1`): the sender's half.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

The HMAC itself is the `standardwebhooks` library's, which receivers verify with. What is here is what it
leaves to its caller: secrets that are well formed, times in UTC, ids that can't blur what was signed,
several signatures while a secret is replaced.
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from secrets import token_bytes

from standardwebhooks.webhooks import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 - what marks a secret, not one
MIN_SECRET_BYTES = 24
MAX_SECRET_BYTES = 64


class InvalidSecretError(ValueError):
    """A signing secret that is not `whsec_` and base64 of 24 to 64 bytes. The text never has it in it."""


def new_secret() -> str:
    """Make a secret: `whsec_` and base64 of 32 random bytes, as many as HMAC-SHA256 gives out."""
    return SECRET_PREFIX + base64.b64encode(token_bytes(32)).decode("ascii")


def check_secret(text: str) -> str:
    """Check a secret that was given, and return it in its one usual form: without blanks around it, padded.

    Raises InvalidSecretError, which says what is wrong and not what the secret is.
    """
    text = text.strip()
    if not text.startswith(SECRET_PREFIX):
        raise InvalidSecretError(f"a signing secret must begin with {SECRET_PREFIX}")
    # Some services give secrets without the padding, and some receivers' libraries insist on it.
    encoded = text.removeprefix(SECRET_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:  # binascii.Error, or a character that is not ASCII
        raise InvalidSecretError(f"a signing secret must be base64 after {SECRET_PREFIX}") from None
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise InvalidSecretError(
            f"a signing secret must hold {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes, not {len(key)}"
        )
    return SECRET_PREFIX + base64.b64encode(key).decode("ascii")


def sign(secret: str, message_id: str, timestamp: int | datetime, body: str | bytes) -> str:
    """Sign a message: `v1,` and base64 of the HMAC-SHA256 of `<message_id>.<timestamp>.<body>`.

    `timestamp` is that of the attempt, in whole seconds since 1970 or as a datetime with a time zone
    (fractions are dropped, as in the header). `body` is exactly what is sent, in UTF-8.

    Raises InvalidSecretError, and ValueError for an id that is empty or has anything but visible ASCII or a
    full stop in it, a time without zone or before 1970, a body that is not UTF-8.
    """
    if not message_id or not all("!" <= char <= "~" and char != "." for char in message_id):
        # A full stop could move a part of the id into the time that is signed: the specification forbids it.
        raise ValueError("a message id must be visible ASCII characters other than the full stop")
    moment = datetime.fromtimestamp(_seconds(timestamp), UTC)
    text = body if isinstance(body, str) else body.decode("utf-8")
    return Webhook(check_secret(secret)).sign(msg_id=message_id, timestamp=moment, data=text)


def headers(secrets: Sequence[str], message_id: str, timestamp: int | datetime, body: str | bytes) -> dict[str, str]:
    """Make the three headers of a signed message: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

    One signature for each of `secrets`, in their order, while a secret is being replaced: the new one first.
    Raises as `sign` does, and ValueError where there is no secret.
    """
    if not secrets:
        raise ValueError("a message can't be signed without a secret")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(_seconds(timestamp)),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in secrets),
    }


def _seconds(timestamp: int | datetime) -> int:
    if isinstance(timestamp, datetime):
        if timestamp.tzinfo is None:
            raise ValueError("a time without a time zone can't be signed")
        timestamp = int(timestamp.timestamp())
    if timestamp < 0:
        raise ValueError("a time before 1970 can't be signed")
    return timestamp
