"""Whether what a connection was authorised by still holds."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from tocsin.identity.api_keys import ADMIN_KEY_ID
from tocsin.identity.principal import EXPIRED, TOKEN_EXPIRED, TOKEN_PREFIX
from tocsin.identity.store import PeopleStore
from tocsin.live.model import Authorisation


class Authority:
    """Looks at keys and people as they are now. Methods raise Unavailable where they can't be read."""

    def __init__(self, people: PeopleStore, admin_key: Callable[[], str]) -> None:
        """`admin_key` returns the admin key's secret, as it is now."""
        self._people = people
        self._admin_key = admin_key

    def marked(self, authorisation: Authorisation) -> Authorisation:
        """`authorisation` with the secret that its key has now, where nobody said which one it was asked for by."""
        return replace(authorisation, secret_hash=self._secret_hash(authorisation.key_id) or "")

    def _secret_hash(self, key_id: str) -> str | None:
        if key_id.startswith(TOKEN_PREFIX):
            return ""
        if key_id == ADMIN_KEY_ID:
            return hashlib.sha256(self._admin_key().encode()).hexdigest()
        key = self._people.key(key_id)
        return None if key is None else key.secret_hash

    def why_ended(self, authorisation: Authorisation, *, now: datetime) -> str | None:
        """Why the authorisation does not hold any more, in a sentence; None while it does.

        A token holds until it expires, with the scopes that it had. A key's own secret, scopes, person and expiry are
        looked at; one that is retired is taken for its overlap.
        """
        is_token = authorisation.key_id.startswith(TOKEN_PREFIX)
        if authorisation.expires is not None and authorisation.expires <= now.timestamp():
            return TOKEN_EXPIRED if is_token else EXPIRED
        if authorisation.user is not None:
            user = self._people.user(authorisation.user)
            if user is None or not user.active:
                return f"the user {authorisation.user!r} is not there, or not active"
        if is_token:
            return None
        if authorisation.key_id == ADMIN_KEY_ID:
            now_is = self._secret_hash(ADMIN_KEY_ID) or ""
            return None if hmac.compare_digest(now_is, authorisation.secret_hash) else "the admin key was changed"
        return self._why_key_ended(authorisation, now)

    def _why_key_ended(self, authorisation: Authorisation, now: datetime) -> str | None:
        key = self._people.key(authorisation.key_id)
        if key is None:
            return "the API key was deleted"
        if key.expires is not None and key.expires <= now:
            return EXPIRED
        if not hmac.compare_digest(key.secret_hash, authorisation.secret_hash):
            is_retired = hmac.compare_digest(key.retired_hash, authorisation.secret_hash)
            if not is_retired or key.retired_until is None or key.retired_until <= now:
                return "the API key was given another secret"
        if not authorisation.scopes <= frozenset(key.scopes) or key.user != authorisation.user:
            return "the API key may not do what it could any more"
        return None
