"""The lock that lets one caller at a time change the configuration, and the note of an interrupted run.

pk           sk         what
version      lock       who applies a blueprint or edits now, until when, by which token; the note of an interrupted run
note#<hash>  000, 001…  a note that is too long for the lock's item, compressed, in pieces that fit an item
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import Item, number, number_of, text, text_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.logging import Code
from tocsin.aws.logging import note as log
from tocsin.aws.table import Table
from tocsin.errors import Conflict
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOCK_SECONDS = 60
"""Longer than the timeout of the function that publishes, so that the lock outlasts its holder."""

_PIECE = 300_000  # bytes; an item holds 400 KB
_PIECES_LIVE = timedelta(days=30)
"""Far longer than it takes until they are read: only those that nobody deleted are left by then."""

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
        return Held(token, self._note_of(locked, alone=True))

    def note(self, *, alone: bool = False) -> Json:
        """Return the note of a run in progress or interrupted; None where there is none. `alone` says who has the lock.

        A note that lacks pieces is none. To who has the lock that is a line of the log; others may meet one that is
        being deleted.
        """
        item = self._table.get("reading the configuration's lock", _KEY, consistent=True)
        return None if item is None else self._note_of(item, alone=alone)

    def left(self, *, now: datetime) -> Json:
        """Return the note of an interrupted run; None where there is none, or somebody has the lock."""
        item = self._table.get("reading the configuration's lock", _KEY)
        return None if item is None or number_of(item, "locked_until") > now.timestamp() else self._note_of(item)

    def leave_note(self, note: JsonObject | None) -> None:
        """Write a note beside the lock, for the next run in case this one is interrupted, in place of that before.

        With None there is none any more.
        """
        what = "leaving a note beside the lock"
        if note is None:
            was = self._table.update(what, _KEY, "REMOVE note, pieces, note_at", returning="ALL_OLD")
        elif len(packed := gzip.compress(orjson.dumps(note), mtime=0)) <= _PIECE:
            values: Item = {":note": {"B": packed}}
            was = self._table.update(
                what, _KEY, "SET note = :note REMOVE pieces, note_at", values=values, returning="ALL_OLD"
            )
        else:
            at = f"note#{hashlib.sha256(packed).hexdigest()[:16]}"
            pieces = [packed[start : start + _PIECE] for start in range(0, len(packed), _PIECE)]
            ends = {"expires_at": until(utc_now() + _PIECES_LIVE)}
            for position, piece in enumerate(pieces):
                self._table.put(what, _piece_key(at, position) | ends | {"data": {"B": piece}})
            set_ = "SET pieces = :pieces, note_at = :at REMOVE note"
            values = {":pieces": number(len(pieces)), ":at": text(at)}
            was = self._table.update(what, _KEY, set_, values=values, returning="ALL_OLD")
            if text_of(was, "note_at") == at:  # a repeat, of a call that got no answer
                return
        self._delete_pieces(was)

    def release(self, held: Held, *, forget: bool) -> None:
        """Release the lock. With `forget` the note is deleted, else it is left for the next run.

        Does nothing where somebody else has it by now: a call that got no answer is made again, some seconds later.
        """
        what, values = "unlocking the configuration", {":token": text(held.token)}
        with suppress(ConditionFailed):
            if forget:
                was = self._table.delete(what, _KEY, condition=_OURS, names=_TOKEN, values=values, returning="ALL_OLD")
                self._delete_pieces(was)
            else:
                gone = "REMOVE locked_until, locked_by, #token"
                self._table.update(what, _KEY, gone, condition=_OURS, names=_TOKEN, values=values)

    def _note_of(self, item: Item, *, alone: bool = False) -> Json:
        pieces = number_of(item, "pieces")
        if pieces:
            at = {":pk": text(text_of(item, "note_at"))}
            found = list(self._table.query("reading the configuration's lock", "pk = :pk", at, consistent=True))
            if len(found) != pieces:
                if alone:
                    log(
                        Code.RUN_NOTE_INCOMPLETE,
                        "the note of a run that was broken off lacks pieces: it is not known what is left of that run",
                        level=logging.WARNING,
                        note_at=text_of(item, "note_at"),
                        pieces=pieces,
                        found=len(found),
                    )
                return None
            packed = b"".join(piece["data"]["B"] for piece in found)
        else:
            packed = item.get("note", {}).get("B")
        note: Json = None if packed is None else orjson.loads(gzip.decompress(packed))
        return note

    def _delete_pieces(self, was: Item) -> None:
        """Delete the pieces of a note that the lock's item named before."""
        keys = [_piece_key(text_of(was, "note_at"), position) for position in range(number_of(was, "pieces"))]
        if keys:
            self._table.delete_many("unlocking the configuration", keys)


def _piece_key(at: str, position: int) -> dict[str, Any]:
    return {"pk": text(at), "sk": text(f"{position:03d}")}
