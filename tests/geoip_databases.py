"""MaxMind databases with known places in them, for tests: written where a test says, as MaxMind's own are."""

from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from mmdb_writer import MMDBWriter
from netaddr import IPSet

BERLIN: dict[str, Any] = {
    "city": {"geoname_id": 2950159, "names": {"de": "Berlin an der Spree", "en": "Berlin"}},
    "continent": {"code": "EU", "geoname_id": 6255148, "names": {"de": "Europa", "en": "Europe"}},
    "country": {"geoname_id": 2921044, "iso_code": "DE", "names": {"de": "Deutschland", "en": "Germany"}},
    "location": {"accuracy_radius": 20, "latitude": 52.5196, "longitude": 13.4069, "time_zone": "Europe/Berlin"},
    "registered_country": {"geoname_id": 6252001, "iso_code": "US", "names": {"en": "United States"}},
}
BERLIN_GEO = {"continent": "EU", "country": "DE", "lat": 52.5196, "long": 13.4069, "city": "Berlin"}

EXAMPLE_NET: dict[str, Any] = {
    "autonomous_system_number": 64_500,
    "autonomous_system_organization": "Example Networks GmbH",
}
EXAMPLE_ASN = {"asn": 64_500, "as_org": "Example Networks GmbH", "network": "203.0.113.0/24"}

PLACES = {"203.0.113.0/24": BERLIN, "2001:db8::/32": BERLIN}
NETWORKS = {"203.0.113.0/24": EXAMPLE_NET, "2001:db8:7::/48": EXAMPLE_NET}


def write_database(
    path: Path,
    entries: dict[str, Any],
    kind: str = "GeoLite2-City",
    *,
    built: datetime | None = None,
    ip_version: int = 6,
) -> Path:
    """A database of type `kind` with a record for each network, built now if no other time is given.

    It takes the place of one that is there, which whoever has that one mapped into memory does not notice.
    """
    writer = MMDBWriter(
        ip_version=ip_version,  # type: ignore[arg-type]
        database_type=kind,
        languages=["de", "en"],
        description="made up for a test",
        ipv4_compatible=ip_version == 6,
    )
    for network, record in entries.items():
        writer.insert_network(IPSet([network]), record)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if built is None:
        writer.to_db_file(str(path))
    else:
        with patch("mmdb_writer.time.time", built.timestamp):
            writer.to_db_file(str(path))
    return path


def write_databases(directory: Path) -> Path:
    """A directory with a City and an ASN database: Berlin, and Example Networks."""
    write_database(directory / "GeoLite2-City.mmdb", PLACES)
    write_database(directory / "GeoLite2-ASN.mmdb", NETWORKS, "GeoLite2-ASN")
    return directory
