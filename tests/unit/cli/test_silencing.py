"""Which events a silence is about: from what people type, and from a rule."""

from dataclasses import fields
from datetime import timedelta

import pytest

from tests.unit.cli.serving import Reply, serving
from tests.unit.rules.test_ruleset import NOW, People, event, fired
from tocsin.expressions.vocabulary import FIELDS
from tocsin.models import validated
from tocsin.patterns import Pattern
from tocsin.rules.model import Matching, NotificationRule, Silence, stored_policy
from tocsin.rules.ruleset import RuleSet
from tocsin_cli.errors import CliError, ExitCode, UsageError
from tocsin_cli.kinds import SILENCES
from tocsin_cli.main import main
from tocsin_cli.silencing import EVENT, MATCHED, events_of, events_of_rule, rules_touched

POLICIES = {
    "login": {"name": "login", "kind": "event_matcher", "action": "login", "app": None},
    "shop": {"name": "shop", "kind": "event_matcher", "app": "shop"},
    "large": {"name": "large", "kind": "pattern", "pattern": {"context": {"amount": [{"numeric": [">", 100]}]}}},
    "rich": {"name": "rich", "kind": "event_matcher", "action": "order", "query": "event.context.amount > 5"},
    "night": {"name": "night", "kind": "expression", "expression": "event.created.getHours() < 6"},
}


def rule(*bindings, mode="any"):
    return {"name": "r", "policy_engine_mode": mode, "bindings": [{"enabled": True, **binding} for binding in bindings]}


def test_the_matchers_fields_are_the_servers():
    """Else `silence --rule` would leave one out, and silence more than the rule asks."""
    assert set(MATCHED) == {field.name for field in fields(Matching)}


@pytest.mark.parametrize(
    ("given", "events"),
    [
        (["app=shop"], {"matcher": {"app": "shop"}}),
        (["action=login", "client_ip=10.0.0.0/8"], {"matcher": {"action": "login", "client_ip": "10.0.0.0/8"}}),
        (["model=shop.order"], {"matcher": {"model": "shop.order"}}),
        (["app=shop*"], {"pattern": {"app": [{"wildcard": "shop*"}]}}),
        (["app!=shop"], {"pattern": {"app": [{"anything-but": "shop"}]}}),
        (
            ["app=shop", "context.host=web*", "user.username!=alice"],
            {
                "pattern": {
                    "app": ["shop"],
                    "context": {"host": [{"wildcard": "web*"}]},
                    "user": {"username": [{"anything-but": "alice"}]},
                }
            },
        ),
        (
            ["context.a.b=1", "model=shop.order"],
            {"pattern": {"context": {"a": {"b": ["1", 1]}, "model": {"app": ["shop"], "model_name": ["order"]}}}},
        ),
    ],
)
def test_what_is_typed_is_a_matcher_where_it_can_and_a_pattern_where_it_must(given, events):
    assert events_of(given) == events


@pytest.mark.parametrize("given", [["app=shop*"], ["context.host!=web*"], ["app=a", "context.model.pk=7"]])
def test_patterns_are_such_that_the_server_takes(given):
    pattern = events_of(given)["pattern"]

    Pattern(pattern)
    Silence(name="s", pattern=pattern, starts="2026-01-01T00:00:00Z", ends="2026-01-02T00:00:00Z")


