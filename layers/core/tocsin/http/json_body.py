"""JSON bodies, read so that nothing is lost or changed without a word.

orjson reads what is plain. What it would quietly change (an integer beyond 64 bits becomes a float) or refuse without
saying where (a lone surrogate, a number too large) is read again by the standard library, so that the error names the
field.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import orjson

from tocsin.errors import Invalid, MalformedBody, Violation
from tocsin.records import dataclass
from tocsin.types import Json

MAX_BODY = 1 << 20
"""Bytes a request."""
MAX_DEPTH = 64
"""Levels of objects and lists in an event."""

JSON_TYPE = "application/json"

_WANTS_A_SLOW_LOOK = re.compile(rb"[0-9]{19}|[eE][+-]?[0-9]{3}|\\u(?:[dD][89a-fA-F]|0000)|\x00")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"(\s*+:)?', re.DOTALL)
"""A string of a text that is JSON; the group is there where it is a name."""
_INT_RANGE = range(-(1 << 63), 1 << 64)
_SHOWN_PATH = 200
_DEPTH_ERROR = re.compile("recursion|depth", re.IGNORECASE)  # as orjson's releases word it


class _Odd:
    """A number that JSON can hold and we can't; stands in the parsed tree until its path is known."""

    def __init__(self, text: str) -> None:
        self.text = text


class _NamedTwice(dict[str, Any]):
    """An object of whose names `twice` stands more than once; it has the last value of each."""

    twice: str


def parse_json(
    data: bytes, *, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None, names_once: bool = False
) -> Json:
    """`data` as JSON. `wrong_values` must see it: what we can't hold stands in it with a mark.

    `pairs` makes objects of their (key, value) pairs; with `names_once` a name that stands twice in an object gets a
    mark too. MalformedBody where it is no JSON; Invalid where it nests too deeply to be read.
    """
    if names_once:
        pairs = _object
    try:
        if (pairs is None or names_once) and not _WANTS_A_SLOW_LOOK.search(data):
            parsed = orjson.loads(data)
            # Reading each object's pairs takes ten times as long: only where there were more of them than are left.
            if not names_once or sum(map(bool, _STRING.findall(data))) == _count_names(parsed):
                return parsed  # type: ignore[no-any-return]  # JSON is what it gives
        return json.loads(  # type: ignore[no-any-return]
            data.decode("utf-8"),
            parse_int=_whole,
            parse_float=_fraction,
            parse_constant=_constant,
            object_pairs_hook=pairs,
        )
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start} can't be read") from None
    except RecursionError:
        raise too_deep() from None
    except json.JSONDecodeError as error:  # orjson's is one too
        if _DEPTH_ERROR.search(error.msg):
            raise too_deep() from None
        raise MalformedBody(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    marked = _NamedTwice(found)
    marked.twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return marked


def _count_names(value: object) -> int:
    """How many names the objects of a document have together."""
    count, stack = 0, [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, dict):
            count += len(inner)
            stack.extend(inner.values())
        elif isinstance(inner, list):
            stack.extend(inner)
    return count


def too_deep() -> Invalid:
    """What a document is answered with that nests deeper than it can be read."""
    return Invalid([Violation("", f"nests too deeply; at most {MAX_DEPTH} levels are taken")])


def _whole(text: str) -> int | _Odd:
    # int() of very many digits is refused by Python and slow before that; 20 digits hold any 64-bit number
    number = int(text) if len(text) <= 20 else None
    return number if number is not None and number in _INT_RANGE else _Odd(text)


def _fraction(text: str) -> float | _Odd:
    number = float(text)
    return number if math.isfinite(number) else _Odd(text)


def _constant(text: str) -> float:
    raise json.JSONDecodeError(f"{text} is not a JSON value", text, 0)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands. Its path is spelled only where something is wrong: keys may be long, and many."""

    step: object
    outer: _Place | None
    indexed: bool

    def path(self) -> str:
        steps: deque[str] = deque()
        place: _Place | None = self
        while place is not None:
            step = str(place.step)[:_SHOWN_PATH]
            steps.appendleft(f"[{step}]" if place.indexed else f".{step}")
            place = place.outer
        return "".join(steps).removeprefix(".")


def wrong_values(value: object, *, most: int = 10) -> Iterator[Violation]:
    """What is wrong with the values in a parsed document, whatever they mean: the first `most`, with their paths.

    Wrong is what JSON, UTF-8 or 64 bits can't hold, and what nests deeper than MAX_DEPTH. Neither recurses nor
    holds more than one branch in memory.
    """
    return islice(_wrong_values(value), most)


def _wrong_values(value: object) -> Iterator[Violation]:
    wrong = _wrong(value, 1)
    if wrong:
        yield Violation("", wrong)
    if isinstance(value, _NamedTwice):
        yield _twice(_Place(value.twice, None, indexed=False))
    branch: list[tuple[_Place | None, bool, Iterator[tuple[object, object]]]] = []
    if not wrong:
        branch.append((None, *_entries(value)))
    while branch:
        outer, keyed, entries = branch[-1]
        for step, inner in entries:
            if keyed and (wrong := _wrong_key(step)):
                yield Violation(_shown(_Place(step, outer, indexed=False)), wrong)
            if wrong := _wrong(inner, len(branch) + 1):
                yield Violation(_shown(_Place(step, outer, indexed=not keyed)), wrong)
            elif isinstance(inner, dict | list) and inner:
                if isinstance(inner, _NamedTwice):
                    yield _twice(_Place(inner.twice, _Place(step, outer, indexed=not keyed), indexed=False))
                branch.append((_Place(step, outer, indexed=not keyed), *_entries(inner)))
                break
        else:
            branch.pop()


def _twice(place: _Place) -> Violation:
    return Violation(_shown(place), "stands twice in its object; give it once")


def _entries(value: object) -> tuple[bool, Iterator[tuple[object, object]]]:
    """Whether the entries of a container have keys, and the entries."""
    if isinstance(value, dict):
        return True, iter(value.items())
    return False, iter(enumerate(value if isinstance(value, list) else ()))


def _wrong(value: object, depth: int) -> str | None:
    if isinstance(value, str):
        return _wrong_text(value)
    if isinstance(value, dict | list):
        return f"nests deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else None
    if isinstance(value, _Odd):
        return f"a number of {len(value.text)} characters does not fit 64 bits; send it as a string"
    if isinstance(value, float):
        return None if math.isfinite(value) else "is not a finite number"
    if isinstance(value, int):
        return None if value in _INT_RANGE else "is a number that does not fit 64 bits; send it as a string"
    return None if value is None else f"is a {type(value).__name__}, which JSON does not have"


def _wrong_key(key: object) -> str | None:
    if not isinstance(key, str):
        return f"is a key that is no string but {kind_of(key)}"
    wrong = _wrong_text(key)
    return f"is a key that {wrong}" if wrong else None


def _wrong_text(text: str) -> str | None:
    if "\x00" in text:
        return "has a NUL character (\\u0000)"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "has half of a surrogate pair (\\ud800 to \\udfff), which is no character"
    return None


def _shown(place: _Place | None) -> str:
    """A path that can stand in an answer: bounded, and without what JSON can't carry."""
    path = "" if place is None else place.path()
    clean = path.encode("utf-8", "replace").decode().replace("\x00", "�")
    return clean if len(clean) <= _SHOWN_PATH else clean[:_SHOWN_PATH] + "…"


def kind_of(value: object) -> str:
    """What JSON calls `value`: `a string`, `a list`, `null`."""
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        _Odd: "a number",
        str: "a string",
        list: "a list",
    }
    return names.get(type(value), f"a {type(value).__name__}")
