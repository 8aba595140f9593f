"""Which scopes a token's groups give: one field of the settings that hold, read alone.

`tocsin.config.store` reads them too, with all that rules are made of; the authorizer's cold start would
take a third longer for it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from tocsin.aws.dynamodb import text, text_of
from tocsin.aws.errors import as_unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REFRESH_SECONDS = 4.0
"""How old what is known may be: a change is in force within five seconds, as the rest of the configuration is."""

_VERSION_KEY = {"pk": text("version"), "sk": text("current")}


class GroupScopesStore:
    """Reads them through a memory of a few seconds."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._held: Mapping[str, tuple[str, ...]] = {}
        self._read = float("-inf")

    def current(self) -> Mapping[str, tuple[str, ...]]:
        """{group: its scopes}; empty before anybody configured any. Unavailable where the table can't be read."""
        if time.monotonic() - self._read > REFRESH_SECONDS:
            with as_unavailable("reading the scopes of groups"):
                item = self._client.get_item(
                    TableName=self._table, Key=_VERSION_KEY, ProjectionExpression="settings"
                ).get("Item")
            settings = orjson.loads(text_of(item or {}, "settings", "{}"))
            listed = settings.get("group_scopes", ())
            self._held = {entry["group"]: tuple(entry["scopes"]) for entry in listed}
            self._read = time.monotonic()
        return self._held