@pytest.mark.parametrize(
    ("given", "silenced", "told"),
    [
        (["action=disk_full", "context.host=web-1"], {}, {"context": {"host": "web-2"}}),
        (["action=disk*", "context.host=web-1"], {}, {"action": "login"}),
        (["action=custom_", "context.host=web-1"], {}, {"action": "login"}),
        (["action=login*", "context.host=web-1"], {"action": "login_failed"}, {}),
        (["action!=disk_full"], {"action": "login"}, {}),
        (["action!=disk*"], {"action": "login"}, {}),
        (["client_ip=10.0.0.0/8", "context.host=web-1"], {}, {"client_ip": "192.0.2.1"}),
        (["context.code=500"], {"context": {"code": 500}}, {"context": {"code": 501}}),
        (["context.code=500"], {"context": {"code": "500"}}, {"context": {"code": "5000"}}),
        (["context.beta=true"], {"context": {"beta": True}}, {"context": {"beta": False}}),
        (["model=shop.*"], {"context": {"model": {"app": "shop", "model_name": "order"}}}, {}),
        (["action!=custom_"], {"action": "login"}, {}),
        (["client_ip!=2001:DB8:0::1"], {"client_ip": "2001:db8::2"}, {"client_ip": "2001:db8::1"}),
        (["client_ip!=::ffff:10.0.0.1"], {"client_ip": "10.0.0.2"}, {"client_ip": "10.0.0.1"}),
        ([r"user.username=SHOP\al*"], {"user": {"username": r"SHOP\alice"}}, {"user": {"username": "SHOPalice"}}),
        ([r"user.username!=SHOP\al*"], {"user": {"username": "alice"}}, {"user": {"username": r"SHOP\alice"}}),
        ([r"context.text=a\**"], {"context": {"text": "a*b"}}, {"context": {"text": "ab"}}),
        ([r"context.path=\\host*"], {"context": {"path": r"\\host\share"}}, {"context": {"path": r"\host\share"}}),
        (["user.pk=7", "app=shop"], {"user": {"pk": 7}}, {"user": {"pk": 8}}),
    ],
)
def test_a_pattern_holds_for_the_events_that_people_mean(given, silenced, told):
    event = {"action": "custom_disk_full", "app": "shop", "client_ip": "10.1.2.3", "context": {"host": "web-1"}}
    pattern = Pattern(events_of(given)["pattern"])

    assert pattern.matches(event | silenced)
    assert not pattern.matches(event | told)


def test_a_field_that_no_event_has_is_refused_by_its_name():
    with pytest.raises(UsageError, match=r"username: no event has 'username'; there are: action, app, "):
        events_of(["username=alice"])

    assert FIELDS["event"] - {"summary"} == EVENT


@pytest.mark.parametrize("given", ["context.n!=3", "context.n!=true", "client_ip!=10.0.0.0/8"])
def test_what_a_pattern_would_judge_otherwise_is_to_be_said_as_a_query(given):
    with pytest.raises(UsageError, match="write it as --query"):
        events_of([given])


def test_a_query_stands_in_the_matcher():
    assert events_of(["app=shop"], "event.context.n > 1") == {
        "matcher": {"app": "shop", "query": "event.context.n > 1"}
    }


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ([], None),
        (["app"], None),
        (["app="], None),
        (["app=~sh.*"], None),
        (["app=a", "app=b"], None),
        (["context.host=x"], "true"),
        (["model=order", "context.x=1"], None),
        (["query=x", "context.x=1"], None),
        (["context.a=1", "context.a.b=2"], None),
    ],
)
def test_what_cant_be_meant_is_refused(given, query):
    with pytest.raises(UsageError):
        events_of(given, query)


def test_a_rule_is_silenced_by_what_its_policies_ask():
    assert events_of_rule(rule({"policy": "login"}, {"policy": "large"}, {"policy": "night"}), POLICIES) == [
        {"matcher": {"action": "login"}},
        {"pattern": POLICIES["large"]["pattern"]},
        {"matcher": {"query": "event.created.getHours() < 6"}},
    ]


def test_a_binding_that_is_off_is_not_asked():
    assert events_of_rule(rule({"policy": "login"}, {"user": "alice", "enabled": False}), POLICIES) == [
        {"matcher": {"action": "login"}}
    ]


def test_what_must_all_hold_is_one_silence():
    asked = rule({"policy": "login"}, {"policy": "shop"}, mode="all")

    assert events_of_rule(asked, POLICIES) == [{"matcher": {"action": "login", "app": "shop"}}]


@pytest.mark.parametrize(
    ("asked", "silenced"),
    [
        (rule({"policy": "night", "failure_result": True}), {"matcher": {"query": "event.created.getHours() < 6"}}),
        (
            rule({"policy": "login"}, {"policy": "night", "failure_result": True}, mode="all"),
            {"matcher": {"action": "login", "query": "event.created.getHours() < 6"}},
        ),
        (
            rule({"policy": "rich", "failure_result": True}),
            {"matcher": {"action": "order", "query": "event.context.amount > 5"}},
        ),
    ],
)
def test_what_fires_where_a_query_fails_is_silenced_where_it_does(asked, silenced):
    """The fault: a rule that fired by failure_result went on telling after `silence --rule`."""
    assert events_of_rule(asked, POLICIES) == [silenced | {"failure_result": True}]


