"""Expressions: what they accept, what they give, and what they say when something is wrong."""

import doctest
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tocsin.expressions
from tests.unit.expressions.an_event import EVENT, evaluation_error
from tocsin.expressions import MAPPING_NAMES, Bindings, Expression, ExpressionError, bind
from tocsin.expressions.syntax import Call, Constant, Name, decode, walk
from tocsin.types import Json

LAYER = Path(tocsin.expressions.__file__).parents[2]
RECORDS = Path(__file__).parents[2] / "data" / "audit_logs.jsonl"


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
