"""The OpenAPI document, as far as it can be held to the code without a request."""

import io
import json
import re
import runpy
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.api.openapi import document
from tocsin.api.openapi.shapes import REF, SHAPES
from tocsin.events.draft import Terms, finish
from tocsin.events.model import Cause, Event
from tocsin.events.redact import Secrets
from tocsin.ids import new_id
from tocsin.times import parse_duration

WHOLE = Event(
    id="019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a",
    action="login",
    app="shop",
    user={},
    context={},
    client_ip=None,
    brand="default",
    expires=None,
    cause=Cause(rule=None, transport=None, depth=1),
)


def properties(name: str) -> set[str]:
    shape = SHAPES[name]["properties"]
    assert isinstance(shape, dict)
    return set(shape)


def test_every_schema_that_is_referred_to_is_there() -> None:
    whole = document()
    components = whole["components"]
    assert isinstance(components, dict)
    there = components["schemas"]
    assert isinstance(there, dict)

    referred = set(re.findall(rf'"{re.escape(REF)}([^"]+)"', json.dumps(whole)))

    assert referred - there.keys() == set()


@pytest.mark.parametrize("called", ["o'brien@example.com", "DOMAIN\\jürgen", "host/db.example", "ナオミ" * 80])
def test_people_and_groups_of_other_systems_fit_the_document(called: str) -> None:
    """It gave them the names that rules may have: a client that validates refused most people."""
    paths = document()["paths"]
    assert isinstance(paths, dict)
    of_people = [each for each in paths if each.startswith(("/users/{", "/groups/{"))]

    schemas = [
        parameter["schema"]
        for path in of_people
        for operation in paths[path].values()
        for parameter in operation["parameters"]
        if parameter["in"] == "path"
    ]

    assert len(schemas) > 10
    assert all(re.search(each.get("pattern", ""), called) for each in schemas)
    assert all(len(called) <= each["maxLength"] for each in schemas)


def test_a_parameter_that_is_never_taken_is_not_in_the_document() -> None:
    """`since` was among those of /events/stats, which refuses it always."""
    paths = document()["paths"]
    assert isinstance(paths, dict)
    stats: Any = paths["/events/stats"]

    names = {each["name"] for each in stats["get"]["parameters"]}

    assert "until" in names
    assert "since" not in names


def test_an_event_has_the_fields_that_the_document_says() -> None:
    assert properties("Event") == WHOLE.to_json().keys() | {"summary"}


@pytest.mark.parametrize("field", sorted(properties("NewEvent")))
def test_a_producer_may_give_each_field_that_the_document_says(field: str) -> None:
    terms = Terms(
        now=datetime.now(UTC),
        app="shop",
        brand="default",
        retention=parse_duration("days=1"),
        secrets=Secrets(),
        source_ip=None,
    )
    moment = datetime.now(UTC).isoformat()
    given = {
        "id": new_id(),
        "user": {},
        "context": {},
        "client_ip": "203.0.113.7",
        "created": moment,
        "expires": "2999-01-01T00:00:00Z",
        "retention": "days=7",
        "expiring": True,
        "once": {"key": "disk-full", "window": "hours=1"},
    }

    assert finish({"action": "login", field: given.get(field, "login")}, terms).action == "login"


def test_the_module_prints_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", printed := io.StringIO())

    runpy.run_module("tocsin.api.openapi", run_name="__main__")

    assert json.loads(printed.getvalue()) == document()
