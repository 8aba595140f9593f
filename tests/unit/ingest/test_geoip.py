"""What databases say of an event's address, and what becomes of an event where they can't say it."""

import logging
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from maxminddb.reader import Reader

from tests.geoip_databases import (
    BERLIN,
    BERLIN_GEO,
    EXAMPLE_ASN,
    EXAMPLE_NET,
    PLACES,
    write_database,
)
from tests.unit.ingest.located import NO_SECRETS, NOW, Notes, context_of, event
from tocsin.aws.logging import Code
from tocsin.events.model import UNDETERMINED_IP
from tocsin.events.redact import MASK, Secrets
from tocsin.ingest import geoip
from tocsin.ingest.geoip import LIMITS, GeoIP

# ── what is known ────────────────────────────────────────────────────────────


def test_an_event_is_told_where_its_address_is_and_whose(databases: Path) -> None:
    assert context_of(databases, "203.0.113.7") == {"geo": BERLIN_GEO, "asn": EXAMPLE_ASN}


def test_the_event_is_otherwise_as_it_was(databases: Path) -> None:
    plain = event("203.0.113.7", message="hello", n=1)

    enriched = GeoIP(str(databases)).enriched(plain, NO_SECRETS)

    given = {"message": "hello", "n": 1}
    assert enriched.to_json() == plain.to_json() | {"context": given | {"geo": BERLIN_GEO, "asn": EXAMPLE_ASN}}
    assert plain.context == given


def test_ipv6_is_known_too(databases: Path) -> None:
    context = context_of(databases, "2001:db8:7::1")

    assert context == {"geo": BERLIN_GEO, "asn": EXAMPLE_ASN | {"network": "2001:db8:7::/48"}}


def test_an_ipv4_address_written_as_ipv6_is_the_ipv4_address(databases: Path) -> None:
    assert context_of(databases, "::ffff:203.0.113.7") == {"geo": BERLIN_GEO, "asn": EXAMPLE_ASN}


def test_a_database_of_ipv4_knows_nothing_of_ipv6_and_that_is_no_fault(tmp_path: Path, notes: Notes) -> None:
    write_database(tmp_path / "asn.mmdb", {"203.0.113.0/24": EXAMPLE_NET}, "GeoLite2-ASN", ip_version=4)
    known = GeoIP(str(tmp_path))

    assert context_of(known, "203.0.113.7") == {"asn": EXAMPLE_ASN}
    assert context_of(known, "2001:db8::1") == {}
    assert [code for code, _ in notes] == [Code.GEOIP_OPENED]


def test_a_database_that_has_no_ipv6_keeps_no_other_from_being_asked(tmp_path: Path) -> None:
    write_database(tmp_path / "asn.mmdb", {"203.0.113.0/24": EXAMPLE_NET}, "GeoLite2-ASN", ip_version=4)
    write_database(tmp_path / "city.mmdb", PLACES)

    assert context_of(tmp_path, "2001:db8::1") == {"geo": BERLIN_GEO}


@pytest.mark.parametrize("client_ip", [None, UNDETERMINED_IP])
def test_an_event_without_an_address_is_left_alone(tmp_path: Path, notes: Notes, client_ip: str | None) -> None:
    write_database(tmp_path / "city.mmdb", {"255.255.255.0/24": BERLIN})

    assert context_of(tmp_path, client_ip) == {}
    assert notes == []


@pytest.mark.parametrize("client_ip", ["10.0.0.1", "198.51.100.1", "fe80::1", "fe80::1%eth0", "nowhere", ""])
def test_an_address_that_no_database_knows_adds_nothing(databases: Path, client_ip: str) -> None:
    assert context_of(databases, client_ip, n=1) == {"n": 1}


@pytest.mark.parametrize("given", [{"country": "FR"}, {}, None, "somewhere"])
def test_what_the_producer_gave_stays(databases: Path, given: Any) -> None:
    assert context_of(databases, "203.0.113.7", geo=given) == {"geo": given, "asn": EXAMPLE_ASN}
    assert context_of(databases, "203.0.113.7", asn=given) == {"geo": BERLIN_GEO, "asn": given}


def test_a_country_database_tells_no_more_than_the_country(tmp_path: Path) -> None:
    record = {name: BERLIN[name] for name in ("continent", "country")}
    write_database(tmp_path / "country.mmdb", {"203.0.113.0/24": record}, "GeoIP2-Country")

    geo = {"continent": "EU", "country": "DE", "lat": None, "long": None, "city": None}
    assert context_of(tmp_path, "203.0.113.7") == {"geo": geo}


def test_where_a_network_is_registered_is_not_where_its_addresses_are(tmp_path: Path) -> None:
    record = {"registered_country": BERLIN["registered_country"]}
    write_database(tmp_path / "city.mmdb", {"203.0.113.0/24": record})

    assert context_of(tmp_path, "203.0.113.7") == {}


def test_a_city_without_an_english_name_has_none(tmp_path: Path) -> None:
    write_database(tmp_path / "city.mmdb", {"203.0.113.0/24": BERLIN | {"city": {"names": {"de": "Berlin"}}}})

    assert context_of(tmp_path, "203.0.113.7") == {"geo": BERLIN_GEO | {"city": None}}


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    owner = EXAMPLE_NET | {"autonomous_system_organization": "x" * (LIMITS.text + 1)}
    write_database(tmp_path / "asn.mmdb", {"203.0.113.0/24": owner}, "GeoLite2-ASN")

    stored = context_of(tmp_path, "203.0.113.7")["asn"]["as_org"]

    assert stored.startswith("xxx")
    assert len(stored) <= LIMITS.text


