"""The published configuration in the config table.

    pk                     sk            what
    version                current       which snapshot is in force, and the settings, which are all that ingest needs
    snapshot#<generation>  000, 001, …   the configuration, compressed, in pieces that fit an item

A version is published by writing its snapshot beside the old one, then changing the version item on condition that it
is unchanged since it was read. So readers see the old or the new version, never parts of both.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from tocsin.aws.dynamodb import Item, Put, number, number_of, text, text_of, until
from tocsin.aws.errors import ConditionsFailed
from tocsin.aws.table import Table
from tocsin.config.settings import Settings
from tocsin.config.version_item import REFRESH, VERSION_KEY
from tocsin.errors import ConfigurationBroken, Conflict
from tocsin.models import as_json
from tocsin.notifications.model import InboxBounds
from tocsin.records import dataclass, field
from tocsin.times import CENTURY, parse_duration, utc_now
from tocsin.ttl_cache import TTLCache

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tocsin.config.belongings import Belongings
    from tocsin.config.blueprint.run_events import RunEvents
    from tocsin.config.changes import ChangeEvents
    from tocsin.config.lock import ConfigurationLock
    from tocsin.config.model import Configuration
    from tocsin.config.secret_store import SecretStore
    from tocsin.identity.store import PeopleStore

_PIECE = 350_000  # bytes; an item holds 400 KB
_OLD_SNAPSHOT_LIVES = timedelta(hours=1)  # longer than any function that still reads it


_CURRENT = "current"
_WRITING = "writing the configuration"


@dataclass(frozen=True, slots=True)
class Version:
    """Which configuration is in force. Number 0: the stack was never configured, so the default is in force."""

    number: int = 0
    generation: str = ""
    pieces: int = 0
    settings: Settings = field(default_factory=Settings)
    applied_at: str = ""
    applied_by: str = ""
    run: str = ""
    """The run of a blueprint that was the last to publish; what is published by edits keeps it."""


class ConfigurationStore:
    """Reads the configuration, with a cache that is checked every few seconds, and publishes new versions."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._table = Table(client, table)
        self._clock = clock
        self._version = Version()
        self._versions: TTLCache[str, Version] = TTLCache(REFRESH, clock=clock)
        self._held: tuple[str, Configuration] | None = None

    def version(self, *, fresh: bool = False) -> Version:
        """Return the version in force, read at most REFRESH ago, or now where `fresh`."""
        held = None if fresh else self._versions.get(_CURRENT)
        return self._read_version(consistent=fresh) if held is None else held.value

    def _read_version(self, *, consistent: bool) -> Version:
        item = self._table.get("reading the configuration's version", VERSION_KEY, consistent=consistent)
        known = Version() if item is None else _version_of(item)
        if known.generation != self._version.generation:  # else keep the object, and what its settings have cached
            self._version = known
        return self._versions.put(_CURRENT, self._version)

    def current(self, *, fresh: bool = False) -> tuple[Version, Configuration]:
        """Return the version in force and its configuration."""
        version = self.version(fresh=fresh)
        if self._held is not None and self._held[0] == version.generation:
            return version, self._held[1]
        configuration = self._read(version)
        if configuration is None:  # the snapshot is gone, so the version that we knew is outdated
            version = self.version(fresh=True)
            configuration = self._read(version)
        if configuration is None:
            raise ConfigurationBroken(f"the snapshot of version {version.number} is not whole")
        self._held = (version.generation, configuration)
        return version, configuration

    def having[T](self, find: Callable[[Configuration], T | None]) -> tuple[Configuration, T | None]:
        """Return the configuration in force, and what `find` finds in it; None where it finds nothing.

        What is remembered may be REFRESH old, so where nothing is found it is read anew: what another process made or
        enabled a moment ago is known to whoever is told to act on it.
        """
        _, configuration = self.current()
        found = find(configuration)
        if found is None:
            _, configuration = self.current(fresh=True)
            found = find(configuration)
        return configuration, found

    def _read(self, version: Version) -> Configuration | None:
        # Imported here, so that functions that read only the settings (ingest) save 100 ms of their cold start.
        if version.number == 0:
            from tocsin.config.defaults import DEFAULT  # noqa: PLC0415

            return DEFAULT
        from tocsin.config.model import Configuration  # noqa: PLC0415

        snapshot = {":pk": text(_snapshot_pk(version.generation))}
        pieces = list(self._table.query("reading the configuration", "pk = :pk", snapshot, consistent=True))
        if len(pieces) != version.pieces:
            return None
        try:
            return Configuration.from_bytes(gzip.decompress(b"".join(piece["data"]["B"] for piece in pieces)))
        except (OSError, EOFError, zlib.error, KeyError, ValueError) as error:
            raise ConfigurationBroken(
                f"the snapshot of version {version.number} can't be read: {type(error).__name__}"
            ) from error

    def publish(
        self, configuration: Configuration, *, replacing: Version, by: str, run: str = "", beside: Sequence[Put] = ()
    ) -> Version:
        """Put `configuration` in force. Raises Conflict when `replacing` is no longer the version in force.

        The writes `beside` are done in one transaction with it. `run` is that of the blueprint which is applied.
        """
        data = configuration.to_bytes()
        number_ = replacing.number + 1
        generation = f"{number_}-{hashlib.sha256(data).hexdigest()[:16]}"
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
            run or replacing.run,
        )
        self._flip(version, replacing, beside)
        self._let_expire(replacing, now + _OLD_SNAPSHOT_LIVES)
        self._version, self._held = version, (generation, configuration)
        return self._versions.put(_CURRENT, version)

    def _flip(self, version: Version, replacing: Version, beside: Sequence[Put]) -> None:
        flip = Put(
            VERSION_KEY | _version_item(version),
            "attribute_not_exists(pk) OR generation = :known",
            {":known": text(replacing.generation)},
        )
        try:
            # Also alone: what meets another one's transaction is tried again then.
            self._table.write_together(_WRITING, [flip, *beside])
        except ConditionsFailed as refused:
            # No version names these pieces, unless somebody else published the same configuration. After any other
            # error one may, since DynamoDB may have written it anyway.
            if text_of(refused.found[0] or {}, "generation") != version.generation:
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

    def inbox_bounds(self) -> InboxBounds:
        """Return the settings' limits of an inbox."""
        settings = self.version().settings
        seen = settings.seen_notification_retention
        return InboxBounds(settings.inbox_limit, None if seen is None else min(parse_duration(seen), CENTURY))

    def notifications_kept(self) -> timedelta:
        """Return how long inbox items and stories of events are kept."""
        return parse_duration(self.version().settings.notification_retention)


