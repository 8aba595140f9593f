"""The published configuration in the config table.

    pk                     sk            what
    version                current       which snapshot holds, and the settings, which ingest needs alone
    snapshot#<generation>  000, 001, …   the configuration, compressed, in pieces that fit an item
    version                lock          who applies a blueprint at this moment, and what one that died left
    secret                 <ref>         a transport's secrets, which only the delivering function reads

A version is published by writing its snapshot beside the old one and then changing the version item under
the condition that it is still the one that was read: readers see the old or the new one, never half of each.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import Item, document, document_of, number, number_of, text, text_of, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.config.defaults import DEFAULT
from tocsin.config.model import Configuration, Settings, digest
from tocsin.config.version_item import REFRESH, VERSION_KEY
from tocsin.errors import ConfigurationBroken, Conflict, Unavailable
from tocsin.notifications.transport import NotificationTransport, TransportSecrets
from tocsin.times import parse_duration, utc_now
from tocsin.ttl_cache import TTLCache
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PIECE = 350_000  # bytes; an item holds 400 KB
_OLD_SNAPSHOT_LIVES = timedelta(hours=1)  # longer than any function that still reads it

LOCK_SECONDS = 60
"""Longer than the function that publishes may run."""

_LOCK_KEY = {"pk": text("version"), "sk": text("lock")}
_CURRENT = "current"
_WRITING = "writing the configuration"


@dataclass(frozen=True, slots=True)
class Version:
    """Which configuration holds. Number 0 is a stack that was never configured: the default holds."""

    number: int = 0
    generation: str = ""
    pieces: int = 0
    settings: Settings = field(default_factory=Settings)
    applied_at: str = ""
    applied_by: str = ""


class ConfigurationStore:
    """Reads the configuration through a memory that is checked every few seconds, and publishes new ones."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._table = Table(client, table)
        self._clock = clock
        self._version = Version()
        self._versions: TTLCache[str, Version] = TTLCache(REFRESH, clock=clock)
        self._held: tuple[str, Configuration] | None = None
        self._secrets: dict[str, TransportSecrets] = {}

    def version(self, *, fresh: bool = False) -> Version:
        """The version that holds; less than REFRESH old, or read now where `fresh`."""
        held = None if fresh else self._versions.get(_CURRENT)
        return self._read_version(consistent=fresh) if held is None else held.value

    def _read_version(self, *, consistent: bool) -> Version:
        item = self._table.get("reading the configuration's version", VERSION_KEY, consistent=consistent)
        known = Version() if item is None else _version_of(item)
        if known.generation != self._version.generation:  # else what its settings have made is kept as well
            self._version = known
        return self._versions.put(_CURRENT, self._version)

    def current(self, *, fresh: bool = False) -> tuple[Version, Configuration]:
        """The version that holds, and its configuration."""
        version = self.version(fresh=fresh)
        if self._held is not None and self._held[0] == version.generation:
            return version, self._held[1]
        configuration = self._read(version)
        if configuration is None:  # its snapshot was replaced while we read: the version we knew is an old one
            version = self.version(fresh=True)
            configuration = self._read(version)
        if configuration is None:
            raise ConfigurationBroken(f"the snapshot of version {version.number} is not whole")
        self._held = (version.generation, configuration)
        return version, configuration

    def _read(self, version: Version) -> Configuration | None:
        if version.number == 0:
            return DEFAULT
        snapshot = {":pk": text(_snapshot_pk(version.generation))}
        pieces = list(self._table.query("reading the configuration", "pk = :pk", snapshot, consistent=True))
        if len(pieces) != version.pieces:
            return None
        try:
            return Configuration.from_bytes(gzip.decompress(b"".join(piece["data"]["B"] for piece in pieces)))
        except (OSError, EOFError, zlib.error, KeyError, ValueError) as error:  # pydantic's is a ValueError
            raise ConfigurationBroken(
                f"the snapshot of version {version.number} can't be read: {type(error).__name__}"
            ) from error

    def publish(self, configuration: Configuration, *, replacing: Version, by: str) -> Version:
        """Make `configuration` the one that holds; Conflict where `replacing` no longer is."""
        data = configuration.to_bytes()
        number_ = replacing.number + 1
        generation = f"{number_}-{digest(data)}"
        packed = gzip.compress(data, compresslevel=6, mtime=0)
        pieces = [packed[start : start + _PIECE] for start in range(0, len(packed), _PIECE)]
        now = self._clock()
        for position, piece in enumerate(pieces):
            self._table.put(_WRITING, _piece_key(generation, position) | {"data": {"B": piece}})
        version = Version(
            number_,
            generation,
            len(pieces),
            configuration.settings,
            now.isoformat(timespec="seconds"),
            by,
        )
        self._flip(version, replacing)
        self._let_expire(replacing, now + _OLD_SNAPSHOT_LIVES)
        self._version, self._held = version, (generation, configuration)
        return self._versions.put(_CURRENT, version)

    def _flip(self, version: Version, replacing: Version) -> None:
        try:
            self._table.put(
                _WRITING,
                VERSION_KEY | _version_item(version),
                condition="attribute_not_exists(pk) OR generation = :known",
                values={":known": text(replacing.generation)},
            )
        except ConditionFailed:
            # Nobody will name these pieces. After another error they may be named: DynamoDB may have done as asked.
            self._let_expire(version, self._clock() + _OLD_SNAPSHOT_LIVES)
            raise Conflict("the configuration was changed by somebody else meanwhile; read it again") from None

    def _let_expire(self, version: Version, moment: datetime) -> None:
        for position in range(version.pieces):
            self._table.update(
                _WRITING,
                _piece_key(version.generation, position),
                "SET expires_at = :until",
                values={":until": until(moment)},
            )

    def notifications_kept(self) -> timedelta:
        """How long the settings keep an inbox item and an event's story."""
        return parse_duration(self.version().settings.notification_retention)

    def secrets(self, transport: NotificationTransport) -> TransportSecrets:
        """The secrets of a transport; empty ones where none are stored. What a name holds never changes."""
        if not transport.secrets_ref:
            return TransportSecrets()
        held = self._secrets.get(transport.secrets_ref)
        if held is None:
            key = _secrets_key(transport.secrets_ref)
            item = self._table.get("reading a transport's secrets", key, consistent=True)
            if item is None:
                raise Unavailable(f"the secrets of transport {transport.name} are being replaced", retry_after=1)
            held = self._secrets[transport.secrets_ref] = TransportSecrets.model_validate(document_of(item, "secrets"))
        return held

    def put_secrets(self, ref: str, secrets: TransportSecrets) -> None:
        """Store secrets under a name that is used for these alone; they are never read back by the API."""
        stored = document(secrets.model_dump(mode="json", exclude_defaults=True))
        self._table.put("writing a transport's secrets", _secrets_key(ref) | {"secrets": stored})

    def delete_secrets(self, ref: str) -> None:
        """Forget secrets that no transport names any more."""
        self._table.delete("deleting a transport's secrets", _secrets_key(ref))

    def lock(self, by: str, *, now: datetime) -> Json:
        """Keep others from applying a blueprint for LOCK_SECONDS; Conflict where somebody else does so now.

        What comes back is the note that a run left which did not end; None where there is none.
        """
        try:
            locked = self._table.update(
                "locking the configuration",
                _LOCK_KEY,
                # Not `expires_at`: a note outlives its lock.
                "SET locked_by = :by, locked_until = :until",
                condition="attribute_not_exists(locked_until) OR locked_until <= :now",
                values={
                    ":by": text(by),
                    ":until": until(now + timedelta(seconds=LOCK_SECONDS)),
                    ":now": until(now),
                },
                returning="ALL_NEW",
            )
        except ConditionFailed:
            raise Conflict("another configuration is being applied at this moment; try again soon") from None
        return _note_of(locked)

    def note(self) -> Json:
        """The note of a run that did not end, or has not yet; None where there is none."""
        item = self._table.get("reading the configuration's lock", _LOCK_KEY, consistent=True)
        return None if item is None else _note_of(item)

    def leave_note(self, note: JsonObject) -> None:
        """Leave a note beside the lock for whoever comes next, should this run not end."""
        packed = {"B": gzip.compress(orjson.dumps(note), mtime=0)}
        self._table.update("leaving a note beside the lock", _LOCK_KEY, "SET note = :note", values={":note": packed})

    def unlock(self, *, forget: bool) -> None:
        """Let others apply blueprints again, and `forget` the note or leave it to them."""
        what = "unlocking the configuration"
        if forget:
            self._table.delete(what, _LOCK_KEY)
        else:
            self._table.update(what, _LOCK_KEY, "REMOVE locked_until, locked_by")


def _note_of(item: Item) -> Json:
    packed = item.get("note", {}).get("B")
    note: Json = None if packed is None else orjson.loads(gzip.decompress(packed))
    return note


def _snapshot_pk(generation: str) -> str:
    return f"snapshot#{generation}"


def _piece_key(generation: str, position: int) -> dict[str, Any]:
    return {"pk": text(_snapshot_pk(generation)), "sk": text(f"{position:03d}")}


def _secrets_key(ref: str) -> dict[str, Any]:
    return {"pk": text("secret"), "sk": text(ref)}


def _version_item(version: Version) -> dict[str, Any]:
    return {
        "number": number(version.number),
        "generation": text(version.generation),
        "pieces": number(version.pieces),
        "settings": text(version.settings.model_dump_json(exclude_defaults=True)),
        "applied_at": text(version.applied_at),
        "applied_by": text(version.applied_by),
    }


def _version_of(item: Item) -> Version:
    return Version(
        number=number_of(item, "number"),
        generation=text_of(item, "generation"),
        pieces=number_of(item, "pieces"),
        settings=Settings.model_validate(orjson.loads(text_of(item, "settings", "{}"))),
        applied_at=text_of(item, "applied_at"),
        applied_by=text_of(item, "applied_by"),
    )
