"""Rules carry tests, and a blueprint with one that fails is refused."""

from typing import Any

import pytest

from tocsin.config.blueprint.model import Blueprint
from tocsin.config.blueprint.validate import check
from tocsin.models import validated
from tocsin.outbound import OutboundPolicy

KNOWN = "user.name == 'Alice A.' && user.pk == 7 && 'staff' in user.groups"


def blueprint(*tests: dict[str, Any], **rule: Any) -> Blueprint:
    return validated(
        Blueprint,
        {
            "users": [{"username": "alice", "pk": 7, "name": "Alice A."}],
            "groups": [{"name": "staff", "children": ["interns"]}, {"name": "interns", "members": ["alice"]}],
            "policies": [
                {"name": "failed-login", "kind": "event_matcher", "action": "login_failed"},
                {"name": "often", "kind": "expression", "expression": "event.context.attempts > 3"},
                {"name": "known", "kind": "expression", "expression": KNOWN},
            ],
            "rules": [
                {
                    "name": "failed-logins",
                    "policy_engine_mode": "all",
                    "bindings": [{"policy": "failed-login"}, {"policy": "often"}, {"group": "staff"}],
                    "tests": list(tests),
                }
                | rule
            ],
        },
    )


FIRING = {"action": "login_failed", "user": {"username": "alice"}, "context": {"attempts": 4}}


def wrong(document: Blueprint) -> list[str]:
    return [str(violation) for violation in check(document, OutboundPolicy())]


@pytest.mark.parametrize(
    ("event", "fires"),
    [
        (FIRING, True),
        (FIRING | {"context": {"attempts": 3}}, False),
        (FIRING | {"user": {"username": "bob"}}, False),
        (FIRING | {"context": {}}, False),
        (FIRING | {"action": "login"}, False),
    ],
)
def test_a_test_that_comes_out_as_it_says_is_fine(event: dict[str, Any], fires: bool) -> None:
    assert wrong(blueprint({"event": event, "fires": fires})) == []
    assert len(wrong(blueprint({"event": event, "fires": not fires}))) == 1


def test_a_test_that_fails_is_named_with_the_reasons() -> None:
    (said,) = wrong(blueprint({"event": FIRING, "fires": True}, {"event": FIRING | {"action": "login"}, "fires": True}))

    assert said == (
        "rules[0].tests[1]: rule 'failed-logins' must fire, and does not: policy failed-login does not hold;"
        " policy often holds; group staff holds"
    )


def test_a_rule_that_is_switched_off_is_tested_as_if_it_were_on() -> None:
    assert wrong(blueprint({"event": FIRING, "fires": True}, enabled=False)) == []


@pytest.mark.parametrize(
    ("user", "fires"),
    [({"username": "alice"}, True), ({"pk": 7}, True), ({"username": "bob"}, False), ({}, False)],
)
def test_an_expression_sees_the_user_of_the_event_as_the_blueprint_has_them(user: dict[str, Any], fires: bool) -> None:
    document = blueprint(
        {"event": FIRING | {"user": user}, "fires": fires},
        bindings=[{"policy": "known"}],
    )

    assert wrong(document) == []


def test_a_test_with_a_wrong_event_names_the_field() -> None:
    (said,) = wrong(blueprint({"event": {"action": "login", "colour": "red"}, "fires": True}))

    assert said.startswith("rules[0].tests[0].event.colour: ")
