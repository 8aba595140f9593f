"""The pattern language, operator by operator.

Every case is asked of Pattern and of PatternIndex. What is not said in AWS's user guide is as aws/event-ruler
does it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tocsin.patterns import Pattern, PatternError, PatternIndex

SAMPLES = json.loads((Path(__file__).parents[2] / "data" / "pattern_samples.json").read_text())


def outcome(definition, event):
    """Whether both match; what they say of one another is of interest too."""
    matches = Pattern(definition).matches(event)
    assert PatternIndex({"rule": definition}).match(event) == ({"rule"} if matches else set())
    return matches


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["name"] for sample in SAMPLES])
def test_a_pattern_that_aws_has_judged_is_judged_alike(sample):
    try:
        found = "match" if outcome(sample["pattern"], sample["event"]) else "no match"
    except PatternError:
        found = "invalid"

    assert found == sample["outcome"]


# (what a case shows, the values in the pattern's list for the field x, x in the event, whether it matches);
# an event without x is shown by the absence of a value.
NOTHING = object()
VALUES = [
    ("a string is itself", ["a"], "a", True),
    ("a string is no part of another", ["a"], "ab", False),
    ("case counts", ["a"], "A", False),
    ("one of several will do", ["a", "b"], "b", True),
    ("an address is compared as an address", ["2001:DB8:0:0:0:0:0:1"], "2001:db8::1", True),
    ("an address is not its neighbour", ["2001:db8::1"], "2001:db8::2", False),
    ("leading zeros of an address mean nothing", ["10.0.0.1"], "010.0.0.1", True),
    ("a mapped address is the IPv4 address", ["::ffff:a00:1"], "10.0.0.1", True),
    ("an address stands beside other texts", ["a", "10.0.0.1"], "a", True),
    ("what only looks like an address is a text", ["10.0.0.256"], "10.0.0.256", True),
    ("what only looks like an address has no other form", ["10.0.0.256"], "10.0.0.0256", False),
    ("anything-but compares addresses as texts", [{"anything-but": "10.0.0.1"}], "010.0.0.1", True),
    ("an empty string is a string", [""], "", True),
    ("an empty string is not null", [""], None, False),
    ("an empty string is not nothing", [""], NOTHING, False),
    ("null is null", [None], None, True),
    ("null is not nothing", [None], NOTHING, False),
    ("null is not the word", [None], "null", False),
    ("the word is not null", ["null"], None, False),
    ("null is not false", [None], False, False),
    ("true is true", [True], True, True),
    ("true is not false", [True], False, False),
    ("true is not one", [True], 1, False),
    ("one is not true", [1], True, False),
    ("false is not zero", [False], 0, False),
    ("zero is not false", [0], False, False),
    ("one and true side by side", [1, True], True, True),
    ("true is not the word", [True], "true", False),
    ("the word is not true", ["true"], True, False),
    ("an integer is a decimal of the same value", [5], 5.0, True),
    ("a decimal is an integer of the same value", [5.0], 5, True),
    ("an exponent makes no difference", [5e0], 5, True),
    ("minus zero is zero", [0], -0.0, True),
    ("a number is not its text", [5], "5", False),
    ("a text is not its number", ["5"], 5, False),
    ("a number of any size", [123456789012], 123456789012, True),
    ("numbers beyond floats are exact", [9007199254740993], 9007199254740992, False),
    ("an array is looked into", ["a"], ["b", "a"], True),
    ("an array without it", ["a"], ["b", "c"], False),
    ("an empty array has nothing", ["a"], [], False),
    ("arrays in arrays", ["a"], [["b"], [["a"]]], True),
    ("an object is no value", ["a"], {"a": "a"}, False),
    ("prefix", [{"prefix": "ab"}], "abc", True),
    ("prefix, all of it", [{"prefix": "abc"}], "abc", True),
    ("prefix, but case", [{"prefix": "AB"}], "abc", False),
    ("prefix of a longer one", [{"prefix": "abcd"}], "abc", False),
    ("prefix of a number", [{"prefix": "1"}], 123, False),
    ("prefix in an array", [{"prefix": "b"}], ["abc", "bcd"], True),
    ("an empty prefix takes any string", [{"prefix": ""}], "", True),
    ("an empty prefix takes no number", [{"prefix": ""}], 1, False),
    ("an empty prefix takes no null", [{"prefix": ""}], None, False),
    ("prefix in any case", [{"prefix": {"equals-ignore-case": "aB"}}], "AbC", True),
    ("prefix in any case, but no prefix", [{"prefix": {"equals-ignore-case": "b"}}], "AbC", False),
    ("suffix", [{"suffix": ".png"}], "a.png", True),
    ("suffix, but case", [{"suffix": ".png"}], "a.PNG", False),
    ("suffix of a number", [{"suffix": "3"}], 123, False),
    ("an empty suffix takes any string", [{"suffix": ""}], "", True),
    ("suffix in any case", [{"suffix": {"equals-ignore-case": ".pNg"}}], "a.PnG", True),
    ("suffix in any case, longer than the text", [{"suffix": {"equals-ignore-case": "aa.png"}}], "a.png", False),
    ("any case", [{"equals-ignore-case": "Alice"}], "aLICE", True),
    ("any case, but more", [{"equals-ignore-case": "Alice"}], "alices", False),
    ("any case of a number", [{"equals-ignore-case": "1"}], 1, False),
    ("any case of nothing", [{"equals-ignore-case": ""}], "", True),
    ("any case beyond ASCII", [{"equals-ignore-case": "ÉCLAIR"}], "éclair", True),
    ("a character that has two capitals", [{"equals-ignore-case": "straße"}], "STRASSE", True),
    ("its capitals are not it", [{"equals-ignore-case": "strasse"}], "straße", False),
    ("a sign that only looks like a letter", [{"equals-ignore-case": "k"}], "\u212a", False),
    ("prefix in any case beyond ASCII", [{"prefix": {"equals-ignore-case": "É"}}], "éclair", True),
    ("suffix in any case beyond ASCII", [{"suffix": {"equals-ignore-case": "ß"}}], "FUSS", True),
    ("anything but", [{"anything-but": "a"}], "b", True),
    ("anything but this", [{"anything-but": "a"}], "a", False),
    ("anything but, of another type", [{"anything-but": "1"}], 1, True),
    ("anything but, and null", [{"anything-but": "a"}], None, True),
    ("anything but, and true", [{"anything-but": 1}], True, True),
    ("anything but, and nothing", [{"anything-but": "a"}], NOTHING, False),
    ("anything but, and an empty array", [{"anything-but": "a"}], [], False),
    ("anything but, and an object", [{"anything-but": "a"}], {"y": 1}, False),
    ("anything but, one in an array", [{"anything-but": "a"}], ["a", "b"], True),
    ("anything but, all in an array", [{"anything-but": ["a", "b"]}], ["a", "b"], False),
    ("anything but a number", [{"anything-but": 123}], 123.0, False),
    ("anything but a number, and its text", [{"anything-but": 123}], "123", True),
    ("anything but numbers", [{"anything-but": [100, 200]}], 201, True),
    ("anything but one of numbers", [{"anything-but": [100, 200]}], 2e2, False),
    ("anything but a prefix", [{"anything-but": {"prefix": "in"}}], "on", True),
    ("anything but this prefix", [{"anything-but": {"prefix": ["off", "in"]}}], "inside", False),
    ("anything but a suffix", [{"anything-but": {"suffix": [".a", ".b"]}}], "x.c", True),
    ("anything but this suffix", [{"anything-but": {"suffix": ".a"}}], "x.a", False),
    ("anything but in any case", [{"anything-but": {"equals-ignore-case": ["A", "B"]}}], "b", False),
    ("anything but in any case, something else", [{"anything-but": {"equals-ignore-case": "A"}}], "b", True),
    ("anything but a wildcard", [{"anything-but": {"wildcard": "*/lib/*"}}], "/usr/lib/x", False),
    ("anything but wildcards", [{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}], "/usr/x", True),
    ("anything but an empty wildcard", [{"anything-but": {"wildcard": ""}}], "", False),
    ("two exceptions exclude what both do", [{"anything-but": "a"}, {"anything-but": "b"}], "a", True),
    ("two alike exclude it", [{"anything-but": ["a", "b"]}, {"anything-but": "a"}], "a", False),
    ("an exception or the thing itself", [{"anything-but": "a"}, "a"], "a", True),
    ("equal", [{"numeric": ["=", 5]}], 5.0, True),
    ("more", [{"numeric": [">", 5]}], 5, False),
    ("more or equal", [{"numeric": [">=", 5]}], 5, True),
    ("less", [{"numeric": ["<", -5]}], -5.1, True),
    ("less or equal", [{"numeric": ["<=", -5]}], -4.9, False),
    ("within open limits", [{"numeric": [">", 0, "<", 5]}], 5, False),
    ("within a closed limit", [{"numeric": [">", 0, "<=", 5]}], 5, True),
    ("at a closed lower limit", [{"numeric": [">=", 0, "<", 5]}], 0, True),
    ("a small difference", [{"numeric": [">", 0.1]}], 0.100001, True),
    ("at the greatest limit", [{"numeric": ["<=", 5e9]}], 5_000_000_000, True),
    ("a number in text", [{"numeric": [">", 5]}], "10", False),
    ("true is no number", [{"numeric": [">", 0]}], True, False),
    ("null is no number", [{"numeric": ["<", 1]}], None, False),
    ("a number in an array", [{"numeric": [">", 5]}], [1, 2, 6], True),
    ("there", [{"exists": True}], "a", True),
    ("there, as null", [{"exists": True}], None, True),
    ("there, as false", [{"exists": True}], False, True),
    ("there, as an empty string", [{"exists": True}], "", True),
    ("there, in an array", [{"exists": True}], [1], True),
    ("not there", [{"exists": True}], NOTHING, False),
    ("an object is no leaf", [{"exists": True}], {"y": 1}, False),
    ("an empty object is no leaf", [{"exists": True}], {}, False),
    ("an empty array has no leaf", [{"exists": True}], [], False),
    ("absent", [{"exists": False}], NOTHING, True),
    ("absent, but null", [{"exists": False}], None, False),
    ("absent, as an object is no leaf", [{"exists": False}], {"y": 1}, True),
    ("absent, as an empty array has no leaf", [{"exists": False}], [], True),
    ("absent or this", [{"exists": False}, "a"], "a", True),
    ("absent or this, but that", [{"exists": False}, "a"], "b", False),
    ("cidr", [{"cidr": "10.0.0.0/24"}], "10.0.0.255", True),
    ("cidr, another network", [{"cidr": "10.0.0.0/24"}], "10.0.1.0", False),
    ("cidr, mapped", [{"cidr": "10.0.0.0/24"}], "::ffff:a00:ff", True),
    ("cidr, mapped, as sockets spell it", [{"cidr": "10.0.0.0/24"}], "::ffff:10.0.0.255", True),
    ("cidr, mapped, in full", [{"cidr": "10.0.0.0/24"}], "0:0:0:0:0:FFFF:10.0.0.255", True),
    ("cidr, mapped, another network", [{"cidr": "10.0.0.0/24"}], "::ffff:10.0.1.0", False),
    ("cidr, mapped, no address", [{"cidr": "10.0.0.0/24"}], "::ffff:10.0.0.256", False),
    ("cidr, not mapped", [{"cidr": "10.0.0.0/24"}], "::1:ffff:10.0.0.1", False),
    ("cidr, no address", [{"cidr": "10.0.0.0/24"}], "10.0.0.256", False),
    ("cidr, a name", [{"cidr": "0.0.0.0/0"}], "example.com", False),
    ("cidr, a number", [{"cidr": "0.0.0.0/0"}], 167772161, False),
    ("cidr, whatever bits are left", [{"cidr": "10.0.0.77/24"}], "10.0.0.1", True),
    ("cidr, leading zeros", [{"cidr": "10.0.0.0/24"}], "010.000.0.01", True),
    ("cidr of all", [{"cidr": "0.0.0.0/0"}], "255.255.255.255", True),
    ("cidr of IPv6", [{"cidr": "2001:db8::/32"}], "2001:DB8:0:0::1", True),
    ("cidr of IPv6, another network", [{"cidr": "2001:db8::/32"}], "2001:db9::1", False),
    ("cidr of IPv4, an IPv6 address", [{"cidr": "0.0.0.0/0"}], "::1", False),
    ("cidr of IPv6, an IPv4 address", [{"cidr": "::/0"}], "10.0.0.1", False),
    ("cidr of IPv4, as IPv6 spells it", [{"cidr": "10.0.0.0/8"}], "::ffff:a00:1", True),
    ("cidr, an address in a zone", [{"cidr": "fe80::/10"}], "fe80::1%eth0", False),
    ("wildcard", [{"wildcard": "dir/*.png"}], "dir/sub/a.png", True),
    ("wildcard for nothing", [{"wildcard": "a*b"}], "ab", True),
    ("wildcard, parts that overlap", [{"wildcard": "ab*ba"}], "aba", False),
    ("wildcard, parts in order", [{"wildcard": "*a*b*"}], "xbxa", False),
    ("wildcard alone", [{"wildcard": "*"}], "", True),
    ("wildcard alone takes no number", [{"wildcard": "*"}], 1, False),
    ("wildcard without asterisk", [{"wildcard": "abc"}], "abc", True),
    ("wildcard over lines", [{"wildcard": "a*b"}], "a\n\nb", True),
    ("wildcard at the end of a line", [{"wildcard": "*b"}], "ab\n", False),
    ("wildcard with an asterisk", [{"wildcard": "a\\*b"}], "a*b", True),
    ("wildcard with only an asterisk", [{"wildcard": "a\\*b"}], "axb", False),
    ("wildcard with a backslash", [{"wildcard": "a\\\\*"}], "a\\bc", True),
    ("wildcard with an asterisk before an asterisk", [{"wildcard": "\\**"}], "*a", True),
    ("wildcard, no other sign is special", [{"wildcard": "a?[b]*"}], "a?[b]c", True),
    ("wildcard, and case", [{"wildcard": "A*"}], "abc", False),
    ("exactly", [{"exactly": "a"}], "a", True),
]


@pytest.mark.parametrize(("values", "value", "matches"), [case[1:] for case in VALUES], ids=[c[0] for c in VALUES])
def test_a_value_is_judged(values, value, matches):
    event = {"y": "b"} if value is NOTHING else {"x": value, "y": "b"}

    assert outcome({"x": values}, event) is matches
    assert outcome({"x": values, "y": ["b"]}, event) is matches


FIELDS = [
    ("all fields must match", {"a": [1], "b": [2]}, {"a": 1, "b": 3}, False),
    ("other fields do not matter", {"a": [1]}, {"a": 1, "b": {"a": 2}}, True),
    ("nested fields", {"a": {"b": {"c": [1]}}}, {"a": {"b": {"c": 1}}}, True),
    ("nested fields elsewhere", {"a": {"b": [1]}}, {"b": {"a": 1}}, False),
    ("a field of what is no object", {"a": {"b": [1]}}, {"a": 1}, False),
    ("names have case", {"a": [1]}, {"A": 1}, False),
    ("a dotted name in the pattern", {"a.b": [1]}, {"a": {"b": 1}}, True),
    ("a dotted name in the event", {"a": {"b": {"c": [1]}}}, {"a.b": {"c": 1}}, True),
    ("dots in other places", {"a.b": {"c.d": [1]}}, {"a": {"b.c": {"d": 1}}}, True),
    ("a path in two spellings has both values", {"a.b": [2]}, {"a": {"b": 1}, "a.b": 2}, True),
    ("the last on a path counts", {"a": {"b": [1]}, "a.b": [2]}, {"a": {"b": 1}}, False),
    ("an operator's name may be a field's", {"prefix": {"exists": ["a"]}}, {"prefix": {"exists": "a"}}, True),
    ("a field with an empty name", {"": {"a": [1]}}, {"": {"a": 1}}, True),
    ("a field and one within it", {"a": [1], "a.b": [2]}, {"a": [1, {"b": 2}]}, True),
    ("absence in what is no object", {"a": {"b": [{"exists": False}]}}, {"a": 1}, True),
    ("absence in what is absent", {"a": {"b": [{"exists": False}]}}, {}, True),
]

ARRAYS = [
    ("an object in an array", {"a": {"b": [1]}}, {"a": [{"b": 2}, {"b": 1}]}, True),
    ("one element has both", {"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1, "c": 2}]}, True),
    ("no element has both", {"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1}, {"c": 2}]}, False),
    (
        "no element has both, in other spelling",
        {"a.b": [1], "a.c": [2]},
        {"a": [{"b": 1, "c": 3}, {"b": 3, "c": 2}]},
        False,
    ),
    (
        "another element has both",
        {"a": {"b": [1], "c": [2]}},
        {"a": [{"b": 1}, {"c": 2}, {"b": 1, "c": 2}]},
        True,
    ),
    ("different arrays", {"a": {"b": [1]}, "c": {"b": [2]}}, {"a": [{}, {"b": 1}], "c": [{"b": 2}, {}]}, True),
    (
        "the outer array counts as well",
        {"a": {"n": ["x"], "b": {"c": [1]}}},
        {"a": [{"n": "x", "b": [{"c": 2}]}, {"n": "y", "b": [{"c": 1}]}]},
        False,
    ),
    (
        "the inner array counts as well",
        {"a": {"b": {"c": [1], "d": [2]}}},
        {"a": [{"b": [{"c": 1}, {"d": 2}]}, {"b": [{"c": 1, "d": 3}]}]},
        False,
    ),
    ("two arrays in one element", {"a": {"b": ["x"], "c": ["y"]}}, {"a": [{"b": ["x"], "c": ["y"]}, {}]}, True),
    (
        "two arrays in different elements",
        {"a": {"b": ["x"], "c": ["y"]}},
        {"a": [{"b": ["x"]}, {"c": ["y"]}]},
        False,
    ),
    ("arrays in arrays", {"a": {"b": [1], "c": [2]}}, {"a": [[{"b": 1, "c": 2}], [{"b": 3}]]}, True),
    ("elements of arrays in arrays", {"a": {"b": [1], "c": [2]}}, {"a": [[{"b": 1}, {"c": 2}]]}, False),
    ("fields in and out of an array", {"a": {"b": [1]}, "c": [2]}, {"a": [{"b": 1}, {"b": 3}], "c": 2}, True),
    ("scalars beside objects", {"a": ["x"], "a.b": [1]}, {"a": ["x", {"b": 1}, {"b": 2}]}, True),
    (
        "absence in the element that has the other",
        {"a": {"b": [1], "c": [{"exists": False}]}},
        {"a": [{"b": 1}, {"b": 2, "c": 3}]},
        True,
    ),
    (
        "presence in the element that has the other",
        {"a": {"b": [1], "c": [{"exists": False}]}},
        {"a": [{"b": 1, "c": 3}, {"b": 2}]},
        False,
    ),
    ("absence alone looks at all elements", {"a": {"c": [{"exists": False}]}}, {"a": [{"b": 1}, {"c": 2}]}, False),
    (
        "absence before the other looks at all elements",
        {"a": {"a": [{"exists": False}], "b": [1]}},
        {"a": [{"b": 1}, {"a": 2}]},
        False,
    ),
    (
        "anything-but in one element",
        {"a": {"b": [{"anything-but": 1}], "c": [2]}},
        {"a": [{"b": 1, "c": 2}, {"b": 3, "c": 4}]},
        False,
    ),
]

CHOICES = [
    ("one branch", {"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 3, "b": 2}, True),
    ("no branch", {"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 2, "b": 1}, False),
    ("a branch and the rest", {"c": [3], "$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, False),
    ("all of a branch", {"$or": [{"a": [1], "b": [2]}, {"c": [3]}]}, {"a": 1}, False),
    ("below a field", {"x": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"x": {"b": 2}}, True),
    ("in a branch", {"$or": [{"a": [1], "$or": [{"b": [2]}, {"c": [3]}]}, {"d": [4]}]}, {"a": 1, "c": 3}, True),
    (
        "two of them",
        {"$or": [{"a": [1]}, {"b": [2]}], "x": {"$or": [{"a": [1]}, {"b": [2]}]}},
        {"a": 1, "x": {"c": 2}},
        False,
    ),
    ("a branch replaces what came before", {"a": [1], "$or": [{"a": [2]}, {"b": [3]}]}, {"a": 2}, True),
    ("but does not add to it", {"a": [1], "$or": [{"a": [2]}, {"b": [3]}]}, {"a": 1}, False),
    ("what comes after replaces a branch", {"$or": [{"a": [2]}, {"b": [3]}], "a": [1]}, {"a": 2, "b": 4}, False),
    ("as a field's name", {"$or": {"a": [1]}}, {"$or": {"a": 1}}, True),
    ("as a field's name, with operators", {"$or": [{"prefix": "a"}, {"suffix": "z"}]}, {"$or": "abc"}, True),
    (
        "the same element within a branch",
        {"a": {"$or": [{"b": [1], "c": [2]}, {"d": [3]}]}},
        {"a": [{"b": 1}, {"c": 2}]},
        False,
    ),
]


@pytest.mark.parametrize(
    ("definition", "event", "matches"),
    [case[1:] for case in FIELDS + ARRAYS + CHOICES],
    ids=[case[0] for case in FIELDS + ARRAYS + CHOICES],
)
def test_fields_arrays_and_choices_are_judged(definition, event, matches):
    assert outcome(definition, event) is matches


def test_a_definition_may_be_text():
    assert outcome('{"a": [5e0, null]}', {"a": 5})


def test_the_last_of_two_members_of_the_same_name_counts():
    assert not outcome('{"a": ["x"], "a": ["y"]}', {"a": "x"})


def test_objects_of_the_same_name_are_one():
    text = '{"detail": {"a": [1]}, "detail": {"b": [2]}}'

    assert outcome(text, {"detail": {"a": 1, "b": 2}})
    assert not outcome(text, {"detail": {"b": 2}})


def test_an_event_may_be_deep():
    event = {"a": "x"}
    for _ in range(5_000):
        event = {"a": [event]}

    assert outcome({"a": {"a": {"a": [{"exists": False}]}}}, event)


def test_many_elements_are_judged_without_trying_all_combinations():
    names = [f"array{number}" for number in range(8)]
    event = {name: [{"x": 1, "y": at} for at in range(60)] for name in names}
    definition = {name: {"x": [1], "y": [{"numeric": ["<", 60]}]} for name in names}
    definition[names[-1]] = {"x": [1], "z": [1]}

    assert not outcome(definition, event)
