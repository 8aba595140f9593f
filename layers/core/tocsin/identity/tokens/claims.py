"""Read the holder of a verified token from its claims: id, name, username, groups."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from tocsin.identity.principal import TOKEN_PREFIX
from tocsin.names import foreign_name
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9 ._:@+-]")
_SHOWN = 90


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a token, according to its issuer.

    `id` is the same for all tokens of a holder, and differs from every API key's. `username` is None where the token
    has none, or one that is not valid for users here. `name` is for logs and change events: the username, else the
    subject.
    """

    id: str
    name: str
    username: str | None
    groups: tuple[str, ...]

    @classmethod
    def of(cls, claims: JsonObject, *, username_claim: str, groups_claim: str) -> Holder:
        """Read the holder from the `claims` of a verified token."""
        subject = f"{claims['iss']}\n{claims['sub']}"
        username = _username(claims, username_claim)
        shown = _NOT_IN_NAMES.sub("_", username or str(claims["sub"]))[:_SHOWN]
        return cls(
            id=f"{TOKEN_PREFIX}{hashlib.sha256(subject.encode()).hexdigest()[:16]}",
            name=f"oidc:{shown}",
            username=username,
            groups=_groups(claims, groups_claim),
        )


def claim(claims: Mapping[str, Json], name: str) -> Json:
    """Return a claim by its name, which may contain dots (`https://example.com/groups`), or by its path through nested
    objects (`realm_access.roles`); None where there is neither."""
    if name in claims:
        return claims[name]
    found: Json = dict(claims)
    for part in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _username(claims: JsonObject, name: str) -> str | None:
    value = claim(claims, name)
    if not isinstance(value, str):
        return None
    try:
        value = foreign_name(value)
    except ValueError:
        return None
    # An unverified address is whatever its holder typed (OpenID Connect Core, section 5.1).
    if name == "email" and claims.get("email_verified") is not True:
        return None
    return value


def _groups(claims: JsonObject, name: str) -> tuple[str, ...]:
    value = claim(claims, name)
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(group for group in listed if isinstance(group, str))
