"""The scopes that an access token's groups give: one field of the settings, read by itself.

`tocsin.config.store` reads it too, but imports the models of rules, which would make the authorizer's cold start a
third longer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import orjson

from tocsin.aws.dynamodb import text_of
from tocsin.aws.table import Table
from tocsin.config.version_item import REFRESH, VERSION_KEY
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_FIELD = "group_scopes"


class GroupScopesStore:
    """Reads the scopes, and caches them for a few seconds."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._table = Table(client, table)
        self._held: TTLCache[str, Mapping[str, tuple[str, ...]]] = TTLCache(REFRESH, clock=clock)

    def current(self) -> Mapping[str, tuple[str, ...]]:
        """{group: its scopes}; empty before anybody configured any. Unavailable where the table can't be read."""
        return self._held.get_or_read(_FIELD, self._read)

    def _read(self) -> Mapping[str, tuple[str, ...]]:
        item = self._table.get("reading the scopes of groups", VERSION_KEY, projection="settings")
        settings = orjson.loads(text_of(item or {}, "settings", "{}"))
        return {entry["group"]: tuple(entry["scopes"]) for entry in settings.get(_FIELD, ())}
