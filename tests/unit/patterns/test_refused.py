"""What EventBridge refuses is refused, with an error that names the path and the operator."""

from __future__ import annotations

import pytest

from tocsin.patterns import Pattern, PatternError, PatternIndex
from tocsin.patterns.wildcards import parse, too_complex

# (the value of the field x in the pattern, the operator that the error names)
VALUES = [
    ("a", ""),
    (5, ""),
    (None, ""),
    ({}, ""),
    ([], ""),
    ([["a"]], ""),
    ([{}], ""),
    ([float("nan")], ""),
    ([float("inf")], ""),
    ([1 << 20_000], ""),
    ([{"numeric": ["<", 1 << 20_000]}], "numeric"),
    ([{"contains": "a"}], "contains"),
    ([{"PREFIX": "a"}], "PREFIX"),
    ([{"prefix": "a", "suffix": "b"}], "prefix"),
    ([{"prefix": 5}], "prefix"),
    ([{"prefix": None}], "prefix"),
    ([{"prefix": ["a"]}], "prefix"),
    ([{"prefix": {}}], "prefix"),
    ([{"prefix": {"wildcard": "a"}}], "prefix/wildcard"),
    ([{"prefix": {"equals-ignore-case": 5}}], "prefix/equals-ignore-case"),
    ([{"prefix": {"equals-ignore-case": ["a"]}}], "prefix/equals-ignore-case"),
    ([{"suffix": 5}], "suffix"),
    ([{"suffix": ["a"]}], "suffix"),
    ([{"suffix": {"prefix": "a"}}], "suffix/prefix"),
    ([{"suffix": {"equals-ignore-case": "a", "x": 1}}], "suffix"),
    ([{"equals-ignore-case": 5}], "equals-ignore-case"),
    ([{"equals-ignore-case": ["a"]}], "equals-ignore-case"),
    ([{"equals-ignore-case": {"prefix": "a"}}], "equals-ignore-case"),
    ([{"exactly": 5}], "exactly"),
    ([{"exists": "true"}], "exists"),
    ([{"exists": 1}], "exists"),
    ([{"exists": None}], "exists"),
    ([{"exists": [True]}], "exists"),
    ([{"anything-but": None}], "anything-but"),
    ([{"anything-but": True}], "anything-but"),
    ([{"anything-but": []}], "anything-but"),
    ([{"anything-but": {}}], "anything-but"),
    ([{"anything-but": ["a", 1]}], "anything-but"),
    ([{"anything-but": ["a", None]}], "anything-but"),
    ([{"anything-but": [True]}], "anything-but"),
    ([{"anything-but": [["a"]]}], "anything-but"),
    ([{"anything-but": [{"prefix": "a"}]}], "anything-but"),
    ([{"anything-but": float("nan")}], "anything-but"),
    ([{"anything-but": {"prefix": "a", "suffix": "b"}}], "anything-but"),
    ([{"anything-but": {"prefix": ""}}], "anything-but/prefix"),
    ([{"anything-but": {"prefix": ["a", ""]}}], "anything-but/prefix"),
    ([{"anything-but": {"prefix": []}}], "anything-but/prefix"),
    ([{"anything-but": {"prefix": 5}}], "anything-but/prefix"),
    ([{"anything-but": {"prefix": {"equals-ignore-case": "a"}}}], "anything-but/prefix"),
    ([{"anything-but": {"suffix": ""}}], "anything-but/suffix"),
    ([{"anything-but": {"suffix": ["a", 5]}}], "anything-but/suffix"),
    ([{"anything-but": {"equals-ignore-case": 5}}], "anything-but/equals-ignore-case"),
    ([{"anything-but": {"equals-ignore-case": ["a", 5]}}], "anything-but/equals-ignore-case"),
    ([{"anything-but": {"wildcard": 5}}], "anything-but/wildcard"),
    ([{"anything-but": {"wildcard": ["a**"]}}], "anything-but/wildcard"),
    ([{"anything-but": {"numeric": [">", 5]}}], "anything-but/numeric"),
    ([{"anything-but": {"cidr": "10.0.0.0/8"}}], "anything-but/cidr"),
    ([{"anything-but": {"exists": True}}], "anything-but/exists"),
    ([{"anything-but": {"anything-but": "a"}}], "anything-but/anything-but"),
    ([{"numeric": 5}], "numeric"),
    ([{"numeric": "> 5"}], "numeric"),
    ([{"numeric": {">": 5}}], "numeric"),
    ([{"numeric": []}], "numeric"),
    ([{"numeric": [">"]}], "numeric"),
    ([{"numeric": [5, ">"]}], "numeric"),
    ([{"numeric": [">", "5"]}], "numeric"),
    ([{"numeric": [">", True]}], "numeric"),
    ([{"numeric": [">", None]}], "numeric"),
    ([{"numeric": ["==", 5]}], "numeric"),
    ([{"numeric": ["!=", 5]}], "numeric"),
    ([{"numeric": [">", 0, "<"]}], "numeric"),
    ([{"numeric": [">", 0, ">", 0]}], "numeric"),
    ([{"numeric": ["<", 5, ">", 0]}], "numeric"),
    ([{"numeric": ["=", 5, "<", 6]}], "numeric"),
    ([{"numeric": [">", 0, "=", 5]}], "numeric"),
    ([{"numeric": [">", 5, "<", 5]}], "numeric"),
    ([{"numeric": [">=", 5, "<=", 5]}], "numeric"),
    ([{"numeric": [">", 6, "<", 5]}], "numeric"),
    ([{"numeric": [">", 0, "<", 5, "<", 6]}], "numeric"),
    ([{"numeric": [">", 5_000_000_001]}], "numeric"),
    ([{"numeric": ["=", -5.1e9]}], "numeric"),
    ([{"cidr": 5}], "cidr"),
    ([{"cidr": ["10.0.0.0/8"]}], "cidr"),
    ([{"cidr": "10.0.0.0"}], "cidr"),
    ([{"cidr": "10.0.0.0/"}], "cidr"),
    ([{"cidr": "10.0.0.0/8/8"}], "cidr"),
    ([{"cidr": "10.0.0.0/-1"}], "cidr"),
    ([{"cidr": "10.0.0.0/eight"}], "cidr"),
    ([{"cidr": "10.0.0.0/32"}], "cidr"),
    ([{"cidr": "10.0.0.0/33"}], "cidr"),
    ([{"cidr": "10.0.0/8"}], "cidr"),
    ([{"cidr": "10.0.0.256/8"}], "cidr"),
    ([{"cidr": "example.com/8"}], "cidr"),
    ([{"cidr": "2001:db8::/128"}], "cidr"),
    ([{"cidr": "2001:db8:::/32"}], "cidr"),
    ([{"wildcard": 5}], "wildcard"),
    ([{"wildcard": ["a"]}], "wildcard"),
    ([{"wildcard": "a**b"}], "wildcard"),
    ([{"wildcard": "a\\b"}], "wildcard"),
    ([{"wildcard": "a\\"}], "wildcard"),
    ([{"wildcard": "*a*a*a*a*a*a*a*a*"}], "wildcard"),
]


