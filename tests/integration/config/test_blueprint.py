"""GET and PUT /blueprint on moto: the whole configuration, validated as a whole, applied as a whole."""

import json
from typing import Any

import pytest
import yaml

from tests.integration.config.blueprints import CHAT, HOOK, YAML, get, nothing_written, put
from tests.integration.conftest import Stack
from tests.integration.handler_calls import WRITES, Client, failing
from tests.unit.config.test_blueprint_model import WHOLE
from tocsin.events.redact import MASK
from tocsin.http.yaml_body import MAX_DOCUMENT
from tocsin.identity.store import PeopleStore

# ── before anything was applied ──────────────────────────────────────────────


def test_a_new_stack_tells_its_admins_when_something_of_its_own_is_wrong(client: Client) -> None:
    shown = get(client)

    actions = {policy["name"]: policy["action"] for policy in shown["policies"]}
    rules = {rule["name"]: {actions[binding["policy"]] for binding in rule["bindings"]} for rule in shown["rules"]}
    assert rules == {
        "notify-configuration-error": {"configuration_error"},
        "notify-configuration-warning": {"configuration_warning"},
        "notify-exception": {
            "policy_exception",
            "property_mapping_exception",
            "system_exception",
            "system_task_exception",
        },
        "notify-update": {"update_available"},
    }
    assert {rule["destination_group"] for rule in shown["rules"]} == {"admins"}
    assert [rule["name"] for rule in shown["rules"] if rule["severity"] != "alert"] == ["notify-configuration-warning"]
    assert next(rule["severity"] for rule in shown["rules"] if rule["name"].endswith("warning")) == "warning"
    assert {(transport["name"], transport["mode"]) for transport in shown["transports"]} == {
        ("email", "email"),
        ("inbox", "local"),
    }


# ── round trips ──────────────────────────────────────────────────────────────


def test_what_is_applied_is_what_is_shown(client: Client) -> None:
    answer = put(client, WHOLE)

    shown = get(client)
    assert (answer.status, answer.body["version"], answer.body["changed"]) == (200, 1, True)
    for kind, entries in WHOLE.items():
        if kind in {"settings", "transports"}:
            continue
        named = {entry.get("name", entry.get("username")): entry for entry in shown[kind]}
        assert isinstance(entries, list)
        for entry in entries:
            assert isinstance(entry, dict)
            assert named[entry.get("name", entry.get("username"))].items() >= entry.items()
    assert shown["settings"]["event_retention"] == "days=90"


def test_yaml_is_taken_and_shown(client: Client) -> None:
    answer = put(client, yaml.safe_dump(WHOLE), content_type=YAML)

    shown = client.ask("GET", "/blueprint", accept=YAML)
    assert answer.status == 200
    assert shown.headers["content-type"].startswith(YAML)
    assert yaml.safe_load(shown.text) == get(client)


def test_what_is_shown_changes_nothing_when_it_is_applied(
    stack: Stack, client: Client, subtests: pytest.Subtests
) -> None:
    put(client, WHOLE | {"transports": [{"name": "inbox", "mode": "local"}, HOOK, CHAT]})

    for content_type in ("application/json", YAML):
        with subtests.test(content_type), nothing_written(stack):
            answer = put(client, client.ask("GET", "/blueprint", accept=content_type).text, content_type=content_type)

            assert (answer.status, answer.body["changed"], answer.body["changes"]) == (200, False, [])
            assert answer.body["version"] == 1


def test_the_default_shown_and_applied_changes_nothing(stack: Stack, client: Client) -> None:
    shown = get(client)

    with nothing_written(stack):
        answer = put(client, shown)

    assert (answer.body["changed"], answer.body["version"]) == (False, 0)


def test_the_same_again_changes_nothing(stack: Stack, client: Client) -> None:
    put(client, WHOLE)

    with nothing_written(stack):
        answer = put(client, WHOLE)

    assert (answer.body["changed"], answer.body["created"]) == (False, {"keys": [], "secrets": []})


def test_what_is_not_in_it_is_deleted(stack: Stack, client: Client) -> None:
    put(client, WHOLE)

    answer = put(client, {})

    shown = get(client)
    assert {change["change"] for change in answer.body["changes"]} == {"update", "delete"}
    assert all(not entries for kind, entries in shown.items() if kind != "settings")
    stays = [item for item in stack.items("config") if "expires_at" not in item]  # a list of members goes in an hour
    assert {item["pk"]["S"].split("#")[0] for item in stays} <= {"version", "snapshot"}


# ── what it would do ─────────────────────────────────────────────────────────


def test_nothing_is_left_of_the_key_that_a_person_had_and_another_may_have_it(stack: Stack, client: Client) -> None:
    people = PeopleStore(stack.dynamodb, "config")
    put(client, {"users": [{"username": "alice", "pk": 1}, {"username": "bob", "pk": 2}, {"username": "carol"}]})

    put(client, {"users": [{"username": "alice"}, {"username": "bob", "pk": 3}, {"username": "carol", "pk": 2}]})

    assert {pk: user.username for pk, user in people.users_by_pk(["1", "2", "3"]).items()} == {"2": "carol", "3": "bob"}
    assert {item["sk"]["S"] for item in stack.items("config") if item["pk"]["S"] == "user-pk"} == {"2", "3"}