@pytest.mark.parametrize("policy", ["login", "large"])
def test_what_has_no_query_has_no_failure_to_silence(policy):
    (silenced,) = events_of_rule(rule({"policy": policy, "failure_result": True}), POLICIES)

    assert "failure_result" not in silenced


def test_a_list_says_of_a_silence_that_it_holds_where_its_query_fails():
    (events,) = (column for column in SILENCES.columns if column.title == "EVENTS")
    matcher = {"app": "shop", "query": "event.context.n > 5"}

    shown = [events.value({"matcher": matcher, "failure_result": fails}) for fails in (False, True)]

    assert shown == ["app=shop, query=event.context.n > 5", "app=shop, query=event.context.n > 5 (or it fails)"]


@pytest.mark.parametrize("mode", ["any", "all"])
def test_a_silence_of_a_rule_holds_for_all_that_the_rule_fires_for(mode):
    asked = rule({"policy": "amount", "failure_result": True}, {"policy": "shop"}, mode=mode)
    policies = POLICIES | {"amount": {"name": "amount", "kind": "expression", "expression": "event.context.amount > 5"}}
    times = {"starts": NOW - timedelta(hours=1), "ends": NOW + timedelta(hours=1)}
    silences = [
        validated(Silence, {"name": f"s{number}", **times, **each})
        for number, each in enumerate(events_of_rule(asked, policies))
    ]
    known = [stored_policy(policies[name]) for name in ("amount", "shop")]
    rules = RuleSet([validated(NotificationRule, asked)], known, silences)
    contexts = ({}, {"amount": "9"}, {"amount": 9}, {"amount": 1})
    events = [event(app=app, context=context) for app in ("shop", "crm") for context in contexts]

    silenced = [rules.silence_for(each, People(), NOW) is not None for each in events]

    fires = [bool(fired(rules, each)) for each in events]
    assert True in fires and False in fires
    assert silenced == fires


@pytest.mark.parametrize(
    "asked",
    [
        rule(),
        rule({"user": "alice"}),
        rule({"group": "admins"}),
        rule({"policy": "login", "negate": True}),
        rule({"policy": "gone"}),
        rule({"policy": "login"}, {"policy": "large"}, mode="all"),
        rule({"policy": "login"}, {"policy": "login"}, mode="all"),
    ],
)
def test_a_rule_that_no_silence_can_say_is_refused_rather_than_silenced_too_widely(asked):
    with pytest.raises(CliError):
        events_of_rule(asked, POLICIES)


def test_other_rules_that_ask_the_same_are_named():
    rules = [
        {"name": "r", "bindings": [{"policy": "login"}]},
        {"name": "same", "bindings": [{"policy": "login"}]},
        {"name": "off", "bindings": [{"policy": "login", "enabled": False}]},
        {"name": "other", "bindings": [{"policy": "shop"}, {"user": "alice"}]},
    ]

    assert rules_touched(rules[0], rules) == ["same"]


def test_a_silence_that_was_made_is_told_where_the_next_one_is_refused(monkeypatch, capsys):
    """The fault: of a rule with two policies, the first was silenced, and nothing but the refusal was said."""
    rule = {"name": "both", "bindings": [{"policy": "one"}, {"policy": "two"}]}
    policies = [{"name": name, "kind": "event_matcher", "app": name} for name in ("one", "two")]

    def answer(asked):
        if asked.method == "GET":
            path = asked.path.partition("?")[0]
            return Reply(200, rule if path == "/rules/both" else {"items": policies if "policies" in path else []})
        if asked.json["matcher"] == {"app": "two"}:
            return Reply(409, {"title": "Conflict", "detail": "there is one of that name"})
        return Reply(201, {"name": "quiet-1", "ends": "2026-03-01T12:00:00Z"})

    with serving(answer) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")

        assert main(["silence", "--rule", "both", "--name", "quiet"]) == ExitCode.CONFLICT

    assert "tocsin unsilence quiet-1" in capsys.readouterr().err
