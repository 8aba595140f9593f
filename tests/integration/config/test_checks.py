"""PUT with dry_run=true: what an edit would do, or why it would be refused, with nothing saved."""

from typing import Any

import pytest

from tests.integration.api_calls import Answer, Api
from tests.integration.conftest import Stack

POLICY = {"kind": "event_matcher", "action": "login_failed"}
ENTRIES: dict[str, Any] = {
    "policies": POLICY,
    "mappings": {"expression": "{'text': event.action}"},
    "transports": {"mode": "webhook", "url": "https://hooks.example.com/x"},
    "rules": {"severity": "alert", "bindings": [{"policy": "failed"}]},
}


@pytest.fixture
def api(stack: Stack) -> Api:
    made = Api.of(stack)
    assert made("PUT", "/policies/failed", POLICY).status == 201
    return made


def check(api: Api, path: str, entry: Any) -> Answer:
    return api("PUT", path, entry, query={"dry_run": "true"})


@pytest.mark.parametrize("kind", ENTRIES)
def test_what_would_be_made_is_told_and_not_made(api: Api, stack: Stack, kind: str) -> None:
    before = stack.items("config"), stack.items("events")

    answer = check(api, f"/{kind}/new", ENTRIES[kind])

    assert answer.status == 200, answer.text
    assert (answer.body["dry_run"], answer.body["created"], answer.body["changed"]) == (True, True, True)
    assert [change["name"] for change in answer.body["changes"]] == ["new"]
    assert api("GET", f"/{kind}/new").status == 404
    assert (stack.items("config"), stack.items("events")) == before


@pytest.mark.parametrize("kind", ENTRIES)
def test_what_there_is_would_change_nothing(api: Api, kind: str) -> None:
    assert api("PUT", f"/{kind}/known", ENTRIES[kind]).status == 201

    answer = check(api, f"/{kind}/known", api("GET", f"/{kind}/known").body)

    assert answer.body == {"dry_run": True, "created": False, "changed": False, "changes": []}


@pytest.mark.parametrize(
    ("path", "entry", "at"),
    [
        ("/rules/new", {"severity": "loud"}, "severity"),
        ("/rules/new", {"bindings": [{"policy": "absent"}]}, "bindings[0].policy"),
        ("/rules/new", {"transports": ["absent"]}, "transports[0]"),
        ("/policies/new", {"kind": "expression", "expression": "event.action =="}, "expression"),
        ("/policies/new", {"kind": "pattern", "pattern": {"action": [{"prefix": 1}]}}, "pattern"),
        ("/policies/new", {"kind": "event_matcher"}, ""),
        ("/mappings/new", {"expression": "event."}, "expression"),
        ("/transports/new", {"mode": "webhook"}, "url"),
        (
            "/transports/new",
            {"mode": "webhook", "url": "https://x.example.com", "secret": "********************"},
            "secret",
        ),
    ],
)
def test_what_would_be_refused_is_refused_as_it_would_be(api: Api, path: str, entry: Any, at: str) -> None:
    answer = check(api, path, entry)

    assert answer.status == 422
    assert answer.body == api("PUT", path, entry).body
    assert at in {error["path"] for error in answer.body["errors"]}


def test_a_policy_that_breaks_a_rules_test_is_refused(api: Api) -> None:
    rule = ENTRIES["rules"] | {"tests": [{"event": {"action": "login_failed"}, "fires": True}]}
    assert api("PUT", "/rules/tested", rule).status == 201

    answer = check(api, "/policies/failed", POLICY | {"action": "logout"})

    assert answer.status == 422


def test_a_check_takes_the_right_to_save(stack: Stack, api: Api) -> None:
    reader = Api.of(stack, scopes="config:read")

    assert check(reader, "/rules/new", {}).status == 403
    assert api("PUT", "/users/alice", {}, query={"dry_run": "true"}).status == 422
