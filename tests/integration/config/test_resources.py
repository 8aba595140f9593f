"""The configuration an entry at a time, over HTTP: the same ways for every kind."""

import json
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tocsin.config.lock import ConfigurationLock

POLICY = {"kind": "event_matcher", "action": "login_failed"}
RULE = {"transports": ["hook"], "destination_group": "oncall", "bindings": [{"policy": "failed"}]}
ENTRIES: dict[str, dict[str, Any]] = {
    "/users/alice": {"email": "alice@example.com"},
    "/groups/oncall": {"children": []},
    "/mappings/brief": {"expression": "{'text': notification.body}"},
    "/transports/hook": {"mode": "webhook", "url": "http://127.0.0.1:9/hook", "body_mapping": "brief"},
    "/policies/failed": POLICY,
    "/rules/failed-logins": RULE,
    "/keys/shop": {"scopes": ["events:write"]},
    "/silences/deploy": {"matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z"},
}
OTHERS: dict[str, dict[str, Any]] = {
    "/users/alice": {"email": "other@example.com"},
    "/groups/oncall": {"children": ["admins"]},
    "/mappings/brief": {"expression": "{'text': event.action}"},
    "/transports/hook": {"mode": "webhook", "url": "http://127.0.0.1:9/other"},
    "/policies/failed": {"kind": "event_matcher", "action": "login"},
    "/rules/failed-logins": RULE | {"severity": "alert"},
    "/keys/shop": {"scopes": ["events:read"]},
    "/silences/deploy": {"matcher": {"app": "shop"}, "ends": "2998-01-01T00:00:00Z"},
}
PATHS = sorted(ENTRIES)


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


@pytest.fixture
def configured(api: Api) -> Api:
    for path, entry in ENTRIES.items():
        assert api("PUT", path, entry).status == 201, path
    api("PUT", "/groups/oncall/members/alice")
    return api


def changes(stack: Stack, kind: str) -> list[dict[str, Any]]:
    return [event for event in stack.events() if event["context"].get("model", {}).get("model_name") == kind]


@pytest.mark.parametrize("path", PATHS)
def test_what_was_put_is_read(configured: Api, path: str) -> None:
    answer = configured("GET", path)

    assert answer.status == 200
    assert answer.body.items() >= ENTRIES[path].items() or path == "/rules/failed-logins"
    assert answer.etag


@pytest.mark.parametrize("path", PATHS)
def test_getting_and_putting_back_changes_nothing(configured: Api, stack: Stack, path: str) -> None:
    before = configured("GET", path)
    events = len(stack.events())

    after = configured("PUT", path, before.body, headers={"if-match": before.etag})

    assert (after.status, after.etag) == (200, before.etag)
    assert len(stack.events()) == events


@pytest.mark.parametrize("path", PATHS)
def test_a_second_operator_can_not_overwrite_what_the_first_changed(configured: Api, path: str) -> None:
    seen = configured("GET", path).etag
    first = configured("PUT", path, OTHERS[path], headers={"if-match": seen})

    second = configured("PUT", path, ENTRIES[path], headers={"if-match": seen})

    assert (first.status, second.status) == (200, 412)
    assert second.body["type"] == "urn:tocsin:problem:precondition-failed"
    assert configured("GET", path).etag == first.etag != seen


@pytest.mark.parametrize("path", PATHS)
def test_only_what_is_not_there_is_created_where_that_is_asked(configured: Api, path: str) -> None:
    answer = configured("PUT", path, ENTRIES[path], headers={"if-none-match": "*"})

    assert answer.status == 412


@pytest.mark.parametrize("path", PATHS)
def test_a_reader_who_has_the_version_gets_no_body(configured: Api, path: str) -> None:
    etag = configured("GET", path).etag

    answer = configured("GET", path, headers={"if-none-match": f'"other", W/{etag}'})

    assert (answer.status, answer.text, answer.etag) == (304, "", etag)


