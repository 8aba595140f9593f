"""API keys: `tocsin_<id>_<secret>`. The secret is shown once, when the key is created; only its hash is stored.

A plain SHA-256 is enough: the secret is 32 random bytes, so a slow hash would add no protection against guessing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime

from tocsin.identity.principal import Scope
from tocsin.records import dataclass
from tocsin.types import JsonObject

ADMIN_KEY_ID = "admin"
"""The id of the key that is created on deployment and stored in Secrets Manager."""

_FORM = re.compile(r"tocsin_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored and shown, without its secret.

    Not a pydantic model, since the authorizer must not load pydantic. Names and scopes are validated where keys are
    created (`KeyEntry`).
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    user: str | None = None
    events_per_minute: int | None = None
    expires: datetime | None = None
    """When it expires, in UTC; None for never."""
    secret_hash: str
    retired_hash: str = ""
    """The hash of the secret before the last rotation, which is accepted until `retired_until`."""
    retired_until: datetime | None = None

    def to_json(self) -> JsonObject:
        """Return all fields, as they are stored."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": [scope.value for scope in self.scopes],
            "user": self.user,
            "events_per_minute": self.events_per_minute,
            "expires": _text(self.expires),
            "secret_hash": self.secret_hash,
            "retired_hash": self.retired_hash,
            "retired_until": _text(self.retired_until),
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> ApiKey:
        """The inverse of `to_json`. Absent fields take their defaults. Raises KeyError or ValueError for other data."""
        limit, scopes = data.get("events_per_minute"), data["scopes"]
        if not isinstance(scopes, list) or not (limit is None or isinstance(limit, int)):
            raise ValueError("this is no stored key")
        return cls(
            id=str(data["id"]),
            name=str(data["name"]),
            scopes=tuple(Scope(str(scope)) for scope in scopes),
            user=None if data.get("user") is None else str(data["user"]),
            events_per_minute=limit,
            expires=_moment(data.get("expires")),
            secret_hash=str(data["secret_hash"]),
            retired_hash=str(data.get("retired_hash") or ""),
            retired_until=_moment(data.get("retired_until")),
        )

    def ends_for(self, secret: str) -> tuple[bool, datetime | None]:
        """Compare `secret` with the current and the retired one, in constant time: (whether it matches, its end)."""
        if is_secret_of(self, secret):
            return True, self.expires
        if self.retired_until is None or not hmac.compare_digest(self.retired_hash, hash_secret(secret)):
            return False, None
        return True, self.retired_until if self.expires is None else min(self.expires, self.retired_until)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: object) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text))


def new_secret() -> str:
    """Generate a key's secret: 32 random bytes as 43 characters."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Return the hash of a secret, as it is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_key_id() -> str:
    """Generate a key's id: 16 hex digits. Not secret."""
    return secrets.token_hex(8)


def bearer(key: ApiKey, secret: str) -> str:
    """Return the token that the key's holder sends after `Authorization: Bearer `."""
    return f"tocsin_{key.id}_{secret}"


def split_bearer(token: str) -> tuple[str, str] | None:
    """Split a token into (id, secret); None where it does not have the form of an API key."""
    match = _FORM.fullmatch(token)
    return (match[1], match[2]) if match else None


def is_secret_of(key: ApiKey, secret: str) -> bool:
    """Whether `secret` belongs to `key`, in constant time."""
    return hmac.compare_digest(key.secret_hash, hash_secret(secret))
