"""Expressions: what they accept, what they give, and what they say when something is wrong."""

import doctest
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tocsin.expressions
from tocsin.expressions import MAPPING_NAMES, Bindings, Expression, ExpressionError, bind
from tocsin.expressions.syntax import Call, Constant, Name, decode, walk
from tocsin.types import Json, JsonObject

LAYER = Path(tocsin.expressions.__file__).parents[2]
RECORDS = Path(__file__).parents[2] / "data" / "audit_logs.jsonl"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

EVENT: JsonObject = {
    "id": "0195",
    "action": "login_failed",
    "app": "authentication",
    "context": {
        "attempts": 6,
        "ratio": 0.5,
        "roles": ["admin", "auditor"],
        "items": [{"name": "a", "count": 1}, {"name": "b", "count": 2}],
        "nothing": None,
        "message": "denied",
    },
    "user": {"username": "alice", "pk": 7, "email": "alice@example.org"},
    "client_ip": "10.0.0.1",
    "created": "2026-03-01T11:59:00Z",
    "brand": {},
    "expires": None,
}
USER: JsonObject = {"username": "alice", "name": "Alice", "groups": ["ops", "admins"], "attributes": {"tier": 1}}


@pytest.fixture
def bindings() -> Bindings:
    return bind(event=EVENT, user=USER, now=NOW)


def compile_error(source: str, **options: bool) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        Expression.compile(source, **options)
    return caught.value


def evaluation_error(source: str, values: Bindings | Mapping[str, Json | datetime]) -> ExpressionError:
    expression = Expression.compile(source)
    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(values)
    return caught.value


def test_importing_the_package_does_not_load_the_library() -> None:
    program = "import sys, tocsin.expressions; print([name for name in sys.modules if 'cel_expr' in name])"

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=LAYER, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def test_the_example_in_the_documentation_holds() -> None:
    result = doctest.testmod(tocsin.expressions)

    assert (result.attempted, result.failed) == (3, 0)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("event.action == 'login_failed'", True),
        ("event.context.attempts > 5 && event.app.startsWith('auth')", True),
        ("event.context.attempts == 6.0", True),
        ("event.context.roles.exists(role, role == 'admin')", True),
        ("event.context.items.all(item, item.count < 2)", False),
        ("'auditor' in event.context.roles", True),
        ("'message' in event.context", True),
        ("has(event.context.absent)", False),
        ("has(event.summary) || event.client_ip.matches('^10[.]')", True),
        ("event.context.nothing == null", True),
        ("event.context.?absent.?deeper.orValue('none') == 'none'", True),
        ("event.context[?'attempts'].orValue(0) == 6", True),
        ("user.groups.exists(group, group in ['admins', 'root'])", True),
        ("now - timestamp(event.created) == duration('60s')", True),
        ("now.getHours() == 12 && now.getHours('+02:00') == 14", True),
        ("event.user.username.upperAscii() == 'ALICE'", True),
        ("type(event.context.attempts) == int && type(event) == map", True),
        ("event.context.absent == 1 || true", True),
        ("event.context.`message` == 'denied'", True),
    ],
)
def test_a_predicate_gives_true_or_false(source: str, expected: bool, bindings: Bindings) -> None:
    expression = Expression.compile(source, predicate=True)

    result = expression.test(bindings)

    assert result is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("event.context.attempts + 1", 7),
        ("event.context.ratio * 3.0", 1.5),
        ("'failed: ' + event.user.username + ' ' + string(event.context.attempts)", "failed: alice 6"),
        ("event.context.items.map(item, item.name)", ["a", "b"]),
        ("event.context.items.filter(item, item.count > 1)", [{"name": "b", "count": 2}]),
        ("event.context.roles.map(role, role != 'admin', role + '!')", ["auditor!"]),
        ("event.context.roles.join(', ')", "admin, auditor"),
        ("'b,a,c'.split(',').sort()", ["a", "b", "c"]),
        ("user.attributes.map(key, key)", ["tier"]),
        ("{'a': event.context.nothing, ?'b': event.context.?absent, 'c': [1u]}", {"a": None, "c": [1]}),
        ("cel.bind(c, event.context, c.attempts * c.attempts)", 36),
        ("optional.of(event.app).or(optional.none()).value().size()", 14),
        ("now", "2026-03-01T12:00:00Z"),
        ("timestamp('2026-01-31T12:00:00.25+01:00')", "2026-01-31T11:00:00.250000Z"),
        ("[now - timestamp(event.created), duration('-1.5s')]", ["60s", "-1.5s"]),
        ("1.0 / 0.0", None),
        ("event.context.attempts > 5 ? {'level': 'high'} : {'level': 'low'}", {"level": "high"}),
        ("string(b'abc') + 'é😀'.substring(1)", "abc😀"),
        ("-9223372036854775807 - 1", -(2**63)),
        ("18446744073709551615u", 2**64 - 1),
    ],
)
def test_a_mapping_gives_json(source: str, expected: Json, bindings: Bindings) -> None:
    expression = Expression.compile(source)

    result = expression.evaluate(bindings)

    assert result == expected


