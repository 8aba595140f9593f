"""What is refused when an expression is written, with its place."""

import pytest

from tocsin.expressions import Bindings, Expression, ExpressionError, bind
from tocsin.expressions.runtime import is_well_formed


def compile_error(source: str, **options: bool) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        Expression.compile(source, **options)
    return caught.value


@pytest.mark.parametrize(
    ("source", "column"),
    [("1 +", 4), ("event.action = 'x'", 14), ("'open", 1), ("", 1), ("true\n  && )", 6), ("99999999999999999999", 1)],
)
def test_what_is_no_cel_is_refused_with_its_place(source: str, column: int) -> None:
    error = compile_error(source)

    assert (error.kind, error.column) == ("parse", column)


def test_an_error_tells_line_and_column_in_characters() -> None:
    error = compile_error("event.action == '😀' &&\n  event.acton == 'x'")

    assert (error.line, error.column) == (2, 8)
    assert str(error).startswith("line 2, column 8: event has no field")


def test_only_the_first_complaint_is_told_and_not_the_page_of_them() -> None:
    error = compile_error("@ " * 900)

    assert error.kind == "parse"
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("evnt.action", '"evnt'),
        ("event.acton == 'login'", '"acton"'),
        ("event['acton']", '"acton"'),
        ("event.?acton.orValue('')", '"acton"'),
        ("event[?'acton'].orValue('')", '"acton"'),
        ("has(event.acton)", '"acton"'),
        ("user.nme == 'x'", '"nme"'),
        ("notification.body", '"notification"'),
        ("lists.range(10)", '"lists.range"'),
        ("'%s'.format([1])", '"format"'),
        ("'a'.reverse()", '"reverse"'),
        ("optional.of(1).optMap(x, x).orValue(2)", '"optMap"'),
        ("optional.of(1) . optFlatMap\n(x, optional.of(x)).orValue(2)", '"optFlatMap"'),
        ("google.protobuf.Struct{}", '"google.protobuf.Struct"'),
        ("google.protobuf.NullValue.NULL_VALUE", '"google.protobuf.NullValue.NULL_VALUE"'),
        ("nope(1)", '"nope"'),
        ("event.context.items.all(item, itm.count > 0)", '"itm'),
    ],
)
def test_what_does_not_exist_is_refused_by_name(source: str, named: str) -> None:
    error = compile_error(source)

    assert error.kind == "undeclared"
    assert named in error.message


def test_a_loop_variable_may_have_any_name_and_its_fields_are_its_own(bindings: Bindings) -> None:
    expression = Expression.compile("[{'foo': 1}].map(event, event.foo)")

    result = expression.evaluate(bindings)

    assert result == [1]


def test_a_field_deeper_in_the_event_is_the_producers_own() -> None:
    expression = Expression.compile("event.context.anything.at.all == 1 || event.user.is_anonymous")

    assert isinstance(expression, Expression)


@pytest.mark.parametrize(
    "source",
    [
        "event.app.matches('[')",
        "event.app.matches('(?<n>')",
        "now.getHours('Europe/Atlantis') > 1",
        "now.getHours('../../etc/passwd') > 1",
        "now.getHours('/dev/zero') > 1",
        "now > timestamp('yesterday')",
        "duration('1 hour') > duration('1s')",
    ],
)
def test_a_malformed_literal_is_refused_when_it_is_written(source: str) -> None:
    error = compile_error(source)

    assert error.kind == "parse"
    assert error.column is not None


@pytest.mark.parametrize("kind", ["duration", "matches", "timestamp", "timezone"])
def test_a_literal_that_the_runtime_does_not_take_is_malformed(kind: str) -> None:
    well_formed = is_well_formed(kind, "half \ud83d pair")

    assert well_formed is False


@pytest.mark.parametrize(
    ("source", "predicate"),
    [
        ("1 == 'a'", False),
        ("now + 1", False),
        ("'text'", True),
        ("[1]", True),
        ("b'abc'", False),
        ("{'a': b'abc'}", False),
        ("type(event)", False),
        ("event.?context", False),
    ],
)
def test_types_that_cannot_fit_are_refused_when_they_are_written(source: str, predicate: bool) -> None:
    error = compile_error(source, predicate=predicate)

    assert error.kind == "type"


def test_a_variable_that_no_expression_has_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="secrets"):
        Expression.compile("true", ("event", "secrets"))
    with pytest.raises(TypeError, match="secrets"):
        bind(secrets={})