def _snapshot_pk(generation: str) -> str:
    return f"snapshot#{generation}"


def _piece_key(generation: str, position: int) -> dict[str, Any]:
    return {"pk": text(_snapshot_pk(generation)), "sk": text(f"{position:03d}")}


def _version_item(version: Version) -> dict[str, Any]:
    return {
        "number": number(version.number),
        "generation": text(version.generation),
        "pieces": number(version.pieces),
        "settings": text(orjson.dumps(as_json(version.settings, exclude_defaults=True)).decode()),
        "applied_at": text(version.applied_at),
        "applied_by": text(version.applied_by),
    } | ({"run": text(version.run)} if version.run else {})


def _version_of(item: Item) -> Version:
    return Version(
        number=number_of(item, "number"),
        generation=text_of(item, "generation"),
        pieces=number_of(item, "pieces"),
        settings=Settings.stored(orjson.loads(text_of(item, "settings", "{}"))),
        applied_at=text_of(item, "applied_at"),
        applied_by=text_of(item, "applied_by"),
        run=text_of(item, "run"),
    )


@dataclass(frozen=True, slots=True)
class Stores:
    """What edits and blueprints work on: the configuration's store, those of what belongs to it, and the lock."""

    configuration: ConfigurationStore
    secrets: SecretStore
    lock: ConfigurationLock
    people: PeopleStore
    belongings: Belongings
    changes: ChangeEvents

    def run_events(self) -> RunEvents:
        """Return what stores the events of a blueprint."""
        from tocsin.config.blueprint.run_events import RunEvents  # noqa: PLC0415 - few requests apply a blueprint

        return RunEvents(self.configuration, self.people, self.lock, self.changes)
