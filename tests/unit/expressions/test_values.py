"""Values that expressions are given and results that they give: JSON in, JSON out."""

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.expressions.an_event import NOW, evaluation_error
from tocsin.expressions import MAPPING_NAMES, Bindings, Expression, ExpressionError, bind
from tocsin.types import Json, JsonObject


def test_the_same_source_is_compiled_once() -> None:
    first = Expression.compile("event.action == 'once'", ("event", "now"))

    second = Expression.compile("event.action == 'once'", ("now", "event"))

    assert first is second


def test_bindings_serve_expressions_of_any_names(bindings: Bindings) -> None:
    policy = Expression.compile("event.action == 'login_failed'", ("event",))
    mapping = Expression.compile("user.name", MAPPING_NAMES)

    results = (policy.test(bindings), mapping.evaluate(bindings))

    assert results == (True, "Alice")


def test_bindings_keep_a_copy_of_what_they_were_given() -> None:
    event: JsonObject = {"action": "login", "context": {}}
    values = bind(event=event)
    event["action"] = "logout"

    result = Expression.compile("event.action").evaluate(values)

    assert result == "login"


@pytest.mark.parametrize(
    "source",
    ["event.context[?'attempts']", "[event.context.?attempts][0]", "dyn(event.context.?absent)"],
)
def test_an_optional_value_is_no_result(source: str, bindings: Bindings) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.compile(source).evaluate(bindings)

    assert caught.value.kind == "type"
    assert "orValue" in caught.value.message


@pytest.mark.parametrize("source", ["dyn({'a': optional.of(1)})", "dyn([{'a': [optional.none()]}])"])
def test_an_optional_value_inside_of_a_result_is_refused_and_does_not_crash(source: str, bindings: Bindings) -> None:
    error = evaluation_error(source, bindings)

    assert error.kind == "type"


@pytest.mark.parametrize("source", ["{1: 'a'}", "dyn([b'x'])", "dyn({'a': type(1)})", "{true: 1}"])
def test_a_result_that_is_not_json_is_refused(source: str, bindings: Bindings) -> None:
    error = evaluation_error(source, bindings)

    assert error.kind == "type"


@pytest.mark.parametrize("source", ["event.app", "event.context.attempts", "event.context", "event.context.nothing"])
def test_a_predicate_whose_result_is_no_bool_is_an_error(source: str, bindings: Bindings) -> None:
    expression = Expression.compile(source, predicate=True)

    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(bindings)

    assert (caught.value.kind, caught.value.message) == ("type", "the result is neither true nor false")


class Action(StrEnum):
    LOGIN = "login"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (cast("Json", Action.LOGIN), "login"),
        (cast("Json", NOW), "2026-03-01T12:00:00+00:00"),
        (cast("Json", (1, 2)), [1, 2]),
        (float("nan"), None),
        (2**70, float(2**70)),
        (2**63, 2**63),
        (-(2**63), -(2**63)),
        ("admin\0x", "admin�x"),
        ("\0\0", "��"),
        ("C:\\u0000", "C:\\u0000"),
        ("\\\\\0", "\\\\�"),
        ("half \ud83d pair", "half ? pair"),
        ("é😀", "é😀"),
    ],
)
def test_what_is_almost_json_is_made_so(given: Json, expected: Json) -> None:
    values = bind(event={"context": {"value": given}})

    result = Expression.compile("event.context.value").evaluate(values)

    assert result == expected


def test_a_name_cut_short_by_a_nul_is_not_the_name() -> None:
    expression = Expression.compile("event.user.username == 'admin'")

    result = expression.test(bind(event={"user": {"username": "admin\0"}}))

    assert result is False


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"event": {"context": {"price": Decimal(1)}}}, "type"),
        ({"event": ["not", "a", "map"]}, "type"),
        ({"severity": 5}, "type"),
        ({"now": datetime(2026, 1, 1)}, "type"),
        ({"now": "2026-01-01T00:00:00Z"}, "type"),
        ({"event": {"context": {"text": "x" * 1_000_001}}}, "bounds"),
    ],
)
def test_values_that_cannot_be_bound_are_refused(values: dict[str, Json | datetime], kind: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        bind(**values)

    assert caught.value.kind == kind


def test_now_may_be_in_any_time_zone() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=5)))

    result = Expression.compile("now").evaluate(bind(now=local))

    assert result == "2026-03-01T12:00:00Z"


def test_a_user_may_be_null() -> None:
    expression = Expression.compile("user == null || user.name == 'Alice'")

    result = expression.test(bind(user=None))

    assert result is True


json_values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_json_comes_out_as_it_went_in(value: Json) -> None:
    expression = Expression.compile("event.context")

    result = expression.evaluate(bind(event={"context": value}))

    assert result == value


@given(json_values, json_values)
def test_equal_in_json_is_equal_in_an_expression(one: Json, other: Json) -> None:
    expression = Expression.compile("event.context.one == event.context.other")

    result = expression.test(bind(event={"context": {"one": one, "other": other}}))

    # orjson tells 1 from true, as CEL does; 1 from 1.0 as CEL does not.
    if orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS):
        assert result is True
    elif one != other:
        assert result is False