@pytest.mark.parametrize("path", PATHS)
def test_a_stale_version_is_not_deleted(configured: Api, path: str) -> None:
    answer = configured("DELETE", path, headers={"if-match": '"stale"'})

    assert answer.status == 412
    assert configured("GET", path).status == 200


@pytest.mark.parametrize("path", PATHS)
def test_another_name_in_the_body_is_refused(configured: Api, path: str) -> None:
    field = "username" if path.startswith("/users") else "name"

    answer = configured("PUT", path, ENTRIES[path] | {field: "other"})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == field


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_field_is_named(configured: Api, path: str) -> None:
    answer = configured("PUT", path, ENTRIES[path] | {"colour": "red"})

    assert answer.status == 422
    assert answer.body["errors"] == [{"path": "colour", "message": "is not a known field"}]


@pytest.mark.parametrize("path", PATHS)
def test_what_is_not_there_is_not_found(configured: Api, path: str) -> None:
    missing = path.rpartition("/")[0] + "/missing"

    assert configured("GET", missing).status == 404
    assert configured("DELETE", missing).status == 404


def test_everything_can_be_deleted_from_its_users_to_what_they_use(configured: Api) -> None:
    for path in ("/rules/failed-logins", "/policies/failed", "/transports/hook", "/groups/oncall", "/users/alice"):
        answer = configured("DELETE", path)

        assert answer.status == 200, answer.text
        assert configured("GET", path).status == 404


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("/transports/hook", "rule 'failed-logins'"),
        ("/policies/failed", "rule 'failed-logins'"),
        ("/groups/oncall", "rule 'failed-logins'"),
        ("/mappings/brief", "transport 'hook'"),
    ],
)
def test_what_is_in_use_is_not_deleted(configured: Api, path: str, user: str) -> None:
    answer = configured("DELETE", path)

    assert answer.status == 409
    assert user in answer.body["detail"]


def test_a_user_whom_a_key_stands_for_is_not_deleted(configured: Api) -> None:
    configured("PUT", "/keys/alices", {"scopes": ["notifications"], "user": "alice"})

    answer = configured("DELETE", "/users/alice")

    assert answer.status == 409
    assert "key 'alices'" in answer.body["detail"]


def test_a_group_that_is_below_another_is_not_deleted(configured: Api) -> None:
    configured("PUT", "/groups/all", {"children": ["oncall"]})
    configured("DELETE", "/rules/failed-logins")

    assert "group 'all'" in configured("DELETE", "/groups/oncall").body["detail"]


def test_a_deleted_user_leaves_their_groups(configured: Api) -> None:
    configured("DELETE", "/users/alice")

    assert configured("GET", "/groups/oncall/members").body["items"] == []
    blueprint = configured("GET", "/blueprint").text
    assert configured("PUT", "/blueprint", blueprint).body["changed"] is False


@pytest.mark.parametrize(
    ("path", "entry", "wrong"),
    [
        ("/rules/r", {"transports": ["x"]}, {"path": "transports[0]", "message": "there is no transport 'x'"}),
        ("/rules/r", {"bindings": [{"user": "x"}]}, {"path": "bindings[0].user", "message": "there is no user 'x'"}),
        ("/rules/r", {"destination_group": "x"}, {"path": "destination_group", "message": "there is no group 'x'"}),
        ("/groups/g", {"children": ["x"]}, {"path": "children[0]", "message": "there is no group 'x'"}),
        ("/groups/g", {"children": ["g"]}, {"path": "children", "message": "group 'g' is below itself"}),
        ("/keys/k", {"scopes": ["events:read"], "user": "x"}, {"path": "user", "message": "there is no user 'x'"}),
        ("/settings", {"brand": 5}, {"path": "brand", "message": "Input should be a valid string"}),
    ],
)  # fmt: skip
def test_what_is_named_must_be_there(api: Api, path: str, entry: dict[str, Any], wrong: dict[str, str]) -> None:
    answer = api("PUT", path, entry)

    assert answer.status == 422
    assert answer.body["errors"] == [wrong]


