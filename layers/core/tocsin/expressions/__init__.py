"""Expressions: CEL over an event, compiled once, bounded, safe to take from anybody who may write a rule.

    >>> spike = Expression.compile("event.action == 'login_failed' && event.context.?attempts.orValue(0) > 5")
    >>> bindings = bind(event={"action": "login_failed", "context": {"attempts": 6}})
    >>> spike.test(bindings)
    True

For who writes one
------------------

Expressions are written in CEL, the Common Expression Language (https://cel.dev). Policies and search filters
are expressions that give true or false; mappings give any JSON.

**Names.** In policies and filters: `event` {id, action, app, context, user, client_ip, created, brand,
expires, expiring, summary, cause, key_id}, `user` {username, pk, email, name, groups, attributes (empty)}, and `now`, a
timestamp. In mappings: `event`, `notification` {id, severity, body, hyperlink, hyperlink_label, created, event,
event_id, action, app, rule, seen, user}, `user` (who is notified: also locale, active, superuser; null for nobody in
particular), `rule` {name}, `severity`, and `transport` {name, mode, send_once}. A first-level field that does not exist
(`event.acton`) is refused when the expression is written; what is inside of `context` is a producer's own,
and a key that is missing there is an error when the expression runs. Ask first with `has(event.context.x)`,
or say what stands for it: `event.context.?x.?y.orValue('')`. Times in an event are strings: compare
`timestamp(event.created) > now - duration('1h')`.

**What there is.** Operators `== != < <= > >= && || ! + - * / % in ?: [ ]`; `size`, `contains`, `startsWith`,
`endsWith`, `matches` (RE2, its pattern a literal), `type`, and conversions `bool int uint double string bytes
timestamp duration dyn`; of strings `charAt indexOf lastIndexOf join lowerAscii upperAscii replace split
substring trim`; of times `getFullYear getMonth getDate getDayOfWeek getHours getMinutes …`, with a literal
time zone if wanted; of lists and maps `all exists exists_one filter map`, of lists `sort`; of optional values
`.?`, `[?…]`, `optional.of`, `optional.none`, `or`, `orValue`, `hasValue`, `value`; and `cel.bind(name, value,
expression)`. Maps have no order: `context.map(k, k).sort()`.

**Results.** Strings, numbers, booleans, null, lists and maps with string keys; times become strings like
`2026-01-31T12:00:00Z`, durations like `90s`, infinities null. Bytes, types and optional values are errors.

**Limits.** 2,000 characters, 32 levels of nesting, less than 10,000 turns of all loops together, 5 ms, 8 MB,
values of 1 MB of JSON. None is met by interrupting: before an expression is accepted, and again before it runs
on an event so large or full of lists that it matters, its cost is added up from the sizes of the values, and
one that could exceed a limit is refused with an error of kind `bounds`, saying where. So a list of up to some
450 items can be mapped or filtered, and one of thousands asked with `exists` or `all`.

For who calls it
----------------

`import tocsin.expressions` does not load the CEL library; the first `Expression.compile` does (5 to 15 ms).
Extensions enabled: strings, optional, bindings, and of lists only `sort`. Not enabled: `format` and `quote`
(strings), `optMap` and `optFlatMap` (optional), math, encoders, sets, protobuf messages, two-variable loops,
everything of lists that can grow.
"""

import functools
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from tocsin.expressions.cost import OverspentError, Price, estimate
from tocsin.expressions.errors import ExpressionError, Kind, error_at, evaluation_error
from tocsin.expressions.functions import OPTIONALS
from tocsin.expressions.runtime import RUNTIME_ERRORS, Program, Value, compile_program, is_well_formed
from tocsin.expressions.shapes import Built, Shape, Size, of_json
from tocsin.expressions.syntax import Call, Name, decode, walk
from tocsin.expressions.values import Bindings, bind, to_json
from tocsin.expressions.vocabulary import MAPPING_NAMES, POLICY_NAMES, VARIABLES, check_literals, check_names
from tocsin.types import Json

__all__ = [
    "MAPPING_NAMES",
    "POLICY_NAMES",
    "Bindings",
    "Expression",
    "ExpressionError",
    "Kind",
    "bind",
]

MAX_CHARACTERS: Final = 2_000
"""The longest source of an expression."""

CACHED_EXPRESSIONS: Final = 256
"""How many compiled expressions a process keeps for who asks again. One takes 20 KB, at worst 350 KB."""

# What an expression must afford to be accepted: an event of 64 values in 1 KB, with ten in a list.
_SMALL: Final = Size(nodes=64, chars=1_024, items=10, text=256)

# Sizes in bytes of JSON up to which an expression's cost is looked at once, when it is compiled: as if all
# of them were one string, and all of them a list of digits.
_LEVELS: Final = (1_000_000, 64_000, 8_000)

type Values = Bindings | Mapping[str, Json | datetime]


