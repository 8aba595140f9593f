"""The body of POST /events, as a list of JSON objects: strict where silence would lose or change something.

orjson reads what is plain. What it would quietly change (an integer beyond 64 bits becomes a float) or refuse
without saying where (a lone surrogate, a number too large) is read again slowly, so that the answer names
the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from tocsin.errors import Invalid, MalformedBody, TocsinError, TooLarge, Violation
from tocsin.jsontypes import Json, JsonObject

MAX_BODY = 1 << 20
"""Bytes a request."""
MAX_EVENTS = 500
"""Events a request."""
MAX_EVENT = 200_000
"""Bytes an event, as compact JSON in UTF-8."""
MAX_DEPTH = 64
"""Levels of objects and lists in an event."""

JSON_TYPE = "application/json"
NDJSON_TYPE = "application/x-ndjson"

_WANTS_A_SLOW_LOOK = re.compile(rb"[0-9]{19}|[eE][+-]?[0-9]{3}|\\u(?:[dD][89a-fA-F]|0000)|\x00")
_INT_RANGE = range(-(1 << 63), 1 << 64)
_SHOWN_PATH = 200


@dataclass(frozen=True, slots=True)
class Body:
    """What was posted: one event alone, or several, each a JSON object or the error that it is."""

    single: bool
    items: tuple[JsonObject | TocsinError, ...]


def read_body(body: bytes, content_type: str) -> Body:
    """The events in `body`. TooLarge, MalformedBody or Invalid where it is refused as a whole."""
    if len(body) > MAX_BODY:
        raise TooLarge(f"the body has {len(body):,} bytes; at most {MAX_BODY:,} are taken in one request")
    if content_type == NDJSON_TYPE:
        lines = [line for line in body.splitlines() if line.strip()]
        _check_count(len(lines))
        return Body(single=False, items=tuple(_line(line) for line in lines))
    parsed = _parse(body)
    if isinstance(parsed, list):
        _check_count(len(parsed))
        return Body(single=False, items=tuple(_item(item) for item in parsed))
    item = _item(parsed)
    if isinstance(item, TocsinError):
        raise item
    return Body(single=True, items=(item,))


def _check_count(count: int) -> None:
    if count == 0:
        raise Invalid([Violation("", "the batch is empty; send at least one event")])
    if count > MAX_EVENTS:
        raise TooLarge(f"the batch has {count:,} events; at most {MAX_EVENTS} are taken in one request")


def _line(line: bytes) -> JsonObject | TocsinError:
    try:
        return _item(_parse(line))
    except TocsinError as error:
        return error


class _Odd:
    """A number that JSON can hold and we can't; stands in the parsed tree until its path is known."""

    def __init__(self, text: str) -> None:
        self.text = text


def _parse(data: bytes) -> Json:
    """`data` as JSON; numbers out of range stand in it as _Odd. MalformedBody where it is none."""
    try:
        if not _WANTS_A_SLOW_LOOK.search(data):
            return orjson.loads(data)  # type: ignore[no-any-return]  # JSON is what it gives
        return json.loads(  # type: ignore[no-any-return]
            data.decode("utf-8"), parse_int=_whole, parse_float=_fraction, parse_constant=_constant
        )
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start} can't be read") from None
    except RecursionError:
        raise Invalid([Violation("", f"nests too deeply; at most {MAX_DEPTH} levels are taken")]) from None
    except orjson.JSONDecodeError as error:
        if "recursion" in error.msg.lower():
            raise Invalid([Violation("", f"nests too deeply; at most {MAX_DEPTH} levels are taken")]) from None
        raise MalformedBody(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except json.JSONDecodeError as error:
        raise MalformedBody(f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None


def _whole(text: str) -> int | _Odd:
    # int() of very many digits is refused by Python and slow before that; 20 digits hold any 64-bit number
    number = int(text) if len(text) <= 20 else None
    return number if number is not None and number in _INT_RANGE else _Odd(text)


def _fraction(text: str) -> float | _Odd:
    number = float(text)
    return _Odd(text) if number in {float("inf"), float("-inf")} else number


def _constant(text: str) -> float:
    raise json.JSONDecodeError(f"{text} is not a JSON value", text, 0)


def _item(parsed: Json) -> JsonObject | TocsinError:
    if not isinstance(parsed, dict):
        return Invalid([Violation("", f"an event is a JSON object; given: {_kind(parsed)}")])
    violations = list(_violations(parsed))
    if violations:
        return Invalid(violations)
    size = len(orjson.dumps(parsed))
    if size > MAX_EVENT:
        return TooLarge(f"the event has {size:,} bytes as compact JSON; at most {MAX_EVENT:,} are taken")
    return parsed


def _violations(item: JsonObject) -> Iterator[Violation]:
    """What is wrong with the values of an event, whatever they mean. Walks without recursion; first ten only."""
    found = 0
    stack: list[tuple[str, Json | _Odd, int]] = [("", item, 1)]
    while stack and found < 10:
        path, value, depth = stack.pop()
        wrong: str | None = None
        if isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                wrong = f"nests deeper than {MAX_DEPTH} levels"
            elif isinstance(value, dict):
                for key, inner in value.items():
                    stack.append((f"{path}.{key}" if path else key, inner, depth + 1))
                wrong = next((w for key in value if (w := _wrong_text(key))), None)
            else:
                stack.extend((f"{path}[{i}]", inner, depth + 1) for i, inner in enumerate(value))
        elif isinstance(value, str):
            wrong = _wrong_text(value)
        elif isinstance(value, _Odd):
            wrong = f"a number of {len(value.text)} characters does not fit 64 bits; send it as a string"
        if wrong:
            found += 1
            yield Violation(_shown(path), wrong)


def _wrong_text(text: str) -> str | None:
    if "\x00" in text:
        return "has a NUL character (\\u0000)"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "has half of a surrogate pair (\\ud800 to \\udfff), which is no character"
    return None


def _shown(path: str) -> str:
    """A path that can stand in an answer: bounded, and without what JSON can't carry."""
    clean = path.encode("utf-8", "replace").decode().replace("\x00", "�")
    return clean if len(clean) <= _SHOWN_PATH else clean[:_SHOWN_PATH] + "…"


def _kind(value: Json) -> str:
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
    }
    return names.get(type(value), "a number")
