"""Where an event's address is, and whose network it belongs to, from MaxMind databases that operators provide.

| field | from a database | members |
|---|---|---|
| `context.geo` | City, Country, Enterprise | `continent`, `country` (codes: EU, DE), `lat`, `long`, `city` (English) |
| `context.asn` | ASN, ISP | `asn` (a number), `as_org`, `network` (203.0.113.0/24) |

All members of a field are there, null where the database does not know one. Where it knows none, there is no field.

Enrichment never refuses an event, nor ends the process: where a database can't be read, the event stays as it is
and the log says so, once a process. The format: https://maxmind.github.io/MaxMind-DB/
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.addresses import parse_address
from tocsin.aws.logging import Code, note
from tocsin.events.model import UNDETERMINED_IP, Event
from tocsin.events.redact import Secrets, cleanse
from tocsin.events.sanitize import Limits, sanitize
from tocsin.records import dataclass
from tocsin.times import utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from maxminddb import Reader

AGEING = timedelta(days=33)
"""The log warns of a database of this age or older. Vendors release one a month, MaxMind several; its licence ends the
use of a database 30 days after the next one was released (https://www.maxmind.com/en/geolite2/eula)."""
STALE = timedelta(days=120)
"""A database of this age or older is not used: networks move, and a wrong country is worse than none."""

LIMITS = Limits(text=256, size=2_048)
"""Of each field. Both fit beside the largest user and context (`events.draft.MAX_STORED`) into an item of 400 KB."""

_REMEMBERED = 2_048
"""Addresses whose fields a process keeps: the same addresses recur, above all within a batch."""

_PLACES = re.compile(r"\b(Enterprise|City|Country)\b")
_NETWORKS = re.compile(r"\b(ASN|ISP)\b")
_DETAIL = ("Country", "City", "Enterprise")
"""Types of databases of places, the most detailed last."""


class Field(StrEnum):
    """The fields of an event's context that come from a database."""

    GEO = "geo"
    ASN = "asn"


@dataclass(frozen=True, slots=True)
class _Database:
    """An open database, and what its own metadata says of it."""

    file: str
    type: str
    field: Field
    built: datetime
    ip_version: int
    reader: Reader

    @property
    def preference(self) -> tuple[int, datetime, str]:
        """A sort key; of several databases for one field the greatest is used: the most detailed, then the newest."""
        place = _PLACES.search(self.type)
        return (_DETAIL.index(place[1]) if place else 0, self.built, self.file)

    @property
    def shown(self) -> str:
        return f"{self.file}: {self.type} of {self.built:%Y-%m-%d}"


class GeoIP:
    """The databases of one directory: opened when the first address is asked for, then kept.

    Without a directory there are none, and events stay as they are. `now` is the clock for the databases' age.
    """

    def __init__(self, directory: str = "", *, now: Callable[[], datetime] = utc_now) -> None:
        self._directory = directory
        self._now = now
        self._failed: set[str] = set()
        self._fields = lru_cache(_REMEMBERED)(self._look_up)

    def enriched(self, event: Event, secrets: Secrets) -> Event:
        """Add what the databases know of the event's address; return the event itself where they know nothing.

        A `context.geo` or `context.asn` that the producer gave is kept, null included. Members whose keys `secrets`
        names are masked; a field that it names is not added, since messages would show nothing but the mask.
        """
        if not self._directory or event.client_ip is None or event.client_ip == UNDETERMINED_IP:
            return event
        wanted = [field for field in Field if field not in event.context and not secrets.is_secret_key(field)]
        found = self._fields(event.client_ip) if wanted else {}
        added = cleanse({field.value: found[field] for field in wanted if field in found}, secrets)
        return replace(event, context=event.context | added) if added and isinstance(added, dict) else event

    def _look_up(self, text: str) -> Mapping[Field, JsonObject]:
        found: dict[Field, JsonObject] = {}
        address = parse_address(text)
        if address is None:
            return found
        for field, database in self._databases.items():
            if address.version > database.ip_version:  # IPv6, in a database of IPv4
                continue
            try:
                record, prefix = database.reader.get_with_prefix_len(address)
                values = _READ[field](record, address, prefix)
            except Exception as error:  # noqa: BLE001 - bytes that are no database raise anything
                self._report_failure(database, error)
                continue
            if values is not None:
                found[field] = values
        return found

    def _report_failure(self, database: _Database, error: Exception) -> None:
        # The error's own text may name the address: its kind says enough.
        if database.file not in self._failed:
            self._failed.add(database.file)
            note(
                Code.GEOIP_FAILED,
                "a GeoIP database has an entry that can't be read; events of such addresses are stored without it",
                level=logging.WARNING,
                database=database.shown,
                error=type(error).__name__,
            )

    @cached_property
    def _databases(self) -> dict[Field, _Database]:
        """The database to use for each field. The log says once which there are, and what is wrong with them."""
        chosen: dict[Field, _Database] = {}
        problems: list[str] = []
        now = self._now()
        for found in _found(Path(self._directory)):
            if isinstance(found, str):
                problems.append(found)
                continue
            age = now - found.built
            if age >= AGEING:
                what = "too old, and no longer asked" if age >= STALE else "asked, but wants an update"
                problems.append(f"{found.shown} is {age.days} days old: {what}")
            if age < STALE and (found.field not in chosen or found.preference > chosen[found.field].preference):
                chosen[found.field] = found
        databases = [database.shown for database in chosen.values()]
        if problems:
            note(
                Code.GEOIP_IMPAIRED,
                "GeoIP databases are missing, broken or old; events are stored all the same",
                level=logging.WARNING,
                directory=self._directory,
                problems=problems,
                databases=databases,
            )
        else:
            note(Code.GEOIP_OPENED, "GeoIP databases are open", databases=databases)
        return chosen


def _found(directory: Path) -> Iterator[_Database | str]:
    """Open the databases of a directory, in the order of their names; yield a text for each fault that is found."""
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".mmdb")
    except OSError as error:
        yield f"the directory can't be read: {error.strerror}"
        return
    paths = [path for path in paths if not path.name.startswith(".")]  # macOS adds ._<name> to what it packs
    if not paths:
        yield "the directory has no *.mmdb file"
    for path in paths:
        yield _opened(path)


