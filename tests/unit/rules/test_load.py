"""All rules together are bounded, and a policy that can't be loaded stops no other."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.rules.test_ruleset import MATCHES, NOW, People, event, fired, policies, rule
from tocsin.expressions import ExpressionError
from tocsin.patterns import Pattern, PatternError
from tocsin.rules import load
from tocsin.rules.load import MAX_CONDITIONS, MAX_PATTERN_CONDITIONS, Overloaded, check_load, conditions
from tocsin.rules.model import Matching, Silence
from tocsin.rules.ruleset import RuleSet

FIELDS = st.dictionaries(st.sampled_from("abcdef"), st.just([1]), min_size=1, max_size=3)
PATTERNS = st.recursive(
    FIELDS,
    lambda inner: st.fixed_dictionaries(
        {"n": inner}, optional={"$or": st.lists(inner, min_size=2, max_size=3), "m": inner}
    ),
    max_leaves=6,
)


def branching(alternatives: int, fields: int) -> dict[str, Any]:
    """A pattern of so many alternatives, of so many fields each."""
    return {"$or": [{f"a{n}": [1]} for n in range(alternatives)], **{f"f{n}": [1] for n in range(fields - 1)}}


def pattern(name: str, definition: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "kind": "pattern", "pattern": definition}


@given(PATTERNS)
def test_counted_conditions_are_never_fewer_than_those_that_are_compiled(definition: dict[str, Any]) -> None:
    try:
        compiled = Pattern(definition)
    except PatternError:
        return

    assert conditions(definition) >= sum(len(alternative) for alternative in compiled.alternatives)


@pytest.mark.parametrize(
    ("definition", "count"),
    [
        ({"a": [1]}, 1),
        ({"a": [1, 2, 3], "b": {"c": ["x"], "d": [True]}}, 3),
        (branching(10, 5), 50),
        ({"$or": [1, 2]}, 1),  # a field of that name
        ({"$or": [{"a": [1]}, {"b": [1]}], "c": {"$or": [{"d": [1]}, {"e": [1]}, {"f": [1]}]}}, 12),
    ],
)
def test_conditions_are_alternatives_times_fields(definition: dict[str, Any], count: int) -> None:
    assert conditions(definition) == count


def test_patterns_that_are_too_much_together_are_refused_with_the_largest_named() -> None:
    """The fault: ten policies of 5 KB, each accepted, took 85 s and 893 MB to compile, and no rule matched any more."""
    each = MAX_PATTERN_CONDITIONS // 100
    many = [pattern(f"p{n}", branching(100, each)) for n in range(13)]
    rules = [rule(f"r{n}", bindings=[{"policy": f"p{n}"}]) for n in range(13)]

    check_load(rules[:12], policies(*many), ())
    with pytest.raises(Overloaded, match=rf"come to 260,000 conditions, more than {MAX_CONDITIONS:,}; policy p0 alone"):
        check_load(rules, policies(*many), ())


def test_what_no_enabled_rule_asks_is_not_counted() -> None:
    many = [pattern(f"p{n}", branching(1000, 256)) for n in range(3)]

    check_load([rule(bindings=[{"policy": "p0"}], enabled=False)], policies(*many), ())
    check_load([rule(bindings=[{"policy": "p0", "enabled": False}])], policies(*many), ())


def test_expressions_that_could_take_too_long_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAX_EXPRESSIONS_NS", 50_000_000)
    loops = ".exists(a, [1,2,3,4,5,6,7,8,9,10].exists(b, [1,2,3,4,5,6,7,8,9,10].exists(c, a + b + c == 0)))"
    slow = [
        {"name": f"p{n}", "kind": "expression", "expression": f"[{n},2,3,4,5,6,7,8,9,10]{loops}"} for n in range(150)
    ]
    quick = [{"name": f"p{n}", "kind": "expression", "expression": f"event.action == 'a{n}'"} for n in range(150)]

    check_load([rule(f"r{n}", bindings=[{"policy": f"p{n}"}]) for n in range(150)], policies(*quick), ())
    with pytest.raises(Overloaded, match=r"could take [0-9,]+ ms an event, more than 50; policy p\d+ alone"):
        check_load([rule(f"r{n}", bindings=[{"policy": f"p{n}"}]) for n in range(150)], policies(*slow), ())


def test_a_policy_that_can_not_be_loaded_fails_alone() -> None:
    good = pattern("good", {"action": ["login_failed"]})
    stored = [*policies(good, pattern("vast", branching(1000, 30)), pattern("odd", {"a": [1]}))]
    stored[2] = replace(stored[2], pattern={"a": [{"numeric": ["<", "x"]}]})
    rules = [rule(name, bindings=[{"policy": name}]) for name in ("good", "vast", "odd")]

    loaded = RuleSet(rules, stored, lenient=True)
    verdict = loaded.judge(event(), People(), NOW)

    assert fired(loaded, event()) == ["good"]
    assert loaded.broken.keys() == {"vast", "odd"}
    assert sorted(failure.policy for failure in verdict.failures) == ["odd", "vast"]
    assert "30,000 conditions" in loaded.broken["vast"]
    with pytest.raises(PatternError):
        RuleSet(rules, stored)


def test_of_policies_that_are_too_much_together_the_largest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a configuration of an earlier version, which had more room, may have them."""
    monkeypatch.setattr(load, "MAX_CONDITIONS", 1_000)
    stored = policies(*(pattern(f"p{size}", branching(10, size)) for size in (50, 30, 40)))
    rules = [rule(f"r{each.name}", bindings=[{"policy": each.name}]) for each in stored]

    assert RuleSet(rules, stored, lenient=True).broken == {
        "p50": "the pattern comes to 500 conditions, and all together to more than 1,000"
    }


