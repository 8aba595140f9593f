"""Databases that are missing, broken, old or hostile cost no event more than the fields they would give."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.geoip_databases import (
    BERLIN,
    BERLIN_GEO,
    EXAMPLE_ASN,
    PLACES,
    write_database,
)
from tests.unit.ingest.located import NOW, Notes, context_of
from tocsin.aws.logging import Code
from tocsin.events.draft import MAX_STORED
from tocsin.ingest import geoip
from tocsin.ingest.geoip import AGEING, STALE, GeoIP

# ── what goes wrong ──────────────────────────────────────────────────────────


def write_nothing(_: Path) -> None:
    pass


def write_html(directory: Path) -> None:
    (directory / "city.mmdb").write_text("<html>Invalid license key</html>")


def write_empty(directory: Path) -> None:
    (directory / "city.mmdb").touch()


def write_half(directory: Path) -> None:
    whole = write_database(directory / "city.mmdb", PLACES)
    whole.write_bytes(whole.read_bytes()[:-100])


def write_other(directory: Path) -> None:
    write_database(directory / "city.mmdb", PLACES, "GeoIP2-Anonymous-IP")


def write_directory(directory: Path) -> None:
    (directory / "city.mmdb").mkdir()


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (write_nothing, "the directory has no *.mmdb file"),
        (write_html, "city.mmdb can't be read: InvalidDatabaseError"),
        (write_empty, "city.mmdb can't be read: ValueError"),
        (write_half, "city.mmdb can't be read: "),
        (write_other, "city.mmdb is of the type 'GeoIP2-Anonymous-IP'"),
        (write_directory, "city.mmdb can't be read: IsADirectoryError"),
    ],
)
def test_what_is_no_database_changes_no_event_and_is_said_once(
    tmp_path: Path, notes: Notes, write: Callable[[Path], None], problem: str
) -> None:
    write(tmp_path)
    known = GeoIP(str(tmp_path))

    contexts = [context_of(known, client_ip, n=1) for client_ip in ("203.0.113.7", "203.0.113.8", "203.0.113.7")]

    ((code, facts),) = notes
    assert contexts == [{"n": 1}] * 3
    assert (code, facts["level"]) == (Code.GEOIP_IMPAIRED, logging.WARNING)
    assert facts["problems"][0].startswith(problem)
    assert facts["databases"] == []


def test_of_a_long_type_the_log_shows_sixty_characters(tmp_path: Path, notes: Notes) -> None:
    write_database(tmp_path / "a.mmdb", PLACES, "City" + "x" * 100)
    write_database(tmp_path / "b.mmdb", PLACES, "City " + "x" * 100)

    context_of(tmp_path, "203.0.113.7")

    ((_, facts),) = notes
    assert facts["problems"][0].startswith(f"a.mmdb is of the type '{'City' + 'x' * 56}';")
    assert facts["databases"][0].startswith(f"b.mmdb: {'City ' + 'x' * 55} of 2")


def test_a_missing_directory_changes_no_event_and_is_said_once(tmp_path: Path, notes: Notes) -> None:
    known = GeoIP(str(tmp_path / "missing"))

    contexts = [context_of(known, client_ip) for client_ip in ("203.0.113.7", "203.0.113.8")]

    ((code, facts),) = notes
    assert contexts == [{}, {}]
    assert (code, facts["problems"]) == (
        Code.GEOIP_IMPAIRED,
        ["the directory can't be read: No such file or directory"],
    )


def test_one_broken_database_costs_nothing_of_the_other(databases: Path, notes: Notes) -> None:
    (databases / "GeoLite2-ASN.mmdb").write_bytes(b"broken")

    assert context_of(databases, "203.0.113.7") == {"geo": BERLIN_GEO}
    assert [code for code, _ in notes] == [Code.GEOIP_IMPAIRED]


@pytest.mark.parametrize(
    ("age", "context", "code"),
    [
        (AGEING - timedelta(days=1), {"geo": BERLIN_GEO}, Code.GEOIP_OPENED),
        (AGEING, {"geo": BERLIN_GEO}, Code.GEOIP_IMPAIRED),
        (STALE - timedelta(days=1), {"geo": BERLIN_GEO}, Code.GEOIP_IMPAIRED),
        (STALE, {}, Code.GEOIP_IMPAIRED),
    ],
)
def test_an_old_database_is_warned_of_and_a_stale_one_is_not_asked(
    tmp_path: Path, notes: Notes, age: timedelta, context: dict[str, Any], code: Code
) -> None:
    write_database(tmp_path / "city.mmdb", PLACES, built=NOW - age)

    found = context_of(GeoIP(str(tmp_path), now=lambda: NOW), "203.0.113.7")

    assert (found, [each for each, _ in notes]) == (context, [code])


def test_a_fresh_country_database_stands_in_for_a_stale_city_database(tmp_path: Path, notes: Notes) -> None:
    write_database(tmp_path / "city.mmdb", PLACES, built=NOW - STALE)
    write_database(tmp_path / "country.mmdb", {"203.0.113.0/24": BERLIN}, "GeoLite2-Country", built=NOW)

    found = context_of(GeoIP(str(tmp_path), now=lambda: NOW), "203.0.113.7")

    assert found["geo"]["country"] == "DE"
    assert "too old" in notes[0][1]["problems"][0]


def break_the_city(database: Path) -> None:
    """The name of the city is no text any more."""
    database.write_bytes(database.read_bytes().replace(b"Berlin", b"\xff" * 6))


@pytest.mark.parametrize("name", ["a.mmdb", "z.mmdb"])
def test_a_broken_entry_costs_its_own_events_the_field_and_is_said_once(
    databases: Path, notes: Notes, name: str
) -> None:
    """Whichever database is asked first."""
    database = (databases / "GeoLite2-City.mmdb").rename(databases / name)
    break_the_city(database)
    known = GeoIP(str(databases))

    contexts = [context_of(known, client_ip) for client_ip in ("203.0.113.7", "203.0.113.8")]

    assert contexts == [{"asn": EXAMPLE_ASN}] * 2
    assert [code for code, _ in notes] == [Code.GEOIP_OPENED, Code.GEOIP_FAILED]
    facts = notes[1][1]
    assert facts["database"].startswith(f"{name}: GeoLite2-City of ")
    assert (facts["level"], facts["error"]) == (logging.WARNING, "UnicodeDecodeError")


def test_the_log_of_a_broken_entry_does_not_name_the_address(databases: Path, notes: Notes) -> None:
    break_the_city(databases / "GeoLite2-City.mmdb")

    context_of(databases, "203.0.113.7")

    assert len(notes) == 2
    assert "203.0.113" not in str(notes)


def test_a_key_that_is_a_number_does_not_end_the_process(databases: Path) -> None:
    """It does, by a segmentation fault, where the C extension of maxminddb 3.2.0 reads it."""
    database = databases / "GeoLite2-City.mmdb"
    text_of_4, uint32_of_4 = b"\x44", b"\xc4"  # the byte before a value: its type and size
    database.write_bytes(database.read_bytes().replace(text_of_4 + b"city", uint32_of_4 + b"city"))

    context = context_of(databases, "203.0.113.7")

    assert context["geo"] == BERLIN_GEO | {"city": None}


JSON_LIKE = st.recursive(
    st.booleans() | st.integers(0, 2**63) | st.floats() | st.text(max_size=600),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=8,
)
LIKE_A_RECORD = st.fixed_dictionaries(
    {},
    optional={
        "city": st.dictionaries(st.just("names"), st.dictionaries(st.just("en"), JSON_LIKE)) | JSON_LIKE,
        "continent": st.dictionaries(st.just("code"), JSON_LIKE) | JSON_LIKE,
        "country": st.dictionaries(st.just("iso_code"), JSON_LIKE) | JSON_LIKE,
        "location": st.dictionaries(st.sampled_from(["latitude", "longitude"]), JSON_LIKE) | JSON_LIKE,
        "autonomous_system_number": JSON_LIKE,
        "autonomous_system_organization": JSON_LIKE,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(record=LIKE_A_RECORD | JSON_LIKE)
def test_whatever_a_record_holds_the_fields_have_their_shape_and_are_small(tmp_path: Path, record: Any) -> None:
    write_database(tmp_path / "city.mmdb", {"203.0.113.0/24": record})
    write_database(tmp_path / "asn.mmdb", {"203.0.113.0/24": record}, "GeoLite2-ASN")

    context = context_of(tmp_path, "203.0.113.7")

    assert set(context.get("geo", BERLIN_GEO)) == {*BERLIN_GEO}
    assert set(context.get("asn", EXAMPLE_ASN)) == {*EXAMPLE_ASN}
    values = [value for field in context.values() for value in field.values()]
    assert all(value is None or isinstance(value, str | int | float) for value in values)
    assert len(orjson.dumps(context)) <= len(geoip.Field) * geoip.LIMITS.size


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_change_to_a_databases_bytes_costs_an_event(databases: Path, data: st.DataObject) -> None:
    path = databases / "GeoLite2-City.mmdb"
    whole = path.read_bytes()
    broken = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=8)):
        broken[at] = data.draw(st.integers(0, 255))
    path.write_bytes(broken)

    try:
        contexts = [context_of(databases, client_ip, n=1) for client_ip in ("203.0.113.7", "2001:db8:7::1")]
    finally:
        path.write_bytes(whole)

    assert all(context["n"] == 1 for context in contexts)
    assert contexts[0]["asn"] == EXAMPLE_ASN


def test_the_fields_fit_beside_the_largest_context() -> None:
    other_attributes = 10_000  # keys, indexed attributes, times, names: 4 KB at the very most

    assert MAX_STORED + len(geoip.Field) * geoip.LIMITS.size + other_attributes < 400 * 1024
