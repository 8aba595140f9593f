"""Expressions written to hold a function or to fill its memory: each is refused, or ends at once.

The native runtime cannot be interrupted, so what counts is that nothing dear is ever begun. Bounds are checked by
what is refused; times only of the processor and with a margin of hundreds, since machines differ. All evaluations
also run in a process of their own, where a crash shows as one and the memory is measured.
"""

import contextlib
import json
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.expressions import hostile_corpus
from tests.unit.expressions.hostile_corpus import ALWAYS, NEVER, NOW, SECRET, SOMETIMES, C, event, events, nested
from tocsin.expressions import Bindings, Expression, ExpressionError, bind
from tocsin.expressions.cost import MAX_ITERATIONS
from tocsin.types import Json


@pytest.fixture(scope="module")
def small() -> Bindings:
    return bind(event=event(), user=None, now=NOW)


@pytest.mark.parametrize("source", NEVER.values(), ids=NEVER)
def test_what_could_take_too_much_on_any_event_is_refused_when_it_is_written(source: str) -> None:
    started = time.process_time()

    with pytest.raises(ExpressionError) as caught:
        Expression.compile(source)

    assert caught.value.kind == "bounds"
    assert time.process_time() - started < 10


@pytest.mark.parametrize("source", SOMETIMES.values(), ids=SOMETIMES)
def test_what_could_take_too_much_on_some_events_runs_on_a_small_one(source: str, small: Bindings) -> None:
    expression = Expression.compile(source)

    result = expression.evaluate(small)

    assert result is not None


@pytest.mark.parametrize("source", SOMETIMES.values(), ids=SOMETIMES)
def test_and_is_refused_on_the_events_that_would_make_it_dear(source: str) -> None:
    expression = Expression.compile(source)
    refused = []

    for name, hard in events().items():
        try:
            expression.evaluate({"event": hard})
        except ExpressionError as error:
            if error.kind == "bounds":
                refused.append(name)

    assert refused
    assert "small" not in refused


@pytest.mark.parametrize("source", ALWAYS.values(), ids=ALWAYS)
def test_what_only_looks_dear_is_accepted_and_ends_at_once(source: str, small: Bindings) -> None:
    expression = Expression.compile(source)
    started = time.process_time()

    try:
        expression.evaluate(small)
    except ExpressionError as error:
        assert error.kind == "evaluation"

    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("name", "source", "allowed"),
    [
        ("lists of 9,000", f"{C}.list.all(x, x >= 0)", True),
        ("lists of 9,000", f"{C}.texts.exists(x, x == 'none')", False),
        ("200 KB of text", f"{C}.text.contains('abba') && {C}.text.matches('abba|baab')", True),
        ("200 KB of text", f"{C}.map.a.matches('^x+[^x]?$')", True),
        ("40,000 small values", "event.action == 'custom_a' && event.id in ['1', '2']", True),
        ("lists of 1,000", f"{C}.map.exists(k, k.startsWith('key99'))", True),
        ("lists of 1,000", f"{C}.texts.join(', ').size() > 10", True),
        ("40,000 small values", f"{C}.list[5].map(x, x) == [] && {C}.list[?7].orValue([1]) == []", True),
        # An index into what has no entries fails, and is no reason to refuse what it is an alternative to.
        ("200 KB of text", f"{C}.text[{C}.list.size()].matches('(a|b)*a(a|b){{12}}c') || event.id == '1'", True),
    ],
)
def test_an_honest_expression_runs_on_a_large_event(name: str, source: str, allowed: bool) -> None:
    expression = Expression.compile(source)

    result = expression.test({"event": events()[name]})

    assert result is allowed


def test_the_refusal_of_a_large_event_says_where_and_why() -> None:
    expression = Expression.compile("event.id == '2' || event.context.list.map(x, x).size() > 0")

    with pytest.raises(ExpressionError) as caught:
        expression.test({"event": events()["lists of 1,000"]})

    assert str(caught.value) == (
        "line 1, column 42: on an event of this size, this expression could take more than 5 ms"
    )