def silence(name: str, **events: Any) -> Silence:
    return Silence(name=name, starts=NOW - timedelta(hours=1), ends=NOW + timedelta(hours=1), **events)


def test_silences_count_with_the_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault: silences were accepted that took an accepted policy's room when all were loaded."""
    monkeypatch.setattr(load, "MAX_CONDITIONS", MAX_CONDITIONS // 10)
    monkeypatch.setattr(load, "MAX_PATTERN_CONDITIONS", MAX_PATTERN_CONDITIONS // 10)
    size = MAX_PATTERN_CONDITIONS // 10 - 100
    silences = [silence(f"s{n}", pattern=branching(100, size // 100)) for n in range(13)]
    large = policies(pattern("large", branching(100, MAX_PATTERN_CONDITIONS // 1000)))
    rules = [rule(bindings=[{"policy": "large"}])]

    check_load(rules, large, silences[:11])
    assert RuleSet(rules, large, silences[:11], lenient=True).broken == {}
    with pytest.raises(Overloaded, match="policy large alone"):
        check_load(rules, large, silences)


def test_what_is_accepted_together_is_loaded_whole() -> None:
    matchers = [{"name": f"p{n}", "kind": "event_matcher", "action": "login", "app": f"a{n}"} for n in range(50)]
    rules = [rule(f"r{n}", bindings=[{"policy": f"p{n}"}]) for n in range(50)]

    check_load(rules, policies(*matchers), ())

    assert RuleSet(rules, policies(*matchers), lenient=True).broken == {}


@pytest.mark.parametrize(
    "events",
    [
        {"matcher": Matching(query="event.action ==")},
        {"matcher": Matching(action="login_failed", query="event.action ==")},
        {"pattern": {"a": [{"numeric": ["<", "x"]}]}},
        {"pattern": branching(1000, 30)},
    ],
    ids=["query", "query beside a matcher", "pattern", "too large"],
)
def test_a_silence_that_can_not_be_loaded_silences_nothing_and_stops_no_rule(events: dict[str, Any]) -> None:
    """The fault: a stored silence whose query did not compile kept every rule from being loaded."""
    rules = [rule(bindings=[{"policy": "matches"}])]

    loaded = RuleSet(rules, policies(MATCHES), [silence("odd", **events)], lenient=True)
    verdict = loaded.judge(event(), People(), NOW)

    assert [firing.rule.name for firing in verdict.firings] == ["rule"]
    assert verdict.silence is None
    assert len(loaded.broken) == 1
    with pytest.raises((PatternError, ExpressionError)):
        RuleSet(rules, policies(MATCHES), [silence("odd", **events)])


def test_counting_ends_where_patterns_do() -> None:
    deep: dict[str, Any] = {"a": [1]}
    for _ in range(5_000):
        deep = {"a": deep}

    assert conditions(deep) == 0


def test_a_pattern_that_is_too_large_by_itself_is_left_out_and_costs_the_others_nothing() -> None:
    huge = branching(MAX_PATTERN_CONDITIONS // 2 + 1, 2)

    left_out = load.too_large({"huge": huge, "small": {"app": ["shop"]}})

    assert list(left_out) == ["huge"]
    assert f"more than {MAX_PATTERN_CONDITIONS:,}" in left_out["huge"]


@pytest.mark.parametrize("ordinary", ["text", 7, None, {"a": [1]}, [1, {"a": [1]}]])
def test_an_or_that_is_no_list_of_alternatives_is_a_field_of_that_name(ordinary: Any) -> None:
    assert conditions({"$or": ordinary, "app": ["shop"]}) == 2
