"""API keys: `tocsin_<id>_<secret>`. The secret is shown once, when the key is made; only its hash is kept.

The secret is 32 random bytes, so a plain SHA-256 of it is as good as a slow hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tocsin.fields import ForeignName, Moment, Name
from tocsin.identity.principal import Scope

ADMIN_KEY_ID = "admin"
"""The id of the key that the stack makes at deploy and keeps in Secrets Manager."""

_FORM = re.compile(r"tocsin_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside of the years 1 to 9999") from None


Expiry = Annotated[Moment, AfterValidator(_in_utc)]
"""When a key stops to be taken, in UTC."""


class ApiKey(BaseModel):
    """A key as it is stored and shown: without its secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: Name
    scopes: tuple[Scope, ...]
    user: ForeignName | None = None
    events_per_minute: Annotated[int, Field(ge=1)] | None = None
    expires: Expiry | None = None
    """When it stops to be taken; None for never."""
    secret_hash: str
    retired_hash: str = ""
    """The secret before the last rotation, which is taken until `retired_until`."""
    retired_until: Moment | None = None

    def ends_for(self, secret: str) -> tuple[bool, datetime | None]:
        """Whether `secret` is or was this key's, in constant time, and when it stops to be taken, if ever."""
        if is_secret_of(self, secret):
            return True, self.expires
        if self.retired_until is None or not hmac.compare_digest(self.retired_hash, hash_secret(secret)):
            return False, None
        return True, self.retired_until if self.expires is None else min(self.expires, self.retired_until)


def new_secret() -> str:
    """A fresh secret for a key: 32 random bytes, 43 characters."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_key_id() -> str:
    """A fresh id for a key: 16 hex digits, no secret."""
    return secrets.token_hex(8)


def bearer(key: ApiKey, secret: str) -> str:
    """What the key's holder sends after `Authorization: Bearer `."""
    return f"tocsin_{key.id}_{secret}"


def split_bearer(token: str) -> tuple[str, str] | None:
    """(id, secret) of a token of our form; None for any other."""
    match = _FORM.fullmatch(token)
    return (match[1], match[2]) if match else None


def is_secret_of(key: ApiKey, secret: str) -> bool:
    """Whether `secret` belongs to `key`, in constant time."""
    return hmac.compare_digest(key.secret_hash, hash_secret(secret))
