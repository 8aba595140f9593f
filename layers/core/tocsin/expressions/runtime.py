"""The CEL runtime, loaded at the first use, and one environment for the whole process.

The library is some 14 MB of machine code to load, so nothing here imports it before an expression is
compiled. All variables are declared in one environment, and which of them an expression may use is checked
on its tree: so one set of bound variables serves every expression.
"""

import functools
import importlib
from typing import Final, Protocol, cast

from tocsin.expressions.errors import ExpressionError, compile_error
from tocsin.expressions.vocabulary import VARIABLES

# strings: lowerAscii, split, replace, ...; optional: `event.?context.?name.orValue('')`; bindings: cel.bind;
# lists: sort, since maps have no order and a list made of one's keys needs one.
_EXTENSIONS: Final = "extensions: [{name: strings}, {name: optional}, {name: bindings}, {name: lists}]"

# How each kind of literal is tried out.
_PROBES: Final = {
    "duration": "duration(literal)",
    "matches": "''.matches(literal)",
    "timestamp": "timestamp(literal)",
    "timezone": "timestamp(0).getHours(literal)",
}

# What the binding raises: RuntimeError for a status, MemoryError, and TypeError where it could not make a
# Python value.
RUNTIME_ERRORS: Final = (RuntimeError, MemoryError, TypeError, ValueError)


class _Type(Protocol):
    """`cel.Type`."""

    def name(self) -> str:
        """Return the name in capitals: `BOOL`, `MAP<STRING, DYN>`, ..., `ERROR` for a failed evaluation."""


class Value(Protocol):
    """`cel.Value`: a result."""

    def type(self) -> _Type:
        """Return the type of the value itself."""

    def value(self) -> object:
        """Return a Python value; lists and maps have further `Value`s in them."""

    def plain_value(self) -> object:
        """Return a Python value with everything in it converted. Crashes on a map with an optional value."""


class Activation(Protocol):
    """`cel.Activation`: bound variables. Each is converted when it is first used, then shared."""


class Program(Protocol):
    """`cel.Expression`: compiled."""

    def eval(self, activation: Activation) -> Value:
        """Evaluate; a failure is a value of type ERROR, or rarely a RuntimeError."""

    def return_type(self) -> _Type:
        """Return the type that the checker found."""

    def serialize(self) -> bytes:
        """Return the checked expression; see `tocsin.expressions.syntax`."""


class _Environment(Protocol):
    def compile(self, expression: str) -> Program: ...

    def Activation(self, data: dict[str, object]) -> Activation: ...  # noqa: N802 - the library's name


class _Types(Protocol):
    BOOL: _Type
    DYN: _Type
    STRING: _Type
    TIMESTAMP: _Type

    def Map(self, key: _Type, value: _Type) -> _Type: ...  # noqa: N802 - the library's name


class _Library(Protocol):
    @property
    def Type(self) -> _Types: ...  # noqa: N802 - the library's name

    def NewEnv(self, *, config: object = None, variables: dict[str, _Type]) -> _Environment: ...  # noqa: N802

    def NewEnvConfigFromYaml(self, yaml: str) -> object: ...  # noqa: N802


@functools.cache
def _library() -> _Library:
    return cast("_Library", importlib.import_module("cel_expr_python.cel"))


@functools.cache
def _environment() -> _Environment:
    cel = _library()
    types = {
        "any": cel.Type.DYN,
        "map": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
        "string": cel.Type.STRING,
        "timestamp": cel.Type.TIMESTAMP,
    }
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(_EXTENSIONS),
        variables={name: types[kind] for name, kind in VARIABLES.items()},
    )


@functools.cache
def _probe_environment() -> tuple[_Environment, dict[str, Program]]:
    cel = _library()
    environment = cel.NewEnv(variables={"literal": cel.Type.STRING})
    return environment, {kind: environment.compile(source) for kind, source in _PROBES.items()}


def compile_program(source: str) -> Program:
    """Return `source` parsed and type-checked.

    Raises:
        ExpressionError: parse, undeclared, type, or bounds where it nests too deep.
    """
    try:
        return _environment().compile(source)
    except RUNTIME_ERRORS as error:
        raise compile_error(str(error), source) from None


def is_well_formed(kind: str, literal: str) -> bool:
    """Tell whether `literal` is a regular expression, timestamp, duration or time zone (`kind`)."""
    environment, probes = _probe_environment()
    try:
        return probes[kind].eval(environment.Activation({"literal": literal})).type().name() != "ERROR"
    except RUNTIME_ERRORS:
        return False


def activation(values: dict[str, object]) -> Activation:
    """Return `values` bound for any number of evaluations. What they make is freed with it."""
    return _environment().Activation(values)


__all__ = [
    "RUNTIME_ERRORS",
    "Activation",
    "ExpressionError",
    "Program",
    "Value",
    "activation",
    "compile_program",
    "is_well_formed",
]