@pytest.mark.parametrize(
    ("value", "operator"),
    VALUES,
    ids=[f"{operator or 'value'}-{number}" for number, (_, operator) in enumerate(VALUES)],
)
def test_a_value_that_eventbridge_refuses_is_refused_by_path_and_operator(value, operator):
    with pytest.raises(PatternError) as caught:
        Pattern({"detail": {"x": value}})

    assert (caught.value.path, caught.value.operator) == ("detail.x", operator)
    assert str(caught.value).startswith("detail.x: " + (f"{operator}: " if operator else ""))


@pytest.mark.parametrize(
    "definition",
    [
        {},
        [],
        None,
        "",
        "[]",
        '"a"',
        "{",
        '{"a": [NaN]}',
        '{"a": [1e999]}',
        b"\xff",
        {1: ["a"]},
        {"$or": []},
        {"$or": [{"a": [1]}]},
        {"$or": [{"a": [1]}, 5]},
        {"$or": [{"a": [1]}, {}]},
        {"$or": "a"},
        {"$or": [{"a": [1]}, {"prefix": ["b"]}]},
        {"a": [1], "$or": [{"b": [1]}, {"c": {"numeric": [1]}}]},
        {"$or": [{f"a{number}": [1]} for number in range(1001)]},
        {"a": {"$or": [{f"a{n}": [1]} for n in range(40)]}, "$or": [{f"b{n}": [1]} for n in range(30)]},
        {f"a{number}": [1] for number in range(257)},
        {".".join("a" * 102): [1]},
    ],
    ids=lambda definition: repr(definition)[:60],
)
def test_a_pattern_that_eventbridge_refuses_is_refused(definition):
    with pytest.raises(PatternError):
        Pattern(definition)


def test_a_pattern_may_name_256_fields():
    pattern = Pattern({f"a{number}": [1] for number in range(256)})

    assert pattern.matches({f"a{number}": 1 for number in range(256)})


def test_an_operator_in_the_place_of_a_field_is_named():
    with pytest.raises(PatternError, match=r"^detail\.x: exists: an operator's place is "):
        Pattern({"detail": {"x": {"exists": True}}})


def test_a_fault_in_a_branch_is_told_though_or_may_be_a_field():
    with pytest.raises(PatternError, match=r"^b: numeric: must be a number"):
        Pattern({"$or": [{"a": [1]}, {"b": [{"numeric": [">", "1"]}]}]})


@pytest.mark.parametrize("text", ['{"a":' * 100_000, '{"$or":[' * 100_000])
def test_text_that_is_too_deep_is_refused(text):
    with pytest.raises(PatternError, match="levels deep"):
        Pattern(text)


def test_an_object_that_is_too_deep_is_refused():
    definition = {"a": [1]}
    for _ in range(5_000):
        definition = {"a": definition}

    with pytest.raises(PatternError, match="levels deep"):
        Pattern(definition)


def test_as_many_combinations_as_allowed_are_taken():
    pattern = Pattern({"$or": [{f"a{number}": [1]} for number in range(1000)]})

    assert pattern.matches({"a999": 1})


def test_an_index_tells_whose_definition_it_refuses():
    with pytest.raises(PatternError) as caught:
        PatternIndex({"good": {"a": [1]}, "bad": {"a": 1}})

    assert caught.value.__notes__ == ["in the pattern named 'bad'"]


# What event-ruler finds complex, and how far EventBridge goes.
@pytest.mark.parametrize(
    ("patterns", "is_refused"),
    [
        (["*"], False),
        (["arn:aws:iam::*:user/*/development/*"], False),
        (["*:stack/shared/*", "*:stack/web/*", "*:stack/api/*"], False),
        (["*:stack/shared/*", "*:stack/web/*", "*:stack/api/*", "*:stack/monitoring/*"], True),
        (["*/data/*.bif", "*/data/*.tif"], False),
        (["*/data/*.bif", "*/data/*.tif", "*/data/*.tiff", "*/data/*.svs"], True),
        (["*a*a*a*a*a*a*a*a*"], True),
        (["*aaaaaaaa"], False),
        (["*aaaaaaaaaaaa"], True),
        (["*abcdefghijklmnopqrstuvwxyz"], False),
    ],
)
def test_wildcards_that_are_too_complex_together_are_refused(patterns, is_refused):
    assert too_complex(map(parse, patterns)) is is_refused
