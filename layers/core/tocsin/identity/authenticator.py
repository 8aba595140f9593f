"""Authenticate a bearer token: whose API key or access token it is. Each route checks whether that is enough."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.aws.logging import Code, note
from tocsin.aws.secrets import secret_text
from tocsin.errors import Unavailable
from tocsin.identity.api_keys import ADMIN_KEY_ID, ApiKey, hash_secret, split_bearer
from tocsin.identity.principal import EXPIRED, Scope
from tocsin.identity.store import PeopleStore
from tocsin.identity.throttle import FailedSignIns
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ADMIN_KEY_HELD = timedelta(seconds=60)
"""How long the admin key is cached, and so how long the old one still works after a rotation."""

_MAX_KEY = 512
_MAX_TOKEN = 8_192  # API Gateway accepts 10,240 bytes of request line and headers
# A signed token in its compact form (RFC 7515), whose header is a JSON object: `{"` is `eyJ` in base64url.
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")

type IdentifyToken = Callable[[str, datetime], JsonObject]
"""(token, now) -> the authorizer's context for an access token. Raises Refused or Unavailable."""


class Refused(Exception):
    """The key is unknown or the token is not valid. The message may be shown to the caller.

    `retry_after` is how many seconds the caller should wait after too many failures; None without a need to. `key` is
    the API key, where it is known and only holds no more: for the log, which leads to whoever uses it.
    """

    retry_after: int | None = None

    def __init__(self, message: str, key: ApiKey | None = None) -> None:
        super().__init__(message)
        self.key = key


class Authenticator:
    """Finds out who a bearer token belongs to. Methods raise Unavailable where the keys can't be read."""

    def __init__(
        self,
        people: PeopleStore,
        secrets: SecretsManagerClient,
        admin_secret: str,
        attempts: FailedSignIns,
        identify_token: IdentifyToken | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`identify_token` checks access tokens. Without it they are refused like unknown keys."""
        self._identify_token = identify_token
        self._people = people
        self._attempts = attempts
        self._noted: TTLCache[str, str] = TTLCache(timedelta(hours=1), clock=clock)
        self._secrets = secrets
        self._admin_secret = admin_secret
        self._admin_keys: TTLCache[str, str] = TTLCache(ADMIN_KEY_HELD, clock=clock)
        self._clock = clock

    def identify(self, authorization: str | None, source_ip: str) -> JsonObject:
        """Return the authorizer's context for the header's value: {key_id, key_name, scopes, user, expires}.

        For an API key it has `secret_hash` as well, for an access token `person`. Raises Refused where the header is
        missing or not valid.
        """
        try:
            return self._identified(authorization, self._clock())
        except Refused as refused:
            if authorization:  # a request without a token is not counted as a guess
                refused.retry_after = self._attempts.failed(source_ip)
            raise

    def _identified(self, authorization: str | None, now: datetime) -> JsonObject:
        if not authorization:
            raise Refused(f"send {self._taken} in the header `Authorization: Bearer …`")
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        identify_token = self._identify_token if _TOKEN.fullmatch(token) else None
        most = _MAX_KEY if identify_token is None else _MAX_TOKEN
        if scheme.lower() != "bearer" or not token or len(token) > most or not token.isascii():
            raise Refused(f"the Authorization header must be `Bearer` and {self._taken}")
        if identify_token is not None:
            return identify_token(token, now)
        parts = split_bearer(token)
        if parts is None:
            return self._admin(token)
        key_id, secret = parts
        key = self._people.key(key_id)
        is_known, ends = (False, None) if key is None else key.ends_for(secret)
        if key is None or not is_known:
            raise Refused("this API key is not known")
        if ends is not None and ends <= now:
            raise Refused(EXPIRED, key)
        if key.user is not None:
            user = self._people.user(key.user)
            if user is None or not user.active:
                why = "the user of this API key is not active" if user else "the user of this API key is gone"
                raise Refused(why, key)
        self._note_use(key.id, now)
        return {
            "key_id": key.id,
            "key_name": key.name,
            "scopes": " ".join(key.scopes),
            "user": key.user or "",
            "events_per_minute": str(key.events_per_minute or ""),
            # Functions check it as well, since API Gateway may cache this answer for longer than the key is valid.
            "expires": "" if ends is None else str(int(ends.timestamp())),
            # What outlasts the request ends with the secret that it was asked for by, whichever is in force by then.
            "secret_hash": hash_secret(secret),
        }

    @property
    def _taken(self) -> str:
        return "an API key" if self._identify_token is None else "an API key or an access token"

    def _note_use(self, key_id: str, now: datetime) -> None:
        """Store the hour of use, at most once an hour. A failure is only logged and does not fail the request."""
        hour = now.strftime("%Y-%m-%dT%H:00Z")
        noted = self._noted.get(key_id)
        if noted is not None and noted.value == hour:
            return
        self._noted.put(key_id, hour)
        try:
            self._people.note_use(key_id, hour)
        except Unavailable as error:
            note(Code.KEY_USE_UNRECORDED, error.detail, level=logging.WARNING, key_id=key_id)

    def _admin(self, token: str) -> JsonObject:
        admin_key = self._admin_keys.get_or_read(
            self._admin_secret, lambda: secret_text(self._secrets, self._admin_secret, what="reading the admin key")
        )
        if not hmac.compare_digest(token.encode(), admin_key.encode()):
            raise Refused("this API key is not known")
        return {
            "key_id": ADMIN_KEY_ID,
            "key_name": ADMIN_KEY_ID,
            "scopes": " ".join(Scope),
            "user": "",
            "secret_hash": hash_secret(token),
        }