def test_a_dry_run_tells_what_would_change_and_writes_nothing(stack: Stack, client: Client) -> None:
    put(client, {"users": [{"username": "alice"}, {"username": "bob"}]})

    with nothing_written(stack):
        document = {"users": [{"username": "alice", "active": False}], "transports": [HOOK]}
        answer = put(client, document, query={"dry_run": "true"})

    assert (answer.status, answer.body["dry_run"], answer.body["version"]) == (200, True, 1)
    assert answer.body["created"] == {"keys": [], "secrets": []}
    assert answer.body["changes"] == [
        {"kind": "users", "name": "bob", "change": "delete"},
        {"kind": "users", "name": "alice", "change": "update", "fields": {"active": {"from": True, "to": False}}},
        {"kind": "transports", "name": "hook", "change": "create"},
    ]


# ── bad input ────────────────────────────────────────────────────────────────


def test_a_bad_blueprint_is_a_problem_and_writes_nothing(
    stack: Stack, client: Client, subtests: pytest.Subtests
) -> None:
    rule = {"name": "r", "transports": ["fax"]}
    cases: dict[str, tuple[Any, dict[str, Any], int, list[str]]] = {
        "a rule that names a missing transport": ({"rules": [rule]}, {}, 422, ["rules[0].transports[0]"]),
        "an unknown field": ({"colour": "red"}, {}, 422, ["colour"]),
        "a wrong type": ({"users": [{"username": 5}]}, {}, 422, ["users[0].username"]),
        "a bad duration": ({"settings": {"event_retention": "days"}}, {}, 422, ["settings.event_retention"]),
        "a bad pattern": (
            {"policies": [{"name": "p", "kind": "pattern", "pattern": {"a": 1}}]},
            {},
            422,
            ["policies[0].pattern"],
        ),
        "a URL inside": (
            {"transports": [{"name": "x", "mode": "webhook", "url": "ftp://10.0.0.1/"}]},
            {},
            422,
            ["transports[0].url"],
        ),
        "a mask for nothing": (
            {"transports": [HOOK | {"name": "new", "secret": MASK}]},
            {},
            422,
            ["transports[0].secret"],
        ),
        "a number of 400 digits": (
            '{"rules": [{"name": "r", "order": ' + "9" * 400 + "}]}",
            {},
            422,
            ["rules[0].order"],
        ),
        "no object": ("[]", {}, 422, [""]),
        "100,000 levels": ("[" * 100_000, {}, 422, [""]),
        "not JSON": ("{", {}, 400, []),
        "a key twice": ('{"rules": [], "rules": []}', {}, 400, []),
        "an alias": ("a: &a [1]\nb: *a", {"content_type": YAML}, 400, []),
        "a tag": ("a: !!python/none x", {"content_type": YAML}, 400, []),
        "too large": (" " * (MAX_DOCUMENT + 1), {}, 413, []),
        "another content type": ("{}", {"content_type": "text/plain"}, 415, []),
        "no content type": ("{}", {"content_type": None}, 415, []),
        "an unknown parameter": ({}, {"query": {"force": "true"}}, 422, ["force"]),
        "a dry run that is neither": ({}, {"query": {"dry_run": "perhaps"}}, 422, ["dry_run"]),
    }
    put(client, WHOLE)
    for case, (document, options, status, paths) in cases.items():
        with subtests.test(case), nothing_written(stack):
            answer = put(client, document, **options)

            assert answer.is_problem(status)
            assert status != 422 or answer.paths == paths


def test_a_blueprint_is_judged_before_anything_is_called(client: Client) -> None:
    with failing(lambda _: None, *WRITES) as calls:
        put(client, {"rules": [{"name": "r", "transports": ["fax"]}]})

    assert calls == []


# ── many rules ───────────────────────────────────────────────────────────────


def test_10_000_rules_are_applied_and_read_back(client: Client, record_property: Any) -> None:
    policies = [{"name": f"p{i}", "kind": "event_matcher", "action": f"custom_{i}"} for i in range(10_000)]
    rules = [
        {"name": f"r{i}", "bindings": [{"policy": f"p{i}"}], "destination_event_user": True} for i in range(10_000)
    ]
    text = json.dumps({"policies": policies, "rules": rules})
    record_property("bytes", len(text))

    answer = put(client, text)

    shown = client.ask("GET", "/blueprint")
    assert (answer.status, answer.body["version"]) == (200, 1)
    assert (shown.body["policies"], shown.body["rules"]) == (policies, rules)
    assert len(shown.text) < 6_000_000
    assert len(answer.text) < 6_000_000
