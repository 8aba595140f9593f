"""The lock that lets one caller at a time change the configuration, and the note of an interrupted run.
pk       sk    what
version  lock  who applies a blueprint or edits now, until when, by which token, and the note of an interrupted run
"""

from __future__ import annotations

import gzip
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from tocsin.aws.dynamodb import Item, text, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.errors import Conflict
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOCK_SECONDS = 60
"""Longer than the timeout of the function that publishes, so that the lock outlasts its holder."""

_KEY = {"pk": text("version"), "sk": text("lock")}
_TOKEN = {"#token": "token"}
_OURS = "#token = :token"


@dataclass(frozen=True, slots=True)
class Held:
    """The lock as somebody holds it. `note` is that of an interrupted run; None where there is none."""

    token: str
    note: Json


class ConfigurationLock:
    """The lock of one config table. Methods raise Unavailable where DynamoDB does not do as asked."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def take(self, by: str, *, now: datetime) -> Held:
        """Take the lock for LOCK_SECONDS. Raises Conflict where somebody else holds it."""
        token = secrets.token_hex(8)
        try:
            locked = self._table.update(
                "locking the configuration",
                _KEY,
                # Not `expires_at`, the table's time to live: the note must outlive its lock.
                "SET locked_by = :by, locked_until = :until, #token = :token",
                condition="attribute_not_exists(locked_until) OR locked_until <= :now",
                names=_TOKEN,
                values={
                    ":by": text(by),
                    ":token": text(token),
                    ":until": until(now + timedelta(seconds=LOCK_SECONDS)),
                    ":now": until(now),
                },
                returning="ALL_NEW",
                made={"token": text(token)},
            )
        except ConditionFailed:
            raise Conflict("another configuration is being applied at this moment; try again soon") from None
        return Held(token, _note_of(locked))

    def note(self) -> Json:
        """Return the note of a run in progress or interrupted; None where there is none."""
        item = self._table.get("reading the configuration's lock", _KEY, consistent=True)
        return None if item is None else _note_of(item)

    def leave_note(self, note: JsonObject) -> None:
        """Write a note beside the lock, for the next run in case this one is interrupted."""
        packed = {"B": gzip.compress(orjson.dumps(note), mtime=0)}
        self._table.update("leaving a note beside the lock", _KEY, "SET note = :note", values={":note": packed})

    def release(self, held: Held, *, forget: bool) -> None:
        """Release the lock. With `forget` the note is deleted, else it is left for the next run.

        Does nothing where somebody else has it by now: a call that got no answer is made again, some seconds later.
        """
        what, values = "unlocking the configuration", {":token": text(held.token)}
        with suppress(ConditionFailed):
            if forget:
                self._table.delete(what, _KEY, condition=_OURS, names=_TOKEN, values=values)
            else:
                gone = "REMOVE locked_until, locked_by, #token"
                self._table.update(what, _KEY, gone, condition=_OURS, names=_TOKEN, values=values)


def _note_of(item: Item) -> Json:
    packed = item.get("note", {}).get("B")
    note: Json = None if packed is None else orjson.loads(gzip.decompress(packed))
    return note