def test_a_network_without_an_owner_has_its_number_alone(tmp_path: Path) -> None:
    write_database(tmp_path / "asn.mmdb", {"203.0.113.0/25": {"autonomous_system_number": 64_500}}, "GeoLite2-ASN")

    context = context_of(tmp_path, "203.0.113.7")

    assert context == {"asn": {"asn": 64_500, "as_org": None, "network": "203.0.113.0/25"}}


def test_keys_that_the_settings_mask_are_masked(databases: Path) -> None:
    secrets = Secrets(extra=frozenset({"lat", "long"}))

    context = GeoIP(str(databases)).enriched(event("203.0.113.7"), secrets).context

    assert context == {"geo": BERLIN_GEO | {"lat": MASK, "long": MASK}, "asn": EXAMPLE_ASN}


def test_a_field_that_the_settings_mask_is_not_added(databases: Path) -> None:
    secrets = Secrets(extra=frozenset({"geo"}))

    context = GeoIP(str(databases)).enriched(event("203.0.113.7"), secrets).context

    assert context == {"asn": EXAMPLE_ASN}


def test_no_built_in_secret_word_masks_a_field(databases: Path) -> None:
    assert MASK not in str(context_of(databases, "203.0.113.7"))


def test_two_events_share_nothing_that_could_change(databases: Path) -> None:
    known = GeoIP(str(databases))
    first = context_of(known, "203.0.113.7")

    first["geo"]["city"] = first["asn"]["as_org"] = "changed"

    assert context_of(known, "203.0.113.7") == {"geo": BERLIN_GEO, "asn": EXAMPLE_ASN}


# ── which database is asked ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("GeoLite2-City", "geo"),
        ("GeoIP2-City-Europe", "geo"),
        ("GeoIP2-Country", "geo"),
        ("GeoIP2-Enterprise", "geo"),
        ("DBIP-City-Lite", "geo"),
        ("DBIP-Location-ISP (compat=Enterprise)", "geo"),
        ("GeoLite2-ASN", "asn"),
        ("GeoIP2-ISP", "asn"),
        ("DBIP-ASN-Lite (compat=GeoLite2-ASN)", "asn"),
    ],
)
def test_a_database_is_known_by_its_own_metadata_not_by_its_name(tmp_path: Path, kind: str, field: str) -> None:
    write_database(tmp_path / "x.mmdb", {"203.0.113.0/24": BERLIN | EXAMPLE_NET}, kind)

    assert context_of(tmp_path, "203.0.113.7").keys() == {field}


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_of_two_the_one_that_knows_more_is_asked(tmp_path: Path, names: tuple[str, str]) -> None:
    city, country = names
    write_database(tmp_path / f"{city}.mmdb", PLACES)
    write_database(
        tmp_path / f"{country}.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "FR"}}}, "GeoLite2-Country"
    )

    assert context_of(tmp_path, "203.0.113.7") == {"geo": BERLIN_GEO}


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_of_two_alike_the_newer_is_asked(tmp_path: Path, names: tuple[str, str]) -> None:
    newer, older = names
    write_database(tmp_path / f"{newer}.mmdb", PLACES, built=NOW)
    write_database(tmp_path / f"{older}.mmdb", {"203.0.113.0/24": {}}, built=NOW - timedelta(days=7))

    assert context_of(GeoIP(str(tmp_path), now=lambda: NOW), "203.0.113.7") == {"geo": BERLIN_GEO}


def test_what_stands_beside_the_databases_is_not_looked_at(databases: Path, notes: Notes) -> None:
    (databases / "LICENSE.txt").write_text("…")
    (databases / "._GeoLite2-City.mmdb").write_bytes(b"attributes of the file, as macOS keeps them")
    (databases / "older").mkdir()

    context_of(databases, "203.0.113.7")

    assert [code for code, _ in notes] == [Code.GEOIP_OPENED]


def test_databases_are_opened_once_and_the_log_says_which(databases: Path, notes: Notes) -> None:
    known = GeoIP(str(databases))

    for client_ip in ("203.0.113.7", "203.0.113.8", "198.51.100.1"):
        context_of(known, client_ip)

    ((code, facts),) = notes
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert (code, facts["level"]) == (Code.GEOIP_OPENED, logging.INFO)
    assert sorted(facts["databases"]) == [
        f"GeoLite2-ASN.mmdb: GeoLite2-ASN of {today}",
        f"GeoLite2-City.mmdb: GeoLite2-City of {today}",
    ]


@pytest.mark.parametrize(
    ("client_ip", "given"), [(None, {}), (UNDETERMINED_IP, {}), ("203.0.113.7", {"geo": None, "asn": None})]
)
def test_nothing_is_opened_before_there_is_an_address_to_ask_for(
    tmp_path: Path, notes: Notes, client_ip: str | None, given: dict[str, None]
) -> None:
    context_of(GeoIP(str(tmp_path / "missing")), client_ip, **given)

    assert notes == []


def test_without_a_directory_nothing_is_opened(databases: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(databases)

    assert context_of(GeoIP(), "203.0.113.7") == {}
    assert notes == []


def test_an_address_that_recurs_is_looked_up_once_and_not_all_are_kept(
    databases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []

    def look_up(reader: Reader, address: IPv4Address) -> tuple[None, int]:
        looked_up.append(str(address))
        return None, 32

    monkeypatch.setattr(Reader, "get_with_prefix_len", look_up)
    monkeypatch.setattr(geoip, "_REMEMBERED", 2)
    known = GeoIP(str(databases))

    for client_ip in ("203.0.113.1", "203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.1"):
        context_of(known, client_ip)

    assert looked_up[::2] == ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.1"]  # each database is asked
