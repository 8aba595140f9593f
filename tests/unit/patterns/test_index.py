"""The index as its users see it: names, what it is given, what it keeps, and sharing it."""

from __future__ import annotations

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from tocsin.patterns import Pattern, PatternIndex


def test_an_index_of_nothing_matches_nothing():
    index = PatternIndex({})

    assert index.match({"a": 1}) == set()


def test_an_event_of_nothing_matches_what_asks_for_absence():
    index = PatternIndex({"absent": {"a": [{"exists": False}]}, "present": {"a": [{"exists": True}]}})

    assert index.match({}) == {"absent"}


def test_all_patterns_that_match_are_named():
    index = PatternIndex({"a": {"x": [1]}, "b": {"x": [{"numeric": ["<", 2]}]}, "c": {"x": [2]}})

    assert index.match({"x": 1}) == {"a", "b"}


@pytest.mark.parametrize("name", ["", "a rule: $or * \x00 é", "🔔", 7, ("policy", 3), None])
def test_a_name_is_whatever_the_caller_uses(name):
    index = PatternIndex({name: {"x": [1]}})

    assert index.match({"x": 1}) == {name}


def test_a_name_comes_once_though_several_branches_match():
    index = PatternIndex({"rule": {"$or": [{"x": [1]}, {"y": [1]}, {"x": [{"exists": True}]}]}})

    assert index.match({"x": 1, "y": 1}) == {"rule"}


def test_definitions_may_be_objects_texts_and_patterns():
    index = PatternIndex({"object": {"x": [1]}, "text": '{"x": [1]}', "pattern": Pattern({"x": [1]})})

    assert index.match({"x": 1}) == {"object", "text", "pattern"}


def test_patterns_in_great_number_with_one_value_are_all_named():
    # More than a run or a word of the index holds, with and without an exact value to find them by.
    rules = {f"exact {n}": {"x": ["a"], "y": [{"prefix": str(n)}]} for n in range(300)}
    rules |= {f"prefix {n}": {"x": [{"prefix": "a"}], "y": [{"prefix": str(n)}]} for n in range(300)}
    rules |= {f"alone {n}": {"x": ["a"]} for n in range(300)}
    index = PatternIndex(rules)

    names = index.match({"x": "a", "y": "123"})

    alone = {f"alone {n}" for n in range(300)}
    assert names == alone | {f"{kind} {n}" for kind in ("exact", "prefix") for n in (1, 12, 123)}


def test_wildcards_in_great_number_are_all_found():
    rules = {f"both {n}": {"x": [{"wildcard": f"arn:*:user/{n}"}]} for n in range(200)}
    rules |= {f"inner {n}": {"x": [{"wildcard": f"*:user/{n}*"}]} for n in range(200)}
    index = PatternIndex(rules)

    names = index.match({"x": "arn:aws:iam::1:user/123"})

    assert names == {"both 123", "inner 1", "inner 12", "inner 123"}


# Few are asked one by one, of many only those that may match: both must come to the same.
@pytest.mark.parametrize("others", [0, 40], ids=["few", "many"])
@pytest.mark.parametrize(
    ("operator", "asked", "met"),
    [
        ("suffix", ["4", "/14", "user/14", "/15", "xx-user/14-"], {"4", "/14", "user/14"}),
        ("wildcard", ["*ser*", "*user/14*", "*15*", "*ser*4*", "*4*ser*"], {"*ser*", "*user/14*", "*ser*4*"}),
        ("wildcard", ["u*4", "user/1*14", "user/14*", "*14", "user/*/14", "user*15"], {"u*4", "user/14*", "*14"}),
        ("wildcard", ["u*e*4", "u*/*4*", "*s*1*4", "u*x*4"], {"u*e*4", "u*/*4*", "*s*1*4"}),
    ],
    ids=["ends", "within", "around", "several"],
)
def test_texts_are_found_among_few_and_among_many(operator, asked, met, others):
    noise = {
        "suffix": [f"-{n}-" for n in range(others)],
        "wildcard": [text for n in range(others) for text in (f"*-{n}-*", f"-{n}*-", f"*-{n}*-{n}", f"-{n}*-*-")],
    }
    index = PatternIndex({text: {"x": [{operator: text}]} for text in (*asked, *noise[operator])})

    assert index.match({"x": "user/14"}) == met


def test_ranges_in_great_number_are_all_found():
    rules = {
        (low, high): {"x": [{"numeric": [">=", low, "<", high]}]} for low in range(40) for high in range(low + 1, 41)
    }
    index = PatternIndex(rules)

    for value in (0, 0.5, 17, 39.5, 40):
        assert index.match({"x": value}) == {(low, high) for low, high in rules if low <= value < high}


def test_texts_in_any_case_in_great_number_are_all_found():
    rules = {n: {"x": [{"equals-ignore-case": f"USER-{n}"}]} for n in range(200)}
    rules |= {f"prefix {n}": {"x": [{"prefix": {"equals-ignore-case": f"USER-{n}"}}]} for n in range(200)}
    index = PatternIndex(rules)

    assert index.match({"x": "uSeR-42"}) == {42, "prefix 4", "prefix 42"}


def test_an_unusual_event_is_refused_rather_than_misjudged():
    index = PatternIndex({"rule": {"x": [1]}})

    with pytest.raises(TypeError, match="plain JSON values, not complex"):
        index.match({"x": 1j})


def test_what_an_index_remembers_is_bounded():
    index = PatternIndex({n: {"x": [{"prefix": "user"}], "y": [n]} for n in range(50)}, memory=200_000)

    tracemalloc.start()
    for number in range(20_000):
        index.match({"x": f"user-{number}", "y": number})
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert grown < 400_000


def test_an_index_is_shared_by_threads():
    rules = {n: {"x": [{"prefix": f"{n % 10}"}], "y": [n % 7]} for n in range(500)}
    index = PatternIndex(rules, memory=5_000)
    events = [{"x": f"{number % 13}", "y": number % 9} for number in range(400)]
    reference = PatternIndex(rules)
    wanted = [reference.match(event) for event in events]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(index.match, events * 5))

    assert found == wanted * 5


def test_no_range_holds_what_is_no_number():
    index = PatternIndex({"low": {"n": [{"numeric": ["<", 5]}]}, "high": {"n": [{"numeric": [">=", 5]}]}})

    assert index.match({"n": float("nan")}) == set()


def test_endings_in_any_case_are_found_beside_whole_texts_and_beginnings():
    index = PatternIndex(
        {
            "whole": {"t": [{"equals-ignore-case": "abc"}]},
            "beginning": {"t": [{"prefix": {"equals-ignore-case": "AB"}}]},
            "ending": {"t": [{"suffix": {"equals-ignore-case": "bC"}}]},
        }
    )

    assert index.match({"t": "xBC"}) == {"ending"}
    assert index.match({"t": "ABC"}) == {"whole", "beginning", "ending"}


def test_a_condition_on_very_many_values_is_found_like_any_other():
    values = [f"value {number}" for number in range(500)]
    index = PatternIndex({"many": {"a": values, "b": ["x"]}, "one": {"a": ["value 7"]}})

    assert index.match({"a": "value 7", "b": "x"}) == {"many", "one"}
    assert index.match({"a": "value 499", "b": "x"}) == {"many"}
    assert index.match({"a": "value 500", "b": "x"}) == set()
