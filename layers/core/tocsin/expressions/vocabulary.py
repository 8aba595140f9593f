"""The names an expression may use, and the check that it uses no others."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, Literal

from tocsin.expressions.errors import ExpressionError, error_at
from tocsin.expressions.functions import FUNCTIONS
from tocsin.expressions.syntax import Call, Constant, Loop, MapLiteral, Name, Node, Select, walk

POLICY_NAMES: Final = ("event", "user", "now")
"""What policies and search filters speak of."""

MAPPING_NAMES: Final = ("event", "notification", "user", "rule", "severity", "transport")
"""What mappings (webhook bodies and headers, inbox rewriting) speak of."""

type VariableType = Literal["map", "any", "string", "timestamp"]

VARIABLES: Final[Mapping[str, VariableType]] = {
    "event": "map",
    "notification": "map",
    "now": "timestamp",
    "rule": "map",
    "severity": "string",
    "transport": "map",
    "user": "any",  # null where an event has no user
}

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "event": frozenset(
        [
            *("id", "action", "app", "context", "user", "client_ip", "created", "brand", "expires", "expiring"),
            *("summary", "cause", "key_id"),
        ]
    ),
    "user": frozenset(["username", "pk", "email", "name", "groups", "attributes"]),
}
"""The first-level fields of the variables whose fields are fixed. Deeper fields are a producer's own."""

MAPPING_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "event": FIELDS["event"],
    "notification": frozenset(
        [
            *("id", "severity", "body", "hyperlink", "hyperlink_label", "created", "seen", "user", "rule"),
            *("event", "event_id", "action", "app", "acknowledge"),
        ]
    ),
    "user": FIELDS["user"] | {"locale", "active", "superuser"},
    "rule": frozenset(["name", "title", "runbook"]),
    "transport": frozenset(["name", "mode", "send_once"]),
}
"""The same where a mapping speaks: `user` is the person who is told, of whom more is known."""

TYPES: Final = frozenset(
    [
        "bool",
        "bytes",
        "double",
        "int",
        "list",
        "map",
        "null_type",
        "string",
        "uint",
        "google.protobuf.Duration",
        "google.protobuf.Timestamp",
    ]
)
"""Names of types, for `type(x) == string`."""

# A zone reaches the C++ runtime's time zone library, which opens files by that name: no absolute paths, no
# `..`, and only literals, since it keeps every zone it has ever been asked for.
_TIME_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}|[+-]\d\d:\d\d")
_CLOCK: Final = frozenset(name for name in FUNCTIONS if re.fullmatch(r"get[A-Z]\w+", name))

type Probe = Callable[[str, str], bool]
"""Tells whether a literal is well formed: (`matches` | `timestamp` | `duration` | `timezone`, literal)."""


def check_names(tree: Node, source: str, names: Collection[str]) -> None:
    """Refuse a tree that names what does not exist.

    Raises:
        ExpressionError: `undeclared`, for a variable, a first-level field, a function or a type.
    """
    _Names(source, names).check(tree, frozenset())


def check_literals(tree: Node, source: str, probe: Probe) -> None:
    """Refuse literals that could not work, which the runtime would only look at when the expression runs.

    Raises:
        ExpressionError: `parse` for a malformed regular expression, time zone, timestamp or duration;
            `bounds` for a regular expression or a time zone that is no literal.
    """
    for node in walk(tree):
        if isinstance(node, Call):
            _check_arguments(node, source, probe)


class _Names:
    def __init__(self, source: str, names: Collection[str]) -> None:
        self._source = source
        self._names = names
        self._fields = MAPPING_FIELDS if "notification" in names else FIELDS

    def check(self, node: Node, scope: frozenset[str]) -> None:
        """Check a node and all below it; `scope` has the variables of the loops around it."""
        match node:
            case Name(name=name) if not (name in scope or name in self._names or name in TYPES):
                available = ", ".join(sorted(self._names))
                raise self._undeclared(node, f'there is no "{name}" here: there are {available}')
            case Select(operand=operand, field=field):
                self._check_field(node, operand, field, scope)
            case Call(function=function, arguments=arguments):
                if function not in FUNCTIONS:
                    raise self._undeclared(node, f'there is no function "{function}" here')
                if function in {"_[_]", "_?._", "_[?_]"} and isinstance(arguments[1], Constant):
                    self._check_field(node, arguments[0], arguments[1].value, scope)
            case MapLiteral(message=message) if message:
                raise self._undeclared(node, f'"{message}" cannot be built here: there are maps and lists')
            case _:
                pass
        inner = scope | {node.accumulator, node.variable} if isinstance(node, Loop) else scope
        for child in node.children():
            outside = isinstance(node, Loop) and (child is node.range or child is node.start)
            self.check(child, scope if outside else inner)

    def _check_field(self, node: Node, operand: Node, field: object, scope: frozenset[str]) -> None:
        if not isinstance(operand, Name) or operand.name in scope:
            return
        known = self._fields.get(operand.name)
        if known is not None and field not in known:
            fields = ", ".join(sorted(known))
            raise self._undeclared(node, f'{operand.name} has no field "{field}": it has {fields}')

    def _undeclared(self, node: Node, message: str) -> ExpressionError:
        return error_at("undeclared", message, self._source, node.position)


def _check_arguments(call: Call, source: str, probe: Probe) -> None:
    function, arguments = call.function, call.arguments
    if function == "matches":
        literal, kind, what = arguments[1], "matches", "a regular expression"
    elif function in _CLOCK and len(arguments) == 2:
        literal, kind, what = arguments[1], "timezone", "a time zone"
    elif function in {"timestamp", "duration"}:
        literal, kind, what = arguments[0], function, f"a {function}"
    else:
        return
    if not isinstance(literal, Constant) or not isinstance(literal.value, str):
        if kind in {"matches", "timezone"}:
            raise error_at("bounds", f"{what} must be a literal string", source, literal.position)
        return
    if (kind == "timezone" and not _TIME_ZONE.fullmatch(literal.value)) or not probe(kind, literal.value):
        raise error_at("parse", f"this is not {what}", source, literal.position)
