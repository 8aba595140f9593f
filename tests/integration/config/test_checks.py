"""PUT with dry_run=true: what an edit would do, or why it would be refused, with nothing saved."""

import json
from typing import Any

import pytest

from tests.integration.api_calls import Answer, Api
from tests.integration.conftest import Stack

POLICY = {"kind": "event_matcher", "action": "login_failed"}
ENTRIES: dict[str, Any] = {
    "policies": POLICY,
    "mappings": {"expression": "{'text': event.action}"},
    "transports": {"mode": "webhook", "url": "https://hooks.example.com/x"},
    "groups": {"children": ["below"]},
    "users": {"email": "alice@example.com", "pk": 7},
    "keys": {"scopes": ["events:write"], "user": "known"},
    "rules": {"severity": "alert", "bindings": [{"policy": "failed"}]},
}


@pytest.fixture
def api(stack: Stack) -> Api:
    made = Api.of(stack)
    assert made("PUT", "/policies/failed", POLICY).status == 201
    assert made("PUT", "/groups/below", {}).status == 201
    assert made("PUT", "/users/known", {}).status == 201
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
    assert "secret" not in answer.text
    assert api("GET", f"/{kind}/new").status == 404
    assert (stack.items("config"), stack.items("events")) == before


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_version_that_an_edit_would_be_refused_for_is_refused(api: Api, kind: str) -> None:
    def tried(headers: dict[str, str]) -> int:
        query = {"dry_run": "true"}
        return api("PUT", f"/{kind}/there", ENTRIES[kind], query=query, headers=headers).status

    assert (tried({"if-none-match": "*"}), tried({"if-match": "*"})) == (200, 412)
    assert api("PUT", f"/{kind}/there", ENTRIES[kind]).status == 201
    version = api("GET", f"/{kind}/there").etag

    assert (tried({"if-none-match": "*"}), tried({"if-match": '"other"'}), tried({"if-match": version})) == (
        412,
        412,
        200,
    )


def test_the_settings_version_is_looked_at_in_a_dry_run(api: Api) -> None:
    entry, query = api("GET", "/settings").body, {"dry_run": "true"}

    assert api("PUT", "/settings", entry, query=query, headers={"if-match": '"other"'}).status == 412


@pytest.mark.parametrize("kind", ENTRIES)
def test_what_there_is_would_change_nothing(api: Api, kind: str) -> None:
    assert api("PUT", f"/{kind}/there", ENTRIES[kind]).status == 201

    answer = check(api, f"/{kind}/there", api("GET", f"/{kind}/there").body)

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
        ("/groups/new", {"children": ["absent"]}, "children[0]"),
        ("/users/new", {"pk": 7}, "pk"),
        ("/users/new", {"locale": "?"}, "locale"),
        ("/keys/new", {"scopes": []}, "scopes"),
        ("/keys/new", {"scopes": ["events:read"], "user": "absent"}, "user"),
        ("/keys/new", {"scopes": ["events:read"], "expires": "2020-01-01T00:00:00Z"}, "expires"),
        ("/settings", {"event_retention": "days=soon"}, "event_retention"),
        ("/settings", {"group_scopes": [{"group": "g", "scopes": ["all"]}]}, "group_scopes[0].scopes[0]"),
        (
            "/transports/new",
            {"mode": "webhook", "url": "https://x.example.com", "secret": "********************"},
            "secret",
        ),
    ],
)
def test_what_would_be_refused_is_refused_as_it_would_be(api: Api, path: str, entry: Any, at: str) -> None:
    assert api("PUT", "/users/seventh", {"pk": 7}).status == 201

    answer = check(api, path, entry)

    assert answer.status == 422
    assert answer.body == api("PUT", path, entry).body
    assert at in {error["path"] for error in answer.body["errors"]}


def test_a_policy_that_breaks_a_rules_test_is_refused(api: Api) -> None:
    rule = ENTRIES["rules"] | {"tests": [{"event": {"action": "login_failed"}, "fires": True}]}
    assert api("PUT", "/rules/tested", rule).status == 201

    answer = check(api, "/policies/failed", POLICY | {"action": "logout"})

    assert answer.status == 422


def test_settings_are_tried_and_not_saved(api: Api) -> None:
    before = api("GET", "/settings").body

    answer = check(api, "/settings", before | {"brand": "acme"})

    assert (answer.status, answer.body["changed"], answer.body["created"]) == (200, True, False)
    assert [change["fields"] for change in answer.body["changes"]] == [{"brand": {"from": "default", "to": "acme"}}]
    assert api("GET", "/settings").body == before
    assert check(api, "/settings", before).body["changes"] == []


def test_settings_that_break_a_rules_test_are_refused(api: Api) -> None:
    hidden = {"kind": "expression", "expression": "event.context.word == 'a'"}
    assert api("PUT", "/policies/word", hidden).status == 201
    test = {"event": {"action": "login", "context": {"word": "a"}}, "fires": True}
    rule = {"destination_group": "below", "bindings": [{"policy": "word"}], "tests": [test]}
    assert api("PUT", "/rules/tested", rule).status == 201

    assert check(api, "/settings", {"secret_keys": ["word"]}).status == 422


def test_a_check_takes_the_right_to_save(stack: Stack, api: Api) -> None:
    reader = Api.of(stack, scopes="config:read")

    assert check(reader, "/rules/new", {}).status == 403
    assert check(reader, "/settings", {}).status == 403
    assert check(api, "/silences/s", {"matcher": {"app": "a"}, "ends": "2999-01-01T00:00:00Z"}).status == 422


WITH_SECRETS: dict[str, dict[str, Any]] = {
    "webhook": {
        "mode": "webhook",
        "url": "https://x.example.com/hooks/{}?token={}",
        "headers": {"X-Api-Key": "{}"},
        "secret": "whsec_" + "{}A" * 4,
    },
    "preset": {"mode": "webhook", "preset": "ntfy", "options": {"topic": "alerts", "token": "tk_{}"}},
    "chat": {"mode": "webhook_slack", "url": "https://hooks.slack.com/services/T0/B0/{}"},
    "bot": {"mode": "webhook_slack", "bot_token": "xoxb-{}", "channel": "#ops"},
}


@pytest.mark.parametrize("fields", WITH_SECRETS.values(), ids=WITH_SECRETS)
def test_what_would_change_is_told_without_secrets(api: Api, fields: dict[str, Any]) -> None:
    """The fault: a dry run answered with each secret that it was given, as in a log of what deploys would change."""
    old, new = (json.loads(json.dumps(fields).replace("{}", word)) for word in ("0lderSecret", "0therSecret"))
    assert api("PUT", "/transports/t", old).status == 201

    made = check(api, "/transports/fresh", new)
    changed = check(api, "/transports/t", new)
    saved = api("PUT", "/transports/t", new)

    assert changed.body["changed"] is True
    assert "erSecret" not in made.text + changed.text + saved.text
    said = json.dumps(api.stack.events())
    assert "erSecret" not in said
    (change,) = changed.body["changes"]
    assert {"from": "the stored one", "to": "a new one"} in change["fields"].values()
