"""What a blueprint must hold as a whole."""

import json
from typing import Any

import pytest

from tocsin.config.blueprint import JSON_TYPE, MASK, Blueprint, parse
from tocsin.config.blueprint.validate import check
from tocsin.errors import MOST
from tocsin.notifications.signing import new_secret
from tocsin.outbound import OutboundPolicy

POLICY = OutboundPolicy()
ALICE = {"username": "alice"}
ONCALL = {"name": "oncall", "members": ["alice"]}
INBOX = {"name": "inbox", "mode": "local"}
IS_LOGIN = {"name": "is-login", "kind": "event_matcher", "action": "login"}
RULE = {
    "name": "logins",
    "transports": ["inbox"],
    "destination_group": "oncall",
    "bindings": [{"policy": "is-login"}, {"user": "alice"}, {"group": "oncall"}],
}
WHOLE: dict[str, Any] = {
    "users": [ALICE],
    "groups": [ONCALL],
    "transports": [INBOX],
    "policies": [IS_LOGIN],
    "rules": [RULE],
    "keys": [{"name": "k", "scopes": ["notifications"], "user": "alice"}],
}


def blueprint(**changed: Any) -> Blueprint:
    return parse(json.dumps(WHOLE | changed).encode(), JSON_TYPE)


def wrong(**changed: Any) -> dict[str, str]:
    """{path: message} of what is wrong with the whole blueprint, some of it changed."""
    return {violation.path: violation.message for violation in check(blueprint(**changed), POLICY)}


def wrong_transport(**fields: Any) -> dict[str, str]:
    return wrong(transports=[INBOX, {"name": "x", **fields}])


def test_nothing_is_wrong_with_a_whole_one() -> None:
    assert wrong() == {}


def test_nothing_is_wrong_with_an_empty_one() -> None:
    assert check(Blueprint(), POLICY) == []


# ── references ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changed", "path", "message"),
    [
        (
            {"groups": [{"name": "oncall", "members": ["bob"]}]},
            "groups[0].members[0]",
            "no user 'bob'; there are: alice",
        ),
        ({"groups": [ONCALL | {"children": ["x"]}]}, "groups[0].children[0]", "no group 'x'; there are: oncall"),
        ({"rules": [RULE | {"transports": ["inbox", "fax"]}]}, "rules[0].transports[1]", "no transport 'fax'"),
        ({"rules": [RULE | {"destination_group": "x"}]}, "rules[0].destination_group", "no group 'x'"),
        ({"rules": [RULE | {"bindings": [{"policy": "x"}]}]}, "rules[0].bindings[0].policy", "no policy 'x'"),
        ({"rules": [RULE | {"bindings": [{"user": "x"}]}]}, "rules[0].bindings[0].user", "no user 'x'"),
        ({"rules": [RULE | {"bindings": [{"group": "x"}]}]}, "rules[0].bindings[0].group", "no group 'x'"),
        ({"keys": [{"name": "k", "scopes": ["notifications"], "user": "x"}]}, "keys[0].user", "no user 'x'"),
    ],
)
def test_a_name_of_nothing_is_named_with_what_there_is(changed: dict[str, Any], path: str, message: str) -> None:
    found = wrong(**changed)

    assert set(found) == {path}
    assert message in found[path]


def test_a_rule_that_names_a_missing_transport_is_told_that_there_are_none() -> None:
    assert wrong(transports=[]) == {"rules[0].transports[0]": "there is no transport 'inbox'; there are: none"}


def test_of_many_names_ten_are_shown() -> None:
    transports = [{"name": f"t{i:02d}", "mode": "local"} for i in range(12)]

    (message,) = wrong(transports=transports).values()

    assert message.endswith("t08, t09, …")


def test_a_thousand_wrong_rules_are_told_in_short() -> None:
    rules = [RULE | {"name": f"r{i}", "transports": ["fax"]} for i in range(1000)]

    found = check(blueprint(rules=rules), POLICY)

    assert len(found) == MOST + 1
    assert found[-1].message == f"and {1000 - MOST} more"


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"users": [ALICE, ALICE]}, "users[1].username"),
        ({"groups": [ONCALL, ONCALL]}, "groups[1].name"),
        ({"transports": [INBOX, INBOX]}, "transports[1].name"),
        ({"policies": [IS_LOGIN, IS_LOGIN]}, "policies[1].name"),
        ({"rules": [RULE, RULE]}, "rules[1].name"),
        ({"keys": [{"name": "k", "scopes": ["events:read"]}] * 2}, "keys[1].name"),
    ],
)
def test_a_name_is_used_once_of_a_kind(changed: dict[str, Any], path: str) -> None:
    assert set(wrong(**changed)) == {path}


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"transports": [INBOX, {"name": "chat ", "mode": "local"}]}, "transports[1].name"),
        ({"policies": [IS_LOGIN, IS_LOGIN | {"name": "is-logout "}]}, "policies[1].name"),
        ({"keys": [{"name": "k ", "scopes": ["events:read"]}]}, "keys[0].name"),
    ],
)
def test_a_name_ends_with_no_blank(changed: dict[str, Any], path: str) -> None:
    found = wrong(**changed)

    assert set(found) == {path}
    assert found[path].endswith("ends with a blank")


def test_a_name_may_be_used_again_for_another_kind() -> None:
    names = [{"name": "alice", "members": ["alice"]}, ONCALL]

    assert wrong(groups=names) == {}


