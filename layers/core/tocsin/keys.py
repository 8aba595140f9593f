"""API keys: `tocsin_<id>_<secret>`. The secret is shown once, when the key is made; only its hash is kept.

The secret is 32 random bytes, so a plain SHA-256 of it is as good as a slow hash: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tocsin.transports import Name
from tocsin.web import Scope

ADMIN_KEY_ID = "admin"
"""The id of the key that the stack makes at deploy and keeps in Secrets Manager."""

_FORM = re.compile(r"tocsin_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class ApiKey(BaseModel):
    """A key as it is stored and shown: without its secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: Name
    scopes: tuple[Scope, ...]
    user: Name | None = None
    events_per_minute: Annotated[int, Field(ge=1)] | None = None
    secret_hash: str


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
