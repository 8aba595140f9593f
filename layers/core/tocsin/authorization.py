"""Whose API key is this? The answer is facts about the key; what it may do on a route is checked there."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

from tocsin.jsontypes import JsonObject
from tocsin.keys import ADMIN_KEY_ID, is_secret_of, split_bearer
from tocsin.store.failures import as_unavailable
from tocsin.store.people import PeopleStore
from tocsin.web import Scope

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ADMIN_KEY_SECONDS = 60.0
"""How long the admin key is held in memory, so how long a rotated one lives on."""

_MAX_TOKEN = 512


class Refused(Exception):
    """There is no such key; the message may be shown."""


class Keyring:
    """Tells who a bearer token belongs to. Raises Unavailable where the keys can't be read."""

    def __init__(self, people: PeopleStore, secrets: SecretsManagerClient, admin_secret: str) -> None:
        self._people = people
        self._secrets = secrets
        self._admin_secret = admin_secret
        self._admin_key = ""
        self._admin_read = float("-inf")

    def identify(self, authorization: str | None) -> JsonObject:
        """The authorizer's context for the header's value: key_id, key_name, scopes, user. Refused without a key."""
        if not authorization:
            raise Refused("send an API key in the header `Authorization: Bearer …`")
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN:
            raise Refused("the Authorization header must be `Bearer` and an API key")
        parts = split_bearer(token)
        if parts is None:
            return self._admin(token)
        key_id, secret = parts
        key = self._people.key(key_id)
        if key is None or not is_secret_of(key, secret):
            raise Refused("this API key is not known")
        return {
            "key_id": key.id,
            "key_name": key.name,
            "scopes": " ".join(key.scopes),
            "user": key.user or "",
            "events_per_minute": str(key.events_per_minute or ""),
        }

    def _admin(self, token: str) -> JsonObject:
        if time.monotonic() - self._admin_read > ADMIN_KEY_SECONDS:
            with as_unavailable("reading the admin key"):
                self._admin_key = self._secrets.get_secret_value(SecretId=self._admin_secret)["SecretString"]
            self._admin_read = time.monotonic()
        if not hmac.compare_digest(token.encode(), self._admin_key.encode()):
            raise Refused("this API key is not known")
        return {"key_id": ADMIN_KEY_ID, "key_name": ADMIN_KEY_ID, "scopes": " ".join(Scope), "user": ""}
