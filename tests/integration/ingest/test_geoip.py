"""POST /events on moto with databases of places and networks, and what rules and readers then see of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.geoip_databases import BERLIN, BERLIN_GEO, EXAMPLE_ASN, write_database, write_databases
from tests.integration.conftest import Stack
from tests.integration.handler_calls import Client
from tests.integration.matching.matching_world import configure, match, rule, told
from tocsin.events.model import Event
from tocsin.ids import new_id

LOGIN: dict[str, Any] = {"action": "login_failed", "user": {"username": "alice"}, "client_ip": "203.0.113.7"}
KNOWN = {"geo": BERLIN_GEO, "asn": EXAMPLE_ASN}


@pytest.fixture
def databases(tmp_path: Path) -> Path:
    return write_databases(tmp_path / "geo")


@pytest.fixture
def producer(stack: Stack, databases: Path) -> Client:
    stack.monkeypatch.setenv("GEO_DIRECTORY", str(databases))
    return Client(stack, "ingest")


def contexts(stack: Stack) -> list[dict[str, Any]]:
    return [event["context"] for event in stack.events()]


# ── what is stored ───────────────────────────────────────────────────────────


def test_a_stored_event_tells_where_its_address_is_and_whose(stack: Stack, producer: Client) -> None:
    answer = producer.post(LOGIN | {"context": {"n": 1}})

    assert answer.status == 201
    assert contexts(stack) == [{"n": 1} | KNOWN]


def test_each_event_of_a_batch_is_told_of_its_own_address(stack: Stack, producer: Client) -> None:
    addresses = ["203.0.113.7", "198.51.100.1", "2001:db8::1", "::ffff:203.0.113.9", None]
    batch = [LOGIN | {"client_ip": address, "context": {"n": n}} for n, address in enumerate(addresses)]

    producer.post([*batch, {"action": ""}])

    known = {context.pop("n"): context for context in contexts(stack)}
    assert known == {0: KNOWN, 1: {}, 2: {"geo": BERLIN_GEO}, 3: KNOWN, 4: {}}


def test_the_address_of_the_producers_own_request_is_looked_up_too(stack: Stack, producer: Client) -> None:
    producer.post(LOGIN | {"client_ip": "request"}, x_forwarded_for="203.0.113.7")

    assert contexts(stack) == [KNOWN]


def test_without_a_directory_nothing_is_added(stack: Stack) -> None:
    Client(stack, "ingest").post(LOGIN)

    assert contexts(stack) == [{}]


def test_the_settings_masks_hold_for_what_is_added(stack: Stack, producer: Client) -> None:
    configure(stack, settings={"secret_keys": ["lat", "long", "city"]})

    producer.post(LOGIN)

    (context,) = contexts(stack)
    mask = "*" * 20
    assert context == {"geo": BERLIN_GEO | {"lat": mask, "long": mask, "city": mask}, "asn": EXAMPLE_ASN}


def test_an_event_of_the_largest_size_is_stored_with_its_fields(stack: Stack, producer: Client) -> None:
    swollen = {"list": [{"pwd": 0}] * 19_000}  # each mask is longer than what it hides

    answer = producer.post([LOGIN | {"context": swollen, "id": new_id()}])

    (context,) = contexts(stack)
    assert answer.body["accepted"] == 1
    assert {name: context[name] for name in KNOWN} == KNOWN


# ── what can't be looked up ──────────────────────────────────────────────────


def test_a_broken_database_refuses_nothing_and_is_one_line_of_the_log(
    stack: Stack, databases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (databases / "GeoLite2-City.mmdb").write_bytes(b"broken")
    stack.monkeypatch.setenv("GEO_DIRECTORY", str(databases))
    producer = Client(stack, "ingest")

    statuses = [producer.post(LOGIN).status for _ in range(3)]

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (line,) = [line for line in lines if line.get("code", "").startswith("GEOIP")]
    assert statuses == [201, 201, 201]
    assert contexts(stack) == [{"asn": EXAMPLE_ASN}] * 3
    assert (line["level"], line["code"]) == ("WARNING", "GEOIP_IMPAIRED")
    assert line["problems"] == ["GeoLite2-City.mmdb can't be read: InvalidDatabaseError"]


# ── repeats ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "options"),
    [([LOGIN, {"action": "logout"}], {"idempotency_key": "k1"}), (LOGIN | {"id": new_id()}, {})],
    ids=["with an Idempotency-Key", "with an id"],
)
def test_a_repeat_after_the_database_changed_gives_the_same_answer_and_changes_nothing(
    stack: Stack, producer: Client, databases: Path, body: Any, options: dict[str, str]
) -> None:
    first = producer.post(body, **options)
    before = stack.items("events")
    elsewhere = {"203.0.113.0/24": BERLIN | {"country": {"iso_code": "FR"}}}
    write_database(databases / "GeoLite2-City.mmdb", elsewhere)

    again = Client(stack, "ingest").post(body, **options)

    assert (again.status, again.text) == (first.status, first.text)
    assert stack.items("events") == before


# ── who uses the fields ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "policy",
    [
        {"kind": "pattern", "pattern": {"context": {"geo": {"country": [{"anything-but": ["FR"]}]}}}},
        {"kind": "pattern", "pattern": {"context": {"asn": {"asn": [{"numeric": [">=", 64_500]}]}}}},
        {"kind": "expression", "expression": "has(event.context.geo) && event.context.geo.country == 'DE'"},
        {"kind": "event_matcher", "query": "event.context.?geo.country.orValue('') == 'DE'"},
    ],
    ids=lambda policy: policy["kind"],
)
def test_a_rule_fires_on_where_an_event_came_from(stack: Stack, producer: Client, policy: dict[str, Any]) -> None:
    configure(
        stack,
        policies=[{"name": "place", **policy}],
        rules=[rule(name="from-there", bindings=[{"policy": "place"}])],
    )
    producer.post([LOGIN, LOGIN | {"client_ip": "198.51.100.1"}])

    answer = match(stack, *(Event.from_json(event) for event in stack.events()))

    messages = stack.messages("Inbox")
    assert answer == {"batchItemFailures": []}
    assert told(messages) == ["alice"]
    assert messages[0]["event"]["client_ip"] == "203.0.113.7"


@pytest.mark.parametrize("action", ["login_failed", "deploy"])
def test_a_summary_says_nothing_of_the_fields(stack: Stack, producer: Client, action: str) -> None:
    plain = {"action": action, "user": {"username": "alice"}, "client_ip": "203.0.113.7", "context": {"version": "1.4"}}
    producer.post(plain)

    (stored,) = stack.events()

    assert stored["context"].keys() == {"version", "geo", "asn"}
    unenriched = stored | {"context": {"version": "1.4"}}
    assert Event.from_json(stored).summary == Event.from_json(unenriched).summary


@pytest.mark.parametrize(
    "query",
    [
        {"search": "berlin"},
        {"search": "Example Networks"},
        {"filter": "has(event.context.geo) && event.context.geo.country == 'DE'"},
    ],
)
def test_events_are_found_by_the_fields(stack: Stack, producer: Client, query: dict[str, str]) -> None:
    enriched = producer.post(LOGIN).body["id"]
    producer.post(LOGIN | {"client_ip": "198.51.100.1"})

    page = Client(stack, "api").ask("GET", "/events", query=query).body

    assert [event["id"] for event in page["items"]] == [enriched]
    assert page["items"][0]["context"] == KNOWN
