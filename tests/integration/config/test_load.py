"""What is too much for the matcher is refused over HTTP, by whatever route: the field, the limit and what was given."""

from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.unit.rules.test_load import branching
from tocsin.rules import load

# A tenth of the limits, in a tenth of the time.
MAX_CONDITIONS, MAX_PATTERN_CONDITIONS, MAX_EXPRESSIONS_MS = 25_000, 2_000, 50
LARGEST = branching(100, MAX_PATTERN_CONDITIONS // 100)
FIT = MAX_CONDITIONS // MAX_PATTERN_CONDITIONS
LIMIT = f"conditions, more than {MAX_CONDITIONS:,}; policy p0 alone has {MAX_PATTERN_CONDITIONS:,}"
LOOPS = ".exists(a, [1,2,3,4,5,6,7,8,9,10].exists(b, [1,2,3,4,5,6,7,8,9,10].exists(c, a + b + c == 0)))"


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MAX_CONDITIONS", MAX_CONDITIONS)
    monkeypatch.setattr(load, "MAX_PATTERN_CONDITIONS", MAX_PATTERN_CONDITIONS)
    monkeypatch.setattr(load, "MAX_EXPRESSIONS_NS", MAX_EXPRESSIONS_MS * 1_000_000)


def pattern(number: int, definition: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"p{number}", "kind": "pattern", "pattern": definition}


def filled(count: int) -> dict[str, Any]:
    """A blueprint of so many of the largest patterns, all of which one rule asks, and of one small one."""
    policies = [pattern(number, LARGEST) for number in range(count)] + [pattern(count, {"a": [1]})]
    bindings = [{"policy": each["name"]} for each in policies]
    rule = {"name": "r", "destination_group": "g", "bindings": bindings}
    return {"policies": policies, "rules": [rule], "groups": [{"name": "g"}]}


def wrong(answer: Any) -> tuple[str, str]:
    """The field that the problem names, and what it says of it."""
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    (error,) = answer.body["errors"]
    return error["path"], error["message"]


@pytest.mark.parametrize("query", [{}, {"dry_run": "true"}], ids=["saved", "dry run"])
def test_a_policy_a_rule_and_a_silence_that_are_too_much_are_refused(api: Api, query: dict[str, str]) -> None:
    """The fault: ten policies were taken one by one, and no rule matched any more (85 s and 893 MB to load)."""
    assert api("PUT", "/blueprint", filled(FIT)).status == 200
    path = f"/policies/p{FIT}"

    field, says = wrong(api("PUT", path, {"kind": "pattern", "pattern": LARGEST}, query=query))

    assert field == "pattern"
    assert LIMIT in says
    assert api("GET", path).body["pattern"] == {"a": [1]}
    assert api("PUT", "/policies/unasked", {"kind": "pattern", "pattern": LARGEST}).status == 201
    asking = {"destination_group": "g", "bindings": [{"policy": "unasked"}]}
    field, says = wrong(api("PUT", "/rules/more", asking, query=query))
    assert (field, LIMIT in says) == ("bindings", True)
    assert api("GET", "/rules/more").status == 404
    if not query:
        field, says = wrong(api("PUT", "/silences/s", {"pattern": LARGEST, "ends": "2999-01-01T00:00:00Z"}))
        assert (field, LIMIT in says) == ("pattern", True)


def test_a_blueprint_that_is_too_much_is_refused_where_the_largest_stands(api: Api) -> None:
    field, says = wrong(api("PUT", "/blueprint", filled(FIT + 1)))

    assert field == "policies[0].pattern"
    assert f"all patterns come to {(FIT + 1) * MAX_PATTERN_CONDITIONS + 1:,} {LIMIT}" in says


def test_one_pattern_and_one_expression_are_bounded_by_themselves(api: Api) -> None:
    field, says = wrong(api("PUT", "/policies/p", {"kind": "pattern", "pattern": branching(100, 30)}))
    assert field == "pattern"
    assert f"3,000 conditions (alternatives of $or times fields), more than {MAX_PATTERN_CONDITIONS:,}" in says

    field, says = wrong(api("PUT", "/policies/p", {"kind": "expression", "expression": f"[{'1,' * 300}2]{LOOPS}"}))
    assert field == "expression"
    assert "this expression could iterate 10,000 times or more" in says


def test_expressions_that_take_too_long_together_are_refused(api: Api) -> None:
    slow = [
        {"name": f"p{n}", "kind": "expression", "expression": f"[{n},2,3,4,5,6,7,8,9,10]{LOOPS}"} for n in range(150)
    ]
    rules = [{"name": f"r{n}", "destination_group": "g", "bindings": [{"policy": f"p{n}"}]} for n in range(150)]

    field, says = wrong(api("PUT", "/blueprint", {"policies": slow, "rules": rules, "groups": [{"name": "g"}]}))

    assert field.startswith("policies[")
    assert field.endswith("].expression")
    assert f"ms an event, more than {MAX_EXPRESSIONS_MS}" in says


def test_silences_that_are_over_burden_nothing(api: Api) -> None:
    """The fault: for 30 days after their end they kept rules from being saved."""
    silence = {"pattern": LARGEST, "ends": "2999-01-01T00:00:00Z"}
    for number in range(FIT):
        assert api("PUT", f"/silences/s{number}", silence).status == 201
    full = api("PUT", "/silences/more", silence)
    api("DELETE", "/silences/s0")

    again = api("PUT", "/silences/more", silence)
    as_document = api("PUT", "/blueprint", api("GET", "/blueprint").body)

    assert (full.status, again.status, as_document.status) == (422, 201, 200)
