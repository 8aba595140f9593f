"""What is seen at once of strings that meet nothing."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.patterns import PatternIndex
from tocsin.patterns.fields import Field
from tocsin.patterns.matchers import (
    AddressBlock,
    Constant,
    Equals,
    EqualsIgnoringCase,
    Exists,
    NumberRange,
    Prefix,
    Suffix,
    Wildcard,
    clues_of,
)
from tocsin.patterns.memory import Memory
from tocsin.patterns.tables import ValueTable

SHORT = st.text("ab*", max_size=3)
PLAIN = st.one_of(
    SHORT.map(Equals),
    SHORT.map(Prefix),
    SHORT.map(Suffix),
    st.lists(SHORT, min_size=1, max_size=3).map(tuple).map(Wildcard),
)


@given(st.lists(PLAIN, max_size=4), st.text("ab*c", max_size=5))
def test_a_string_that_meets_a_matcher_has_a_clue(matchers, text):
    clues = clues_of(matchers)

    if clues is None:
        assert any(
            isinstance(matcher, Wildcard) and not (matcher.parts[0] or matcher.parts[-1]) for matcher in matchers
        )
    elif any(matcher.matches(text) for matcher in matchers):
        assert text in clues.texts or text.startswith(clues.beginnings) or text.endswith(clues.ends)


@given(st.lists(PLAIN, max_size=4), st.text("ab*c", max_size=5), st.text("ab*c", max_size=5))
def test_clues_are_enough_where_strings_that_show_the_same_meet_the_same(matchers, one, other):
    clues = clues_of(matchers)

    if clues is None or not clues.enough or {one, other} & clues.texts:
        return
    shown = [
        [text.startswith(beginning) for beginning in clues.beginnings] + [text.endswith(end) for end in clues.ends]
        for text in (one, other)
    ]
    if shown[0] == shown[1]:
        assert [matcher.matches(one) for matcher in matchers] == [matcher.matches(other) for matcher in matchers]


def test_what_lies_between_two_parts_is_more_than_a_clue():
    assert clues_of([Prefix("a"), Suffix("b"), Equals("c"), Wildcard(("d", "")), Wildcard(("", "e"))]).enough
    assert not clues_of([Wildcard(("a", "b"))]).enough
    assert not clues_of([Wildcard(("a", "b", ""))]).enough
    assert not clues_of([Wildcard(("", "a", "b"))]).enough


def test_what_asks_nothing_of_strings_alone_needs_no_clue():
    assert clues_of([Exists(), Constant(None), Equals(1), NumberRange(low=1, high=2)]) == (frozenset(), (), (), True)


def test_what_a_string_shows_no_clue_of_has_none():
    assert clues_of([Equals("a"), EqualsIgnoringCase("b")]) is None
    assert clues_of([Prefix("a", any_case=True)]) is None
    assert clues_of([AddressBlock(4, 10, 8)]) is None
    assert clues_of([Wildcard(("", "a", ""))]) is None


def test_many_beginnings_or_ends_are_looked_up():
    assert clues_of([Prefix(f"{number}-") for number in range(12)]) is not None
    assert clues_of([Prefix(f"{number}-") for number in range(13)]) is None
    assert clues_of([Suffix(f"-{number}") for number in range(13)]) is None


def test_a_new_value_without_a_clue_is_looked_up_in_no_table(monkeypatch):
    asked = []
    strings = ValueTable.strings
    monkeypatch.setattr(ValueTable, "strings", lambda table, value: asked.append(value) or strings(table, value))
    index = PatternIndex(
        {
            "rule": {"a": ["x", {"prefix": "in-"}, {"suffix": ".log"}]},
            "but": {"a": [{"anything-but": {"prefix": "out-"}}], "b": [1]},
        }
    )

    matched = [index.match({"a": value, "b": 1}) for value in ("new", "in-new", "new.log", "out-new", "x")]

    assert matched == [{"but"}, {"rule", "but"}, {"rule", "but"}, set(), {"rule", "but"}]
    assert set(asked) == {"in-new", "new.log", "out-new", "x"}


def test_a_value_without_a_clue_is_not_remembered():
    index = PatternIndex({"rule": {"a": ["x", {"prefix": "in-"}]}})
    field = index._within["a"]

    for value in ("id-1", "id-2", ["id-3"]):
        assert index.match({"a": value}) == set()
    assert index.match({"a": "in-1"}) == index.match({"a": ["x"]}) == {"rule"}

    assert field.seen.keys() == {"in-1", "x"}


@given(st.lists(PLAIN, min_size=1, max_size=4), st.text("ab*c", max_size=5))
def test_a_string_meets_the_same_alone_in_an_array_and_looked_up(matchers, text):
    field = Field("a", Memory(10_000))
    field.fill([((matcher,), number) for number, matcher in enumerate(matchers)], [], marks=len(matchers))

    bits, _ = field.string(text)

    assert bits == sum(1 << number for number, matcher in enumerate(matchers) if matcher.matches(text))
    assert field.look_up(text) == field.string(text) == (bits, ())


def test_a_string_of_a_class_of_its_own_meets_what_others_do():
    class Name(str):
        __slots__ = ()

    index = PatternIndex({"rule": {"a": ["x", {"prefix": "in-"}]}})

    assert [index.match({"a": Name(value)}) for value in ("x", "in-1", "y")] == [{"rule"}, {"rule"}, set()]