def test_a_policy_that_does_not_compile_is_refused(api: Api) -> None:
    answer = api("PUT", "/policies/p", {"kind": "expression", "expression": "event.action =="})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == "expression"


def test_the_tests_of_a_rule_are_run_when_it_is_put(configured: Api) -> None:
    test = {"event": {"action": "login"}, "fires": True}

    answer = configured("PUT", "/rules/failed-logins", RULE | {"tests": [test]})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == "tests[0]"


def test_tests_see_the_groups_of_the_people_they_name(configured: Api) -> None:
    rule = RULE | {
        "bindings": [{"group": "oncall"}],
        "tests": [
            {"event": {"action": "x", "user": {"username": "alice"}}, "fires": True},
            {"event": {"action": "x", "user": {"username": "bob"}}, "fires": False},
        ],
    }

    assert configured("PUT", "/rules/failed-logins", rule).status == 200


def test_a_policy_that_breaks_a_rules_test_is_refused(configured: Api) -> None:
    test = {"event": {"action": "login_failed"}, "fires": True}
    configured("PUT", "/rules/failed-logins", RULE | {"tests": [test]})

    answer = configured("PUT", "/policies/failed", {"kind": "event_matcher", "action": "logout"})

    assert answer.status == 422
    assert "rule 'failed-logins' must fire" in answer.body["errors"][0]["message"]


def test_settings_that_break_a_rules_test_are_refused(configured: Api) -> None:
    pattern = {"kind": "pattern", "pattern": {"context": {"badge": ["blue"]}}}
    configured("PUT", "/policies/failed", pattern)
    test = {"event": {"action": "login", "context": {"badge": "blue"}}, "fires": True}
    assert configured("PUT", "/rules/failed-logins", RULE | {"tests": [test]}).status == 200

    answer = configured("PUT", "/settings", {"secret_keys": ["badge"]})

    assert answer.status == 422
    assert "rule 'failed-logins' must fire" in answer.body["errors"][0]["message"]
    assert configured("GET", "/settings").body["secret_keys"] == []


def test_a_new_secret_is_a_new_version_of_its_transport(configured: Api) -> None:
    entry = ENTRIES["/transports/hook"]
    before = configured("GET", "/transports/hook")

    after = configured("PUT", "/transports/hook", entry | {"secret": "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="})
    late = configured("PUT", "/transports/hook", before.body, headers={"if-match": before.etag})

    assert (after.status, late.status) == (200, 412)
    assert after.body["secrets_version"] != before.body["secrets_version"]


def test_a_signing_secret_is_shown_once_and_masked_ever_after(api: Api) -> None:
    made = api("PUT", "/transports/hook", OTHERS["/transports/hook"])

    assert made.body["secret"].startswith("whsec_")
    assert api("GET", "/transports/hook").body["secret"] == "*" * 20
    assert made.body["secret"] not in api("GET", "/transports").text + api("GET", "/blueprint").text
    assert api("GET", "/transports/hook").etag == made.etag


def test_a_chat_webhooks_url_is_never_shown(api: Api, stack: Stack) -> None:
    secret = "T000/B000/SECRETPART"
    entry = {"mode": "webhook_slack", "url": f"http://127.0.0.1:9/services/{secret}"}

    made = api("PUT", "/transports/chat", entry)

    assert made.status == 201
    assert secret not in made.text + api("GET", "/transports").text + json.dumps(stack.events())


def test_a_replaced_secret_is_an_event_without_the_secret(configured: Api, stack: Stack) -> None:
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="

    configured("PUT", "/transports/hook", ENTRIES["/transports/hook"] | {"secret": secret})

    (event,) = [event for event in changes(stack, "transport") if event["action"] == "secret_rotate"]
    assert event["context"]["message"] == "ops replaced the secret of transport hook"
    assert secret not in json.dumps(event)


