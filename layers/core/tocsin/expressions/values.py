"""Values on their way into an expression, and its result on the way out."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import orjson

from tocsin.expressions.errors import ExpressionError
from tocsin.expressions.runtime import RUNTIME_ERRORS, Activation, Value, activation
from tocsin.expressions.shapes import SCALAR, Bound, Roots, Ruler
from tocsin.expressions.vocabulary import VARIABLES
from tocsin.types import Json

MAX_BOUND_BYTES: Final = 1_000_000
"""The JSON of all variables together: an event is at most 400 KB, an item of DynamoDB."""

MAX_ARENA_BYTES: Final = 32_000_000
"""What the evaluations on one `Bindings` may leave allocated before it is emptied."""

# A NUL ends a string early on its way to C++: `admin\0x` would arrive as `admin`. The look-behind leaves
# the six characters alone that only look like it, since their backslash is itself escaped.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_REPLACEMENT: Final = rb"\1\\ufffd"


class Bindings:
    """The variables that expressions are evaluated on: made once by `bind`, used for any number of them.

    It holds a copy of what it was given, converted for the runtime when the first expression asks for it.
    """

    __slots__ = ("_activation", "_allocated", "_roots", "_values", "weight")

    def __init__(self, values: dict[str, Json | datetime], weight: int) -> None:
        """Keep clean values; use `bind`."""
        self._values = values
        self._activation: Activation | None = None
        self._allocated = 0.0
        self._roots: Roots | None = None
        self.weight: Final = weight
        """Bytes of the values as JSON."""

    @property
    def roots(self) -> Roots:
        """Return the values as the cost estimate sees them."""
        if self._roots is None:
            ruler = Ruler()
            self._roots = {
                name: SCALAR if isinstance(value, datetime) else Bound(value, ruler)
                for name, value in self._values.items()
            }
        return self._roots

    def activation(self, memory: float) -> Activation:
        """Return the values bound for one evaluation, which allocates up to `memory` bytes.

        The runtime frees what evaluations made only together with the values, so these are bound anew
        before too much has gathered.
        """
        self._allocated += memory
        if self._activation is None or self._allocated > MAX_ARENA_BYTES:
            self._activation = activation(dict(self._values))
            self._allocated = memory
        return self._activation


def bind(**values: Json | datetime) -> Bindings:
    """Return variables for expressions to be evaluated on.

    Args:
        values: by the names of `VARIABLES`: JSON, for `now` a datetime with a time zone. What is not quite
            JSON is made so: enum members and datetimes become strings, NaN becomes null, NUL characters and
            lone surrogates are replaced, integers beyond 64 bits become floats.

    Raises:
        ExpressionError: `type` where a value is not JSON, or not what its name stands for; `bounds` where
            they are more than 1 MB of JSON, or nested deeper than 254 levels.
        TypeError: there is no variable of that name.
    """
    clean: dict[str, Json | datetime] = {}
    weight = 0
    for name, value in values.items():
        if name not in VARIABLES:
            raise TypeError(f"there is no variable {name}: there are {', '.join(VARIABLES)}")
        if VARIABLES[name] == "timestamp":
            if not isinstance(value, datetime) or value.tzinfo is None:
                raise ExpressionError("type", f"{name} must be a time with a time zone")
            clean[name] = value.astimezone(UTC)
            continue
        encoded = _encode(name, value)
        weight += len(encoded)
        if weight > MAX_BOUND_BYTES:
            raise ExpressionError("bounds", f"the values are more than {MAX_BOUND_BYTES:,} bytes of JSON")
        clean[name] = bound = cast("Json", orjson.loads(encoded))
        expected = {"map": dict, "string": str}.get(VARIABLES[name], object)
        if not isinstance(bound, expected):
            raise ExpressionError("type", f"{name} must be a {VARIABLES[name]}")
    return Bindings(clean, weight)


def _encode(name: str, value: Json | datetime) -> bytes:
    try:
        encoded = orjson.dumps(value)
    except TypeError as error:
        if "Recursion limit" in str(error):
            raise ExpressionError("bounds", f"{name} is nested deeper than 254 levels") from None
        encoded = _encode_leniently(name, value)
    return _NUL.sub(_REPLACEMENT, encoded) if b"\\u0000" in encoded else encoded


def _encode_leniently(name: str, value: Json | datetime) -> bytes:
    """Encode what orjson refuses although it can be shown: lone surrogates and integers of any size."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    except (TypeError, ValueError, RecursionError):
        raise ExpressionError("type", f"{name} is not JSON") from None


def to_json(value: Value, *, walked: bool) -> Json:
    """Return an evaluation's result, which must not be an error.

    Times become RFC 3339 strings in UTC, durations strings of seconds ("5400s"), both as `string()` gives
    them; infinities and NaN become null; maps are sorted by key, since the runtime's have no order.

    Args:
        value: the result.
        walked: converts it value by value. Slow, but needed where an optional value could be in it: the
            runtime's own conversion crashes on one in a map.

    Raises:
        ExpressionError: `type`: something in it is not JSON.
    """
    try:
        plain = _walk(value) if walked else value.plain_value()
        return cast("Json", orjson.loads(orjson.dumps(plain, _seconds, _RESULT)))
    except RUNTIME_ERRORS as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(
            "type", "the result has something in it that JSON has not: bytes, a type, or a key that is no string"
        ) from None


_RESULT: Final = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z


def _walk(value: Value) -> object:
    if value.type().name() == "ERROR":
        raise ExpressionError("type", "the result has an optional value in it: add .orValue(…)")
    plain = value.value()
    if isinstance(plain, dict):
        return {key: _walk(item) for key, item in plain.items()}
    if isinstance(plain, list):
        return [_walk(item) for item in plain]
    return plain


def _seconds(value: object) -> str:
    """Return a duration as text; anything else that orjson does not know is not JSON."""
    if not isinstance(value, timedelta):
        raise TypeError
    whole, rest = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{'-' if value < timedelta() else ''}{whole}{fraction}s"