def test_a_mapping_speaks_of_the_notification_and_its_transport() -> None:
    expression = Expression.compile(
        "{'text': notification.body, 'to': user.email, 'rule': rule.name, 'via': transport.name, 's': severity}",
        MAPPING_NAMES,
    )
    values = bind(
        notification={"body": "alice failed to log in"},
        user={"email": "ops@example.org"},
        rule={"name": "failures"},
        transport={"name": "hook"},
        severity="alert",
    )

    result = expression.evaluate(values)

    assert result == {
        "text": "alice failed to log in",
        "to": "ops@example.org",
        "rule": "failures",
        "via": "hook",
        "s": "alert",
    }


def test_maps_come_out_sorted_by_key_since_cel_has_no_order(bindings: Bindings) -> None:
    expression = Expression.compile("{'c': 1, 'a': 2, 'b': {'z': 1, 'y': 2}}")

    result = expression.evaluate(bindings)

    assert orjson.dumps(result) == b'{"a":2,"b":{"y":2,"z":1},"c":1}'


def test_a_mapping_of_plain_values_is_bound_for_the_one_evaluation() -> None:
    expression = Expression.compile("event.action")

    result = expression.evaluate({"event": EVENT})

    assert result == "login_failed"


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


@pytest.mark.parametrize(
    ("source", "message", "column"),
    [
        ("event.context.absent", 'there is no key "absent"', 14),
        ("event.context[event.app]", "there is no such key", None),
        ("event.context.message.deeper", "a field is asked of a value that is not a map", None),
        ("event.context.message + 1", "_+_ cannot be applied to (string, int)", 23),
        ("1 / (event.context.attempts - 6)", "division by zero", None),
        ("1 % (event.context.attempts - 6)", "division by zero", None),
        ("9223372036854775807 + event.context.attempts", "a number, time or duration is out of range", None),
        ("event.context.roles[2]", "an index is outside its list", None),
        ("int(event.app)", "a value cannot be converted to the type asked for", None),
        ("event.app.substring(99)", "a position is outside its string", None),
        ("event.context.?absent.value()", "value() was asked of a value that is missing", None),
        ("timestamp('9999-12-31T23:59:59Z') + duration('9h')", "a number, time or duration is out of range", None),
        ("event.context.attempts ? 1 : 2", "_?_:_ cannot be applied to values of these types", 24),
        ("event.app.all(x, true)", "a loop cannot be applied to values of these types", 14),
        ("event.app.size() + size(event.context.attempts)", "size cannot be applied to (int)", None),
        ("[3, 'a'].sort()", "sort() was given a list of mixed types", None),
        ("{event.app: 1, event.app: 2}", "a map has the same key twice", None),
        ("{event.context.ratio: 1}", "a map key is not a string, a whole number or a bool", None),
    ],
)
def test_a_failed_evaluation_says_what_and_where_it_can(
    source: str, message: str, column: int | None, bindings: Bindings
) -> None:
    error = evaluation_error(source, bindings)

    assert (error.kind, error.message, error.column) == ("evaluation", message, column)


def test_a_variable_without_a_value_is_told_by_name() -> None:
    error = evaluation_error("now > timestamp(event.created)", bind(event=EVENT))

    assert (error.kind, error.message) == ("evaluation", '"now" has no value here')


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


@given(st.text(max_size=40))
def test_text_that_is_no_expression_gives_only_our_error(source: str) -> None:
    try:
        expression = Expression.compile(source)
    except ExpressionError as error:
        assert error.kind != "evaluation"
    else:
        assert expression.source == source


def test_an_error_of_an_audit_record_shows_none_of_its_content() -> None:
    expression = Expression.compile("event.context[string(event.context)] == event.context + 1")
    records = [orjson.loads(line) for line in RECORDS.read_bytes().splitlines()[:100]]

    for record in records:
        with pytest.raises(ExpressionError) as caught:
            expression.test({"event": {"context": record["log"]}})

        assert caught.value.kind == "evaluation"
        assert not any(word in str(caught.value) for word in record["log"])


def test_the_tree_has_literals_names_and_positions() -> None:
    expression = Expression.compile("'é' + event.app == string(b'x') || [-1, 2u, 1.5, null, true] == dyn(now)")

    nodes = list(walk(expression._tree))

    literals = [node.value for node in nodes if isinstance(node, Constant)]
    names = {node.name: node.position for node in nodes if isinstance(node, Name)}
    assert literals == ["é", b"x", -1, 2, 1.5, None, True]
    assert names == {"event": 6, "now": 68}
    assert {node.function for node in nodes if isinstance(node, Call)} == {"_+_", "_==_", "_||_", "dyn", "string"}


def test_the_root_of_a_tree_is_decoded_from_what_the_runtime_serialized() -> None:
    expression = Expression.compile("event.app == 'x'")

    tree = decode(expression._program.serialize())

    assert tree == expression._tree


def test_what_evaluations_leave_allocated_is_freed_before_it_is_much() -> None:
    expression = Expression.compile("event.context.lines.map(line, line + line).size()")
    values = bind(event={"context": {"lines": ["x"] * 300}})
    first = values.activation(0)

    for _ in range(20):
        expression.evaluate(values)

    assert values.activation(0) is not first