def test_members_are_put_read_and_deleted_by_name(configured: Api) -> None:
    again = configured("PUT", "/groups/oncall/members/alice")

    assert again.status == 200
    assert configured("GET", "/groups/oncall/members").body == {"items": [{"username": "alice"}], "cursor": None}
    assert configured("GET", "/groups/oncall/members/alice").body == {"username": "alice"}
    assert configured("DELETE", "/groups/oncall/members/alice").status == 200
    assert configured("GET", "/groups/oncall/members/alice").status == 404


def test_nobody_unknown_becomes_a_member(configured: Api) -> None:
    assert configured("PUT", "/groups/oncall/members/nobody").status == 404
    assert configured("PUT", "/groups/nowhere/members/alice").status == 404


def test_a_group_that_is_made_anew_is_empty(configured: Api) -> None:
    configured("DELETE", "/rules/failed-logins")
    configured("DELETE", "/groups/oncall")

    configured("PUT", "/groups/oncall", {})

    assert configured("GET", "/groups/oncall/members").body["items"] == []


def test_lists_come_in_pages_in_the_order_of_their_names(api: Api) -> None:
    for name in ("carol", "alice", "bob", "dave"):
        api("PUT", f"/users/{name}", {})
        api("PUT", f"/keys/{name}", {"scopes": ["events:read"]})

    for kind, field in (("/users", "username"), ("/keys", "name")):
        names, cursor = [], {}
        while True:
            page = api("GET", kind, query={"limit": "3"} | cursor).body
            names.append([item[field] for item in page["items"]])
            if page["cursor"] is None:
                break
            cursor = {"cursor": page["cursor"]}

        assert names == [["alice", "bob", "carol"], ["dave"]]


def test_a_name_with_a_blank_is_encoded_in_its_address(api: Api) -> None:
    made = api("PUT", "/groups/on%20call", {})

    assert made.headers["location"] == "/groups/on%20call"
    assert api("GET", "/groups/on call").body["name"] == "on call"


def test_settings_are_replaced(api: Api, stack: Stack) -> None:
    before = api("GET", "/settings")

    answer = api("PUT", "/settings", before.body | {"brand": "acme"}, headers={"if-match": before.etag})

    assert (answer.status, answer.body["brand"]) == (200, "acme")
    (event,) = changes(stack, "settings")
    assert event["context"]["diff"] == {"brand": {"from": "default", "to": "acme"}}
    assert event["brand"] == "acme"


def test_every_change_is_an_event_that_says_who_and_what(configured: Api, stack: Stack) -> None:
    configured("PUT", "/rules/failed-logins", RULE | {"severity": "alert"})
    configured("DELETE", "/rules/failed-logins")

    told = {event["action"]: event for event in changes(stack, "rule")}

    assert set(told) == {"model_created", "model_updated", "model_deleted"}
    updated = told["model_updated"]
    assert updated["context"] == {
        "message": "ops changed rule failed-logins",
        "model": {"app": "tocsin", "model_name": "rule", "pk": "failed-logins", "name": "failed-logins"},
        "by": "ops",
        "by_id": "0123456789abcdef",
        "diff": {"severity": {"from": "notice", "to": "alert"}},
    }
    assert updated["app"] == "tocsin"
    assert updated["cause"]["depth"] == 1


def test_an_event_names_the_person_a_key_stands_for(stack: Stack) -> None:
    api = Api.of(stack, user="alice")

    api("PUT", "/groups/oncall", {})

    assert stack.events()[0]["user"] == {"username": "alice"}


def test_a_refused_change_is_no_event(configured: Api, stack: Stack) -> None:
    before = len(stack.events())

    configured("PUT", "/rules/failed-logins", RULE | {"transports": ["nowhere"]})
    configured("DELETE", "/transports/hook")

    assert len(stack.events()) == before