def test_loops_turn_at_most_as_often_as_the_runtime_allows() -> None:
    expression = Expression.compile(f"{C}.list.all(x, {C}.lists.all(y, true))")
    within = {"event": event(list=[1] * 100, lists=[1] * (MAX_ITERATIONS // 100 - 2))}
    beyond = {"event": event(list=[1] * 100, lists=[1] * (MAX_ITERATIONS // 100 - 1))}

    result = expression.test(within)

    assert result is True
    with pytest.raises(ExpressionError, match="iterate 10,000 times or more"):
        expression.test(beyond)


CHAINED = (
    ".map(x, x)", ".filter(x, true)", ".all(x, true)", ".exists(x, true)", ".exists_one(x, true)", ".map(x, true, x)",
    ".sort()", ".sortBy(x, x)", ".?a", "[?0]", "[0]", ".a", ".or(v)", ".orValue(v)", ".value()", ".hasValue()",
    ".optMap(x, x)", ".optFlatMap(x, x)", ".split('')", ".join()", ".replace('a', 'b')", ".trim()", ".size()",
    ".matches('a')", " + v", " == v", " in v", " ? v : v", " && true", " || true", ".transformMap(k, x, x)",
    ".getHours('UTC')", ".substring(0)",
)  # fmt: skip


@pytest.mark.parametrize("link", CHAINED)
def test_no_chain_explodes_in_the_compiler(link: str) -> None:
    chains = [f"cel.bind(v, dyn({C}), v{link * length})" for length in (6, 12, 25, 60)]
    started = time.process_time()

    for chain in chains:
        with contextlib.suppress(ExpressionError):
            Expression.compile(chain)

    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("cel.bind(v, v, ", ")"), ("has(v.a) && (", ")"), ("[v].all(v, ", ")"), ("[v, ", "]"), ("{'a': ", "}"),
        ("optional.of(", ")"), ("!(", ")"), ("true ? v : (", ")"), ("v[", "]"), ("size(", ")"), ("[?", "]"),
        ("cel.bind(v, [v, v], ", ")"), ("cel.bind(v, {'a': v, 'b': v}, ", ")"), ("[v].map(v, v, ", ")"),
        ("v + (", ")"), ("type(", ")"), ("dyn([", "])"), ("[[v], ", "]"),
    ],
)  # fmt: skip
def test_no_nesting_explodes_in_the_compiler(opening: str, closing: str) -> None:
    nests = [f"cel.bind(v, dyn({C}), {opening * depth}v{closing * depth})" for depth in (6, 12, 25, 60)]
    started = time.process_time()

    for nest in nests:
        with contextlib.suppress(ExpressionError):
            Expression.compile(nest)

    assert time.process_time() - started < 10


def test_an_event_nested_without_end_is_refused_and_not_followed() -> None:
    endless: Json = nested(100_000)

    with pytest.raises(ExpressionError) as caught:
        bind(event={"context": endless})

    assert caught.value.kind == "bounds"


def test_no_error_holds_what_an_event_says() -> None:
    sources = [
        "event.context[event.context.secret]",
        "{'a': 1}[event.context.secret]",
        "int(event.context.secret)",
        "timestamp(event.context.secret) > now",
        "duration(event.context.secret) > duration('1s')",
        "duration(event.context.secret.replace('correct-horse-battery-staple', '999999999999999h')) > duration('1s')",
        "event.context.secret + 1",
        "event.context.secret.secret",
        "event.context.secret.substring(99)",
        "event.context.secret > 1",
        "[event.context.secret][event.context.secret]",
        "{event.context.secret: 1, event.context.secret: 2}",
        "bool(event.context.secret)",
        "event.context.secret",
    ]

    for source in sources:
        with pytest.raises(ExpressionError) as caught:
            Expression.compile(source, predicate=source == "event.context.secret").test(bind(event=event(), now=NOW))

        assert SECRET not in str(caught.value)
        assert "999999999999999h" not in str(caught.value).replace(source, "")
        assert caught.value.__cause__ is None


leaves = st.sampled_from(
    [f"{C}.{name}" for name in ("text", "list", "texts", "lists", "map", "?text", "nope")]
    + ["event", "user", "now", "1", "-1", "1.5", "''", "'a'", "[]", "{}", "[1, 2]", "{'a': 1}", "null", "true", "v"]
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    templates = (
        "({0} + {1})", "({0} == {1})", "({0} in {1})", "({0} && {1})", "({0} ? {1} : {2})", "{0}.map(v, {1})",
        "{0}.filter(v, {1})", "{0}.all(v, {1})", "{0}.exists_one(v, {1})", "cel.bind(v, {0}, {1})", "[{0}, {1}]",
        "{{'a': {0}, 'b': {1}}}", "{0}[{1}]", "{0}.size()", "{0}.split({1})", "{0}.join({1})",
        "{0}.replace({1}, {2})", "{0}.contains({1})", "{0}.matches('a+b')", "string({0})", "bytes({0})",
        "{0}.sort()", "{0}.lowerAscii()", "optional.of({0})", "{0}.?a.orValue({1})", "{0}.a", "dyn({0})", "!{0}",
        "optional.of({0}).or({1}).orValue({2})", "type({0})", "{0}.value()",
    )  # fmt: skip
    return st.tuples(st.sampled_from(templates), inner, inner, inner).map(lambda parts: parts[0].format(*parts[1:]))


@given(st.recursive(leaves, _combined, max_leaves=12))
def test_whatever_is_written_gives_json_or_our_error(source: str) -> None:
    wrapped = f"cel.bind(v, event.context, {source})"

    try:
        result = Expression.compile(wrapped).evaluate(bind(event=event(), user=None, now=NOW))
    except ExpressionError as error:
        assert SECRET not in str(error)
    else:
        json.dumps(result, allow_nan=False)


def test_the_whole_corpus_stays_small_and_quick_in_a_process_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, hostile_corpus.__file__],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PYTHONPATH": ":".join(sys.path)},
    )

    assert done.returncode == 0, done.stderr
    worst = json.loads(done.stdout)
    assert worst["seconds"] < 1
    assert worst["megabytes"] < 150