class Expression:
    """A compiled expression. Immutable, and safe to share between threads.

    Attributes:
        source: the text.
        predicate: whether only true or false is a result.
        names: what stands in it as a variable: `event`, `user`, and those of its loops.
        nanoseconds: what it may take on a small event, by its estimate.
    """

    __slots__ = (
        *("_affordable", "_memory", "_program", "_tree", "_walked"),
        *("names", "nanoseconds", "predicate", "source"),
    )

    def __init__(self, source: str, names: Collection[str], *, predicate: bool) -> None:
        """Compile; use `Expression.compile`, which keeps what it has compiled."""
        self.source: Final = source
        self.predicate: Final = predicate
        self._program: Final = _parse(source)
        self._tree: Final = decode(self._program.serialize())
        check_names(self._tree, source, names)
        self.names: Final = frozenset(node.name for node in walk(self._tree) if isinstance(node, Name))
        self._walked: Final = any(isinstance(node, Call) and node.function in OPTIONALS for node in walk(self._tree))
        _check_result(self._program.return_type().name(), predicate=predicate)
        try:
            self._memory, self.nanoseconds = self._estimate(Built(_SMALL))
        except OverspentError as error:
            raise self._refused(error, "this expression") from None
        # Only now: to try a regular expression takes time too.
        check_literals(self._tree, source, is_well_formed)
        self._affordable = 0
        for level in _LEVELS:
            try:
                memory = self._estimate(Built(of_json(level))).memory
            except OverspentError:
                continue
            self._memory, self._affordable = memory, level
            break

    @classmethod
    def compile(cls, source: str, names: Collection[str] = POLICY_NAMES, *, predicate: bool = False) -> "Expression":
        """Return the compiled expression, the same one for the same arguments.

        Args:
            source: the text, at most 2,000 characters.
            names: the variables it may use, such as `POLICY_NAMES` or `MAPPING_NAMES`.
            predicate: also refuse it if its result cannot be true or false.

        Raises:
            ExpressionError: of kind parse, undeclared, bounds or type.
            TypeError: there is no such variable.
        """
        if unknown := set(names) - VARIABLES.keys():
            raise TypeError(f"there is no variable {', '.join(sorted(unknown))}")
        return _compiled(source, frozenset(names), predicate)

    def evaluate(self, bindings: Values) -> Json:
        """Return the result as JSON.

        Args:
            bindings: the variables, as `bind` gives them; a mapping is bound for this evaluation.

        Raises:
            ExpressionError: `evaluation` where it fails on these values, `type` where the result is not
                JSON, `bounds` where these values are so large that it could take too much.
        """
        if self.predicate:
            return self.test(bindings)
        return to_json(self._run(bindings), walked=self._walked)

    def test(self, bindings: Values) -> bool:
        """Return the result, which must be true or false.

        Raises:
            ExpressionError: as `evaluate`; `type` where the result is neither true nor false.
        """
        value = self._run(bindings)
        if value.type().name() == "BOOL":
            return value.value() is True
        raise ExpressionError("type", "the result is neither true nor false")

    def __repr__(self) -> str:
        """Return the source."""
        return f"Expression({self.source!r})"

    def _run(self, values: Values) -> Value:
        bindings = values if isinstance(values, Bindings) else bind(**values)
        memory = self._memory
        if bindings.weight > self._affordable:
            try:
                memory = self._estimate(bindings.roots).memory
            except OverspentError as error:
                raise self._refused(error, "on an event of this size, this expression") from None
        try:
            value = self._program.eval(bindings.activation(memory))
        except RUNTIME_ERRORS as error:
            raise evaluation_error(str(error), self._tree, self.source) from None
        if value.type().name() == "ERROR":
            raise evaluation_error(_reason(value), self._tree, self.source)
        return value

    def _estimate(self, variables: Shape | Mapping[str, Shape]) -> Price:
        roots = variables if isinstance(variables, Mapping) else dict.fromkeys(VARIABLES, variables)
        return estimate(self._tree, roots, converted=not self.predicate, walked=self._walked)

    def _refused(self, error: OverspentError, what: str) -> ExpressionError:
        return error_at("bounds", f"{what} {error.reason}", self.source, error.position)


@functools.lru_cache(maxsize=CACHED_EXPRESSIONS)
def _compiled(source: str, names: frozenset[str], predicate: bool) -> Expression:
    return Expression(source, names, predicate=predicate)


# These macros copy the value they are called on into their expansion twice, so that 28 of them in a row are a
# tree of 2^28 nodes: hours in the compiler. They cannot be disabled, so their names may not be written at all.
_EXPLODING_MACROS = re.compile(r"opt(Flat)?Map")


def _parse(source: str) -> Program:
    if len(source) > MAX_CHARACTERS:
        raise ExpressionError("bounds", f"the expression is longer than {MAX_CHARACTERS:,} characters")
    try:
        source.encode()
    except UnicodeEncodeError as error:
        raise error_at("parse", "this is not a character", source, error.start) from None
    if macro := _EXPLODING_MACROS.search(source):
        raise error_at("undeclared", f'there is no "{macro[0]}" here', source, macro.start())
    return compile_program(source)


def _reason(value: Value) -> str:
    """Return what the runtime says of a failed evaluation."""
    try:
        return str(value.value())
    except RUNTIME_ERRORS:  # the runtime has no other type for an optional value, and no text for it
        raise ExpressionError("type", "the result is an optional value: add .orValue(…)") from None


def _check_result(result: str, *, predicate: bool) -> None:
    """Refuse an expression whose result, as far as its type is known, cannot be what is wanted."""
    if predicate and result not in {"BOOL", "DYN"}:
        raise ExpressionError("type", "the result is neither true nor false")
    if "optional_type" in result:
        raise ExpressionError("type", "the result has an optional value in it: add .orValue(…)")
    if "BYTES" in result or "TYPE<" in result:
        raise ExpressionError("type", "the result has bytes or a type in it, which JSON has not")
