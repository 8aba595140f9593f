"""What entries name must be there while they name it, and a rule's own tests must hold, whatever is edited."""

from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.config.entries import RULE

STEP, TO = {"after": "hours=1", "destination_group": "x"}, "escalate[0]"


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


def test_what_only_a_step_names_is_in_use_too(configured: Api) -> None:
    step = {"after": "minutes=15", "destination_group": "second", "transports": ["sms"]}
    for path, entry in (
        ("/groups/second", {}),
        ("/transports/sms", {"mode": "local"}),
        ("/rules/steps", {"escalate": [step]}),
    ):
        assert configured("PUT", path, entry).status == 201

    answers = [configured("DELETE", path) for path in ("/groups/second", "/transports/sms")]

    assert [(answer.status, "rule 'steps'" in answer.body["detail"]) for answer in answers] == [(409, True)] * 2


@pytest.mark.parametrize(
    ("path", "entry", "wrong"),
    [
        ("/rules/r", {"transports": ["x"]}, {"path": "transports[0]", "message": "there is no transport 'x'"}),
        ("/rules/r", {"bindings": [{"user": "x"}]}, {"path": "bindings[0].user", "message": "there is no user 'x'"}),
        ("/rules/r", {"destination_group": "x"}, {"path": "destination_group", "message": "there is no group 'x'"}),
        ("/rules/r", {"escalate": [STEP]}, {"path": f"{TO}.destination_group", "message": "there is no group 'x'"}),
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


@pytest.mark.parametrize(
    "user",
    [
        {"pk": 7},
        {"pk": "7", "username": "someone"},
        {"username": "ju\u0308rgen"},
        {"pk": "None"},
        {"pk": None},
        {},
    ],
    ids=str,
)
def test_a_test_finds_the_same_people_however_its_rule_is_saved(api: Api, user: dict[str, Any]) -> None:
    """The fault: of an event's user who is told by primary key, only a blueprint knew who that is."""
    people = [
        {"username": "j\xfcrgen", "pk": 7},
        {"username": "none", "pk": "None"},
        {"username": "true", "pk": "True"},
    ]
    event = {"action": "login", "user": user}
    rule = {"name": "tried", "bindings": [{"group": "staff"}], "tests": [{"event": event, "fires": True}]}
    blueprint = {
        "users": people,
        "groups": [{"name": "staff", "members": [str(person["username"]) for person in people]}],
    }
    assert api("PUT", "/blueprint", blueprint).status == 200
    api("PUT", "/rules/tried", rule | {"tests": []})
    fires = api("POST", "/rules/tried/test", {"event": event})

    as_entry = api("PUT", "/rules/tried", rule)
    as_document = api("PUT", "/blueprint", blueprint | {"rules": [rule]})

    expected = 200 if fires.body["fires"] else 422
    assert (as_entry.status, as_document.status) == (expected, expected)