def test_a_group_may_not_be_below_itself() -> None:
    circle = [ONCALL | {"children": ["b"]}, {"name": "b", "children": ["c"]}, {"name": "c", "children": ["oncall"]}]

    assert set(wrong(groups=circle)) == {f"groups[{i}].children" for i in range(3)}
    assert set(wrong(groups=[ONCALL | {"children": ["oncall"]}])) == {"groups[0].children"}


# ── policies ─────────────────────────────────────────────────────────────────


def test_a_pattern_that_is_none_is_refused() -> None:
    assert set(wrong(policies=[IS_LOGIN, {"name": "p", "kind": "pattern", "pattern": {"action": "login"}}])) == {
        "policies[1].pattern"
    }


def test_an_expression_that_does_not_compile_is_refused() -> None:
    assert set(wrong(policies=[IS_LOGIN, {"name": "p", "kind": "expression", "expression": "event.app =="}])) == {
        "policies[1].expression"
    }


def test_a_matchers_query_that_does_not_compile_is_refused() -> None:
    assert set(wrong(policies=[IS_LOGIN | {"query": "nothing.of.the.kind"}])) == {"policies[0].query"}


# ── transports ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["webhook", "webhook_slack"])
def test_a_webhook_needs_a_url(mode: str) -> None:
    assert set(wrong_transport(mode=mode)) == {"transports[1].url"}


@pytest.mark.parametrize("mode", ["webhook", "webhook_slack"])
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:pass@example.com/",
        "https://example.com:8443/",
        "ftp://example.com/",
        "https://",
        "nowhere",
    ],
)
def test_a_url_that_would_not_be_posted_to_is_refused(mode: str, url: str) -> None:
    assert set(wrong_transport(mode=mode, url=url)) == {"transports[1].url"}


def test_a_mask_behind_a_webhooks_url_does_not_hide_where_it_leads() -> None:
    assert set(wrong_transport(mode="webhook", url=f"https://169.254.169.254/{MASK}")) == {"transports[1].url"}


def test_the_deployer_may_allow_more() -> None:
    lenient = OutboundPolicy.parse(allow_http=True, ports="*", allow_cidrs="127.0.0.0/8")
    hook = {"name": "x", "mode": "webhook", "url": "http://127.0.0.1:8080/"}

    assert check(blueprint(transports=[INBOX, hook]), lenient) == []


@pytest.mark.parametrize("mode", ["local", "email"])
@pytest.mark.parametrize(("field", "value"), [("url", "https://example.com/"), ("secret", "whsec_" + "A" * 32)])
def test_a_field_that_means_nothing_for_a_mode_is_refused(mode: str, field: str, value: str) -> None:
    assert set(wrong_transport(mode=mode, **{field: value})) == {f"transports[1].{field}"}


def test_a_chat_webhook_has_no_secret_but_its_url() -> None:
    found = wrong_transport(mode="webhook_slack", url="https://hooks.slack.com/services/T/B/x", secret=new_secret())

    assert set(found) == {"transports[1].secret"}


@pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_aHVudGVyMg==", "whsec_hunter2!"])
def test_a_signing_secret_of_another_form_is_refused_and_not_repeated(secret: str) -> None:
    found = wrong_transport(mode="webhook", url="https://example.com/", secret=secret)

    assert set(found) == {"transports[1].secret"}
    assert secret.removeprefix("whsec_") not in found["transports[1].secret"] or secret == "whsec_"


def test_a_masked_secret_is_left_to_what_is_stored() -> None:
    assert wrong_transport(mode="webhook", url="https://example.com/", secret=MASK) == {}
    assert wrong_transport(mode="webhook_slack", url=f"https://hooks.slack.com/{MASK}") == {}


# ── settings ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["event_retention", "notification_retention"])
@pytest.mark.parametrize("retention", ["days=999999999", "days=2900000"])
def test_a_retention_that_no_date_can_hold_is_refused(name: str, retention: str) -> None:
    assert set(wrong(settings={name: retention})) == {f"settings.{name}"}


def test_a_retention_of_a_century_is_taken() -> None:
    assert wrong(settings={"event_retention": "days=36500"}) == {}


def test_what_was_seen_is_kept_no_longer_than_all_else() -> None:
    longer = {"notification_retention": "days=7", "seen_notification_retention": "days=8"}

    assert set(wrong(settings=longer)) == {"settings.seen_notification_retention"}
    assert wrong(settings=longer | {"seen_notification_retention": "days=7"}) == {}


@pytest.mark.parametrize("name", ["secret_keys", "exempt_keys"])
def test_names_of_keys_are_bounded(name: str) -> None:
    assert set(wrong(settings={name: [f"key{i}" for i in range(1001)]})) == {f"settings.{name}"}


SILENCE = {"name": "drill", "starts": "2026-01-01T00:00:00Z", "ends": "2026-01-02T00:00:00Z"}


def test_a_silence_whose_pattern_is_none_is_named() -> None:
    assert list(wrong(silences=[SILENCE | {"pattern": {"action": [{"no-such": 1}]}}])) == ["silences[0].pattern"]


def test_a_silence_whose_expression_is_none_is_named() -> None:
    assert list(wrong(silences=[SILENCE | {"matcher": {"query": "event.acton"}}])) == ["silences[0].matcher.query"]


def test_the_tests_of_one_rule_are_run_beside_rules_that_have_none() -> None:
    tested = RULE | {"name": "tested", "tests": [{"event": {"action": "logout"}, "fires": True}]}

    assert list(wrong(rules=[RULE, tested])) == ["rules[1].tests[0]"]
