"""What enrichment costs: 500 events, the most of a request, and the first event of a process. Run by `make bench`.

The databases have 5,000 networks with records as full as MaxMind's: names in eight languages, subdivisions, a postal
code. That of MaxMind's has millions of networks; its tree is no deeper, since a network is found by the address's bits.
"""

import ipaddress
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench.test_expressions_speed import NOW as CREATED
from tests.geoip_databases import write_database
from tocsin.events.model import Event
from tocsin.events.redact import Secrets
from tocsin.ids import new_id
from tocsin.ingest.geoip import GeoIP

ROOT = Path(__file__).parents[2]
EVENTS = 500
SECRETS = Secrets()

_FIRST_EVENT = """
import sys, time
import boto3, pydantic, orjson
from tocsin.events.redact import Secrets
from tocsin.events.model import Event
from tocsin.ingest.geoip import GeoIP
event = Event("019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a", "login", "shop", {}, {}, "203.0.113.7", "default", None)
started = time.perf_counter()
import maxminddb
imported = time.perf_counter()
GeoIP(sys.argv[1]).enriched(event, Secrets())
opened = time.perf_counter()
print((imported - started) * 1e3, (opened - imported) * 1e3, file=sys.stderr)  # stdout has the line of the log
"""


def names(name: str) -> dict[str, str]:
    return {language: f"{name} {language}" for language in ("de", "en", "es", "fr", "ja", "pt-BR", "ru", "zh-CN")}


def place(number: int) -> dict[str, Any]:
    return {
        "city": {"geoname_id": number, "names": names(f"City {number}")},
        "continent": {"code": "EU", "geoname_id": 6_255_148, "names": names("Continent")},
        "country": {"geoname_id": 2_921_044, "iso_code": "DE", "names": names("Country")},
        "location": {"accuracy_radius": 20, "latitude": number / 100, "longitude": 0.5, "time_zone": "Europe/Berlin"},
        "postal": {"code": str(number)},
        "registered_country": {"geoname_id": 2_921_044, "iso_code": "DE", "names": names("Country")},
        "subdivisions": [{"geoname_id": 2_950_157, "iso_code": "BE", "names": names("Land")}],
    }


@pytest.fixture(scope="module")
def networks() -> list[str]:
    """5,000 networks of 256 addresses, all over the address space."""
    return [str(ipaddress.ip_network((n * 858_993 * 256 % 2**32, 24))) for n in range(1, 5_001)]


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory, networks: list[str]) -> Path:
    directory = tmp_path_factory.mktemp("geo")
    write_database(directory / "city.mmdb", {network: place(n) for n, network in enumerate(networks)})
    owners = {
        network: {"autonomous_system_number": 64_500 + n, "autonomous_system_organization": f"Example {n} GmbH"}
        for n, network in enumerate(networks)
    }
    write_database(directory / "asn.mmdb", owners, "GeoLite2-ASN")
    return directory


@pytest.fixture(scope="module")
def events(networks: list[str]) -> list[Event]:
    addresses = [str(ipaddress.ip_network(network)[7]) for network in networks[:EVENTS]]
    return [
        Event(new_id(CREATED), "login", "shop", {"username": "alice"}, {"n": 1}, address, "default", None)
        for address in addresses
    ]


def enrich(known: GeoIP, events: list[Event]) -> list[Event]:
    return [known.enriched(event, SECRETS) for event in events]


def test_500_events_from_addresses_that_are_new(
    benchmark: BenchmarkFixture, databases: Path, events: list[Event]
) -> None:
    def opened() -> tuple[tuple[GeoIP, list[Event]], dict[str, Any]]:
        known = GeoIP(str(databases))
        enrich(known, [Event("0", "login", "shop", {}, {}, "198.51.100.1", "default", None)])
        return (known, events), {}

    enriched = benchmark.pedantic(enrich, setup=opened, rounds=20)

    assert {*map(len, (event.context for event in enriched))} == {3}


def test_500_events_from_addresses_that_came_before(
    benchmark: BenchmarkFixture, databases: Path, events: list[Event]
) -> None:
    known = GeoIP(str(databases))

    enriched = benchmark(enrich, known, events)

    assert {*map(len, (event.context for event in enriched))} == {3}


def test_500_events_without_databases(benchmark: BenchmarkFixture, events: list[Event]) -> None:
    enriched = benchmark(enrich, GeoIP(), events)

    assert enriched == events


def test_the_first_event_of_a_process(databases: Path, tables: dict[str, list[tuple[str, ...]]]) -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", _FIRST_EVENT, str(databases)],
            env={"PYTHONPATH": str(ROOT / "layers/core"), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(7)
    ]

    imports, opens = zip(*([float(ms) for ms in run.stderr.split()[-2:]] for run in runs), strict=True)
    tables["GeoIP: the first event of a process, the quickest of seven"] = [
        ("import maxminddb, ms", "open two databases and look up, ms"),
        (f"{min(imports):.1f}", f"{min(opens):.1f}"),
    ]
    assert min(opens) > 0