def _opened(path: Path) -> _Database | str:
    import maxminddb  # noqa: PLC0415 - only where there are databases

    # The reader in Python, not the C extension: that one is faster (10 microseconds, not 160) and ends the process
    # (SIGSEGV, maxminddb 3.2.0) on an entry in which a map has a key that is no text. Losing the event is worse.
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_MMAP)
        metadata = reader.metadata()
        kind = str(metadata.database_type)
        built = datetime.fromtimestamp(metadata.build_epoch, UTC)
        ip_version = int(metadata.ip_version)
    except Exception as error:  # noqa: BLE001 - bytes that are no database raise anything
        return f"{path.name} can't be read: {type(error).__name__}"
    field = Field.GEO if _PLACES.search(kind) else Field.ASN if _NETWORKS.search(kind) else None
    if field is None:
        reader.close()
        return f"{path.name} is of the type {kind[:60]!r}; of use are City, Country, Enterprise, ASN and ISP"
    return _Database(path.name, kind[:60], field, built, ip_version, reader)


def _geo(record: object, _address: IPv4Address | IPv6Address, _prefix: int) -> JsonObject | None:
    return _field(
        {
            "continent": _text(record, "continent", "code"),
            "country": _text(record, "country", "iso_code"),
            "lat": _number(record, "location", "latitude"),
            "long": _number(record, "location", "longitude"),
            "city": _text(record, "city", "names", "en"),
        }
    )


def _asn(record: object, address: IPv4Address | IPv6Address, prefix: int) -> JsonObject | None:
    known = _field(
        {
            "asn": _number(record, "autonomous_system_number"),
            "as_org": _text(record, "autonomous_system_organization"),
        }
    )
    return known and known | {"network": str(ipaddress.ip_network((address, prefix), strict=False))}


_READ: dict[Field, Callable[[object, IPv4Address | IPv6Address, int], JsonObject | None]] = {
    Field.GEO: _geo,
    Field.ASN: _asn,
}


def _field(members: dict[str, object]) -> JsonObject | None:
    """The members as they can be stored; None where none is known."""
    known = sanitize(members, limits=LIMITS)
    return known if isinstance(known, dict) and any(value is not None for value in known.values()) else None


def _at(record: object, *path: str) -> object:
    for step in path:
        record = record.get(step) if isinstance(record, dict) else None
    return record


def _text(record: object, *path: str) -> str | None:
    value = _at(record, *path)
    return value if isinstance(value, str) and value else None


def _number(record: object, *path: str) -> float | None:
    value = _at(record, *path)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
