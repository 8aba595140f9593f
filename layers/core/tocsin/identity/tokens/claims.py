"""What a checked token says of its holder: a name, groups, a person."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tocsin.fields import foreign_name
from tocsin.identity.principal import TOKEN_PREFIX
from tocsin.types import Json, JsonObject

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9 ._:@+-]")
_SHOWN = 90


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a token, as its issuer says.

    `id` is the same for all tokens of one holder, and no API key's. `username` is None where the token names none
    that a user here could have. `name` is for logs and change events: the username, else the subject.
    """

    id: str
    name: str
    username: str | None
    groups: tuple[str, ...]

    @classmethod
    def of(cls, claims: JsonObject, *, username_claim: str, groups_claim: str) -> Holder:
        """The holder that `claims` (of a token that was checked) tell of."""
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
    """A claim by its name, which may have dots in it (`https://example.com/groups`), or by its path from object to
    object (`realm_access.roles`); None where there is neither."""
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
    # An address that nobody verified is whatever its holder typed (OpenID Connect Core, section 5.1).
    if name == "email" and claims.get("email_verified") is not True:
        return None
    return value


def _groups(claims: JsonObject, name: str) -> tuple[str, ...]:
    value = claim(claims, name)
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(group for group in listed if isinstance(group, str))
