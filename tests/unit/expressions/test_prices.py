"""What an expression, a pattern and a value cost is told before it is run, and never too low."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.expressions import Expression, ExpressionError
from tocsin.expressions.functions import FUNCTIONS
from tocsin.expressions.regexes import compile_ns, search_ns
from tocsin.expressions.shapes import MAX_MEASURED_NODES, Ruler, of_json
from tocsin.types import Json


def test_a_function_that_has_no_price_does_not_exist() -> None:
    known = set(FUNCTIONS)

    refused = [
        source
        for source in (
            "[1].slice(0, 1)",
            "[1, [2]].flatten()",
            "[1].distinct()",
            "'a'.format([])",
            "strings.quote('a')",
        )
        if _refusal(source) == "undeclared"
    ]

    assert len(refused) == 5
    assert not known & {"slice", "flatten", "distinct", "format", "lists.range", "strings.quote", "reverse"}


def _refusal(source: str) -> str | None:
    try:
        Expression.compile(source)
    except ExpressionError as error:
        return error.kind
    return None


CLASSES = ["[a-z]", "[^a]", "[\\pL]", "[]a]", "[[:alpha:]]", "\\d", "\\pN", "\\PL", "\\p{Greek}"]
atoms = st.sampled_from(["a", "é", ".", "\\.", "\\x{e9}", *CLASSES])
patterns = st.recursive(
    atoms | st.sampled_from(["^", "(?i)b", "\\Q)\\E", "a|b"]),
    lambda inner: st.tuples(inner, inner).map("".join) | inner.map("({})".format) | inner.map("(?:{})|x".format),
    max_leaves=8,
)


@given(atoms | patterns.map("(?:{})".format), st.integers(2, 30))
def test_a_pattern_repeated_is_as_many_times_as_much_work(pattern: str, times: int) -> None:
    once = compile_ns(pattern) - compile_ns("")

    assert compile_ns(f"{pattern}{{{times}}}") >= times * once
    assert compile_ns(f"{pattern}{{0,{times}}}") >= times * once
    assert compile_ns(pattern * times) >= times * once
    assert search_ns(f"{pattern}{{{times}}}") >= search_ns(pattern)


@pytest.mark.parametrize(
    ("pattern", "nanoseconds"),
    [
        # Measured, cold, on the machine that the prices were made on.
        ("a{1000}", 250_000),
        (".{1000}", 2_200_000),
        ("(?i)k{1000}", 990_000),
        ("\\pL", 1_250_000),
        ("\\pL{10}", 9_700_000),
        ("[\\pL\\pN]{10}", 11_400_000),
        ("a{0,1000}", 2_100_000),
        ("(a{0,30}){0,30}", 640_000),
        ("[acegikmoqsuwy]{100}", 380_000),
    ],
)
def test_a_pattern_is_priced_above_what_it_took(pattern: str, nanoseconds: int) -> None:
    assert nanoseconds <= compile_ns(pattern) <= 15 * nanoseconds


@given(
    st.recursive(
        st.none() | st.text(max_size=9) | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    )
)
def test_no_value_is_larger_than_its_json_tells(value: Json) -> None:
    measured = Ruler().measure(value)

    bound_by_text = of_json(len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()))

    assert all(exact <= most for exact, most in zip(measured, bound_by_text, strict=True))


def test_a_very_large_value_is_not_measured_but_bounded_by_its_json() -> None:
    value: Json = [1] * (MAX_MEASURED_NODES + 1)

    measured = Ruler().measure(value)

    assert measured == of_json(2 * len(value) + 1)