def test_a_blueprint_is_told_a_change_at_a_time_up_to_a_hundred(api: Api, stack: Stack) -> None:
    users = [{"username": f"user-{number}"} for number in range(130)]
    blueprint = api("GET", "/blueprint").body | {"users": users}

    api("PUT", "/blueprint", blueprint)

    events = stack.events()
    assert len(events) == 101
    (rest,) = [event for event in events if "changes" in event["context"]]
    assert rest["context"]["changes"] == {"users created": 30}


def test_silences_are_listed_by_their_state(api: Api) -> None:
    what = {"matcher": {"app": "shop"}}
    api("PUT", "/silences/now", what | {"ends": "2999-01-01T00:00:00Z"})
    api("PUT", "/silences/later", what | {"starts": "2998-01-01T00:00:00Z", "ends": "2999-01-01T00:00:00Z"})
    api("PUT", "/silences/past", what | {"ends": "2999-01-01T00:00:00Z"})
    api("DELETE", "/silences/past")

    states = {
        state: [item["name"] for item in api("GET", "/silences", query={"state": state}).body["items"]]
        for state in ("active", "pending", "over", "active,over")
    }

    assert states == {"active": ["now"], "pending": ["later"], "over": ["past"], "active,over": ["now", "past"]}
    assert api("GET", "/silences", query={"state": "loud"}).status == 422


def test_a_silence_that_is_over_can_not_be_made_to_hold_in_the_past(api: Api) -> None:
    api("PUT", "/silences/deploy", ENTRIES["/silences/deploy"])
    ended = api("DELETE", "/silences/deploy").body

    same = api("PUT", "/silences/deploy", ended)
    past = api("PUT", "/silences/deploy", ended | {"ends": "2020-01-01T00:00:00Z", "starts": "2019-01-01T00:00:00Z"})
    again = api("PUT", "/silences/deploy", ended | {"ends": "2999-01-01T00:00:00Z"})

    assert [answer.status for answer in (same, past, again)] == [200, 422, 200]
    assert past.body["errors"] == [{"path": "ends", "message": "lies in the past"}]
    assert again.body["state"] == "active"


def test_a_silence_keeps_who_made_it_until_somebody_changes_it(api: Api) -> None:
    made = api("PUT", "/silences/deploy", ENTRIES["/silences/deploy"]).body

    same = api("PUT", "/silences/deploy", made | {"by": "somebody else"}).body

    assert same["by"] == made["by"] == "ops"


def test_a_name_that_a_silence_has_is_not_given_to_a_new_one(api: Api) -> None:
    silence = ENTRIES["/silences/deploy"] | {"name": "deploy"}
    api("POST", "/silences", silence)

    again = api("POST", "/silences", silence)

    assert again.status == 409
    assert "PUT changes it" in again.body["detail"]


def test_a_silence_is_told(api: Api, stack: Stack) -> None:
    made = api("POST", "/silences", {"matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z"}).body

    api("DELETE", f"/silences/{made['name']}")

    assert {event["action"] for event in changes(stack, "silence")} == {"model_created", "model_deleted"}


def test_an_edit_waits_its_turn_and_gives_up_on_a_blueprint_that_takes_long(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.config.resources.editor._WAITS", 2)
    ConfigurationLock(api.stack.dynamodb, "config").take("somebody", now=_now())

    answer = api("PUT", "/groups/oncall", {})

    assert answer.status == 409
    assert "at this moment" in answer.body["detail"]


def test_an_edit_of_a_user_reads_no_other_user(configured: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    people = configured.module.services.editor.people
    for name in ("all_users", "all_members"):
        monkeypatch.setattr(people, name, None)

    for path in ("/users/alice", "/rules/failed-logins", "/keys/shop"):
        assert configured("PUT", path, OTHERS[path]).status == 200
    assert configured("PUT", "/groups/admins/members/alice").status == 201
    assert configured("DELETE", "/users/alice").status == 200


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)
