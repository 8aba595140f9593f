"""The rule set: which rules fire, why, and that the index never changes the answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tocsin.events.model import Cause, Event
from tocsin.ids import new_id
from tocsin.models import validated
from tocsin.rules.model import NotificationRule, Policy, Silence
from tocsin.rules.ruleset import MAX_DEPTH, RuleSet
from tocsin.types import JsonObject

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLICIES = TypeAdapter(tuple[Policy, ...])


class People:
    """An audience with known answers, which counts how often it is asked."""

    def __init__(self, groups: tuple[str, ...] = ()) -> None:
        self._groups = groups
        self.asked = 0

    def user(self) -> JsonObject:
        self.asked += 1
        return {"username": "alice", "pk": 7, "email": "alice@example.com", "name": "Alice", "groups": []}

    def username(self) -> str | None:
        return "alice"

    def is_in_group(self, group: str) -> bool:
        self.asked += 1
        return group in self._groups


def event(**fields: Any) -> Event:
    known: dict[str, Any] = {
        "id": new_id(),
        "action": "login_failed",
        "app": "shop",
        "user": {"username": "alice", "pk": 7},
        "context": {},
        "client_ip": "203.0.113.7",
        "brand": "default",
        "expires": None,
    }
    return Event(**(known | fields))


def policies(*definitions: dict[str, Any]) -> tuple[Policy, ...]:
    return POLICIES.validate_python(definitions)


def rule(name: str = "rule", **fields: Any) -> NotificationRule:
    return validated(NotificationRule, {"name": name, **fields})


MATCHES = {"name": "matches", "kind": "event_matcher", "action": "login_failed"}
DIFFERS = {"name": "differs", "kind": "event_matcher", "action": "logout"}
FAILS = {"name": "fails", "kind": "expression", "expression": "event.context.nothing == 1"}


def fired(rules: RuleSet, about: Event, audience: People | None = None) -> list[str]:
    return [firing.rule.name for firing in rules.judge(about, audience or People(), NOW).firings]


@pytest.mark.parametrize(
    ("matcher", "matches"),
    [
        ({"action": "login_failed"}, True),
        ({"action": "login"}, False),
        ({"app": "shop"}, True),
        ({"app": "sho"}, False),
        ({"model": "crm.customer"}, True),
        ({"model": "crm.order"}, False),
        ({"client_ip": "203.0.113.7"}, True),
        ({"client_ip": "203.0.113.0/24"}, True),
        ({"client_ip": "203.0.114.0/24"}, False),
        ({"client_ip": "203.0.113.7/32"}, True),
        ({"client_ip": "::ffff:203.0.113.7"}, True),
        ({"client_ip": "::ffff:203.0.113.0/120"}, True),
        ({"client_ip": "::ffff:203.0.114.0/120"}, False),
        ({"query": "event.user.username == 'alice'"}, True),
        ({"query": "event.user.username == 'bob'"}, False),
        ({"action": "login_failed", "app": "shop", "client_ip": "203.0.113.7"}, True),
        ({"action": "login_failed", "app": "other"}, False),
        ({"action": "login_failed", "query": "event.app == 'shop'"}, True),
        ({"action": "logout", "query": "event.app == 'shop'"}, False),
    ],
)
def test_an_event_matcher_holds_when_all_that_is_set_holds(matcher: dict[str, str], matches: bool) -> None:
    rules = RuleSet([rule(bindings=[{"policy": "p"}])], policies({"name": "p", "kind": "event_matcher", **matcher}))

    names = fired(rules, event(context={"model": {"app": "crm", "model_name": "customer"}}))

    assert names == (["rule"] if matches else [])


def test_a_matcher_on_the_custom_prefix_means_every_custom_action() -> None:
    rules = RuleSet(
        [rule(bindings=[{"policy": "p"}])], policies({"name": "p", "kind": "event_matcher", "action": "custom_"})
    )

    assert fired(rules, event(action="custom_deploy")) == ["rule"]
    assert fired(rules, event(action="login")) == []


def test_a_matcher_on_an_unknown_action_means_the_custom_action_that_is_stored_for_it() -> None:
    rules = RuleSet(
        [rule(bindings=[{"policy": "p"}])], policies({"name": "p", "kind": "event_matcher", "action": "deploy"})
    )

    assert fired(rules, event(action="custom_deploy")) == ["rule"]


def test_a_matcher_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="set at least one"):
        policies({"name": "p", "kind": "event_matcher"})


@pytest.mark.parametrize(
    "bindings", [[], [{"policy": "matches", "enabled": False}]], ids=["no bindings", "all disabled"]
)
@pytest.mark.parametrize("mode", ["any", "all"])
def test_a_rule_without_enabled_bindings_never_fires(bindings: list[Any], mode: str) -> None:
    rules = RuleSet([rule(bindings=bindings, policy_engine_mode=mode)], policies(MATCHES))

    assert fired(rules, event()) == []


@pytest.mark.parametrize(
    ("mode", "bindings", "fires"),
    [
        ("any", [{"policy": "matches"}, {"policy": "differs"}], True),
        ("all", [{"policy": "matches"}, {"policy": "differs"}], False),
        ("all", [{"policy": "matches"}, {"policy": "differs", "negate": True}], True),
        ("any", [{"policy": "matches", "negate": True}], False),
        ("any", [{"policy": "differs", "negate": True}], True),
        ("all", [{"policy": "matches"}, {"policy": "differs", "enabled": False}], True),
        ("any", [{"user": "alice"}], True),
        ("any", [{"user": "bob"}], False),
        ("any", [{"group": "oncall"}], True),
        ("all", [{"group": "oncall"}, {"group": "others", "negate": True}], True),
        ("any", [{"policy": "fails"}], False),
        ("any", [{"policy": "fails", "failure_result": True}], True),
        ("any", [{"policy": "fails", "failure_result": True, "negate": True}], True),
        ("any", [{"policy": "fails", "negate": True}], False),
    ],
)
def test_bindings_decide_as_mode_negation_and_failure_result_say(mode: str, bindings: list[Any], fires: bool) -> None:
    rules = RuleSet([rule(bindings=bindings, policy_engine_mode=mode)], policies(MATCHES, DIFFERS, FAILS))

    assert fired(rules, event(), People(groups=("oncall",))) == (["rule"] if fires else [])


def test_a_disabled_rule_does_not_fire() -> None:
    rules = RuleSet([rule(enabled=False, bindings=[{"policy": "matches"}])], policies(MATCHES))

    assert fired(rules, event()) == []


def test_a_failing_policy_is_reported_once_however_many_rules_ask_it() -> None:
    rules = RuleSet([rule(name, bindings=[{"policy": "fails"}]) for name in ("a", "b")], policies(FAILS))

    failures = rules.judge(event(), People(), NOW).failures

    assert [failure.policy for failure in failures] == ["fails"]
    assert "nothing" in failures[0].error


def test_bindings_that_cost_a_read_are_not_asked_when_the_index_has_decided() -> None:
    people = People()
    rules = RuleSet(
        [
            rule("any", bindings=[{"group": "g", "order": 0}, {"policy": "matches", "order": 1}]),
            rule(
                "all",
                policy_engine_mode="all",
                bindings=[{"group": "g", "order": 0}, {"policy": "differs", "order": 1}],
            ),
        ],
        policies(MATCHES, DIFFERS),
    )

    names = fired(rules, event(), people)

    assert names == ["any"]
    assert people.asked == 0


def test_an_event_never_fires_the_rule_that_caused_it() -> None:
    rules = RuleSet([rule(name, bindings=[{"policy": "matches"}]) for name in ("a", "b")], policies(MATCHES))

    assert fired(rules, event(cause=Cause("a", None, 1))) == ["b"]


def test_a_chain_of_system_events_ends() -> None:
    rules = RuleSet([rule(bindings=[{"policy": "matches"}])], policies(MATCHES))

    depths = [depth for depth in range(1, 10) if fired(rules, event(cause=Cause(None, None, depth)))]

    assert depths == [1, 2]  # docs/rules.md: it ends with the third


def test_explain_gives_every_binding_with_its_reason() -> None:
    tested = rule(bindings=[{"policy": "matches"}, {"policy": "fails"}, {"user": "bob", "negate": True}])
    rules = RuleSet([tested], policies(MATCHES, FAILS))

    explanation = rules.explain(tested, event(), People(), NOW)

    assert [(result.passed, result.error is None) for result in explanation.results] == [
        (True, True),
        (False, False),
        (True, True),
    ]
    assert explanation.results[0].reason == "policy matches holds"
    assert explanation.results[2].reason == "user bob does not hold, negated"
    assert explanation.fires


def silence(**fields: Any) -> Silence:
    known = {"name": "drill", "starts": NOW - timedelta(hours=1), "ends": NOW + timedelta(hours=1)}
    return validated(Silence, known | fields)


@pytest.mark.parametrize(
    ("given_silence", "holds"),
    [
        (silence(matcher={"action": "login_failed"}), True),
        (silence(matcher={"action": "logout"}), False),
        (silence(pattern={"user": {"username": [{"prefix": "al"}]}}), True),
        (silence(matcher={"query": "event.app == 'shop'"}), True),
        (silence(matcher={"action": "login_failed", "query": "event.app == 'other'"}), False),
        (silence(matcher={"query": "event.context.missing == 1"}), False),
        (silence(matcher={"query": "event.context.missing == 1"}, failure_result=True), True),
        (silence(matcher={"action": "logout", "query": "event.context.missing == 1"}, failure_result=True), False),
        (silence(matcher={"query": "event.app == 'other'"}, failure_result=True), False),
        (silence(matcher={"action": "login_failed"}, starts=NOW + timedelta(minutes=1)), False),
        (silence(matcher={"action": "login_failed"}, ends=NOW), False),
    ],
)
def test_a_silence_holds_for_its_events_in_its_time(given_silence: Silence, holds: bool) -> None:
    rules = RuleSet([rule(bindings=[{"policy": "matches"}])], policies(MATCHES), [given_silence])

    verdict = rules.judge(event(), People(), NOW)

    assert verdict.silence == (given_silence if holds else None)


# ── the law: the index never changes what the plain evaluation says ─────────────────────────────────────────

_ACTIONS = st.sampled_from(["login", "login_failed", "logout", "custom_deploy"])
_APPS = st.sampled_from(["shop", "crm", "ci"])
_POLICY_NAMES = [f"p{number}" for number in range(6)]


@st.composite
def _policy(draw: st.DrawFn, name: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(["event_matcher", "pattern", "expression", "query"]))
    if kind == "event_matcher":
        fields = draw(
            st.dictionaries(st.sampled_from(["action", "app"]), st.none(), min_size=1).map(
                lambda chosen: {key: draw(_ACTIONS if key == "action" else _APPS) for key in chosen}
            )
        )
        return {"name": name, "kind": "event_matcher", **fields}
    if kind == "query":
        return {
            "name": name,
            "kind": "event_matcher",
            "action": draw(_ACTIONS),
            "query": f"event.context.n > {draw(st.integers(0, 3))}",
        }
    if kind == "pattern":
        numeric = {"numeric": [draw(st.sampled_from([">", "<=", "="])), draw(st.integers(0, 3))]}
        return {"name": name, "kind": "pattern", "pattern": {"app": [draw(_APPS)], "context": {"n": [numeric]}}}
    return {"name": name, "kind": "expression", "expression": f"event.context.n == {draw(st.integers(0, 3))}"}


_BINDING = st.fixed_dictionaries(
    {"order": st.integers(0, 2), "enabled": st.booleans(), "negate": st.booleans(), "failure_result": st.booleans()}
).flatmap(
    lambda flags: st.one_of(
        st.sampled_from(_POLICY_NAMES).map(lambda name: flags | {"policy": name}),
        st.sampled_from(["alice", "bob"]).map(lambda name: flags | {"user": name}),
        st.sampled_from(["g", "h"]).map(lambda name: flags | {"group": name}),
    )
)


@given(data=st.data())
def test_judging_by_the_index_is_the_same_as_asking_every_binding(data: st.DataObject) -> None:
    known = policies(*(data.draw(_policy(name)) for name in _POLICY_NAMES))
    asked = [
        rule(
            f"rule{number}",
            policy_engine_mode=data.draw(st.sampled_from(["any", "all"])),
            bindings=data.draw(st.lists(_BINDING, max_size=4)),
        )
        for number in range(6)
    ]
    context = data.draw(st.sampled_from([{}, {"n": 0}, {"n": 2}, {"n": "text"}]))
    about = event(action=data.draw(_ACTIONS), app=data.draw(_APPS), context=context)
    rules = RuleSet(asked, known)

    names = fired(rules, about, People(groups=("g",)))

    plainly = [each.name for each in asked if rules.explain(each, about, People(groups=("g",)), NOW).fires]
    assert names == plainly


@pytest.mark.parametrize("window", ["milliseconds=999", "days=31;seconds=1"])
def test_a_throttles_window_is_a_second_at_least_and_31_days_at_most(window: str) -> None:
    with pytest.raises(ValidationError, match="a second at least, and 31 days at most"):
        rule(throttle={"window": window, "max": 1})


def test_a_silence_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"ends .* is not after starts "):
        validated(Silence, {"name": "s", "matcher": {"app": "shop"}, "starts": NOW, "ends": NOW})


@pytest.mark.parametrize("asked", [{"matcher": {"app": "shop"}}, {"pattern": {"app": ["shop"]}}])
def test_a_silence_without_a_query_has_no_result_of_its_failure(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="failure_result is the result of a query"):
        silence(**asked, failure_result=True)


def test_an_explanation_says_that_nothing_fires_for_the_last_of_many_system_events() -> None:
    rules = RuleSet([rule(bindings=[{"policy": "matches"}])], policies(MATCHES))
    deep = event(cause=Cause(rule="another", transport=None, depth=MAX_DEPTH))

    explained = rules.explain(rule(bindings=[{"policy": "matches"}]), deep, People(), NOW)

    assert not explained.fires
    assert explained.loop is not None
    assert f"the last of {MAX_DEPTH} that Tocsin reported" in explained.loop


PIPED = {
    "name": "piped",
    "kind": "expression",
    "expression": r"event.context.cmd.matches('(curl|wget)[^|]*\\|\\s*(ba|z)?sh')",
}
COUNTED = {"name": "counted", "kind": "expression", "expression": "event.context.n > 5"}
PIPED_PATTERN = {"name": "piped", "kind": "pattern", "pattern": {"context": {"cmd": [{"wildcard": "*curl*|*sh*"}]}}}


@pytest.mark.parametrize(
    ("policy", "context"),
    [
        (PIPED, {"cmd": f"curl x{' ' * 64_000}| sh"}),  # padded beyond the time that the expression may take
        (COUNTED, {"n": "9"}),
        (COUNTED, {"n": [9]}),
        (COUNTED, {"n": None}),
        (COUNTED, {}),
    ],
)
@pytest.mark.parametrize("failure_result", [False, True])
def test_who_makes_an_expression_fail_gets_its_failure_result_and_is_reported(
    policy: JsonObject, context: JsonObject, failure_result: bool
) -> None:
    rules = RuleSet(
        [rule(bindings=[{"policy": policy["name"], "failure_result": failure_result}])],
        policies(policy),
    )

    verdict = rules.judge(event(context=context), People(), NOW)

    assert bool(verdict.firings) is failure_result
    assert [failure.policy for failure in verdict.failures] == [policy["name"]]


def test_a_pattern_is_not_padded_past() -> None:
    rules = RuleSet([rule(bindings=[{"policy": "piped"}])], policies(PIPED_PATTERN))

    assert fired(rules, event(context={"cmd": f"curl x{' ' * 64_000}| sh"})) == ["rule"]


def test_what_policies_say_that_log_is_told_whatever_fires() -> None:
    logged = MATCHES | {"execution_logging": True}
    unasked = logged | {"name": "unasked"}
    rules = RuleSet([rule(bindings=[{"policy": "matches", "negate": True}])], policies(logged, unasked))

    verdict = rules.judge(event(), People(), NOW)
    last = rules.judge(event(cause=Cause(rule=None, transport=None, depth=MAX_DEPTH)), People(), NOW)

    assert verdict.firings == ()
    assert [(run.policy, run.passed, run.message) for run in verdict.runs] == [("matches", True, "holds")]
    assert last.runs == ()
