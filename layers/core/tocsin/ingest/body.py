"""The body of POST /events: one JSON object, an array of them, or a line each."""

from __future__ import annotations

import re

import orjson

from tocsin.errors import Invalid, TocsinError, TooLarge, Violation
from tocsin.http.json_body import MAX_BODY, MAX_DEPTH, kind_of, parse_json, wrong_values
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

MAX_EVENTS = 500
"""Events a request."""
MAX_EVENT = 200_000
"""Bytes an event, as compact JSON in UTF-8."""

NDJSON_TYPE = "application/x-ndjson"

REPLACED = "_replaced"
"""The member of an event's context that says how many of its characters were replaced."""

_UNSTORABLE_ESCAPE = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Body:
    """What was posted: a single event, or several. An item that can't be an event is the error that says why."""

    single: bool
    items: tuple[JsonObject | TocsinError, ...]


def read_body(body: bytes, content_type: str) -> Body:
    """Parse the events in `body`. Raises TooLarge, MalformedBody or Invalid where the body is refused as a whole."""
    if len(body) > MAX_BODY:
        raise TooLarge(f"the body has {len(body):,} bytes; at most {MAX_BODY:,} are taken in one request")
    if content_type == NDJSON_TYPE:
        lines = [line for line in body.splitlines() if line.strip()]
        _check_count(len(lines))
        return Body(single=False, items=tuple(_line(line) for line in lines))
    parsed = parse_json(body, names_once=True)
    replace = _UNSTORABLE_ESCAPE.search(body) is not None
    if isinstance(parsed, list):
        _check_count(len(parsed))
        return Body(single=False, items=tuple(_item(item, replace=replace) for item in parsed))
    item = _item(parsed, replace=replace)
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
        return _item(parse_json(line, names_once=True), replace=_UNSTORABLE_ESCAPE.search(line) is not None)
    except TocsinError as error:
        return error


def _item(parsed: Json, *, replace: bool) -> JsonObject | TocsinError:
    if not isinstance(parsed, dict):
        return Invalid([Violation("", f"an event is a JSON object; given: {kind_of(parsed)}")])
    if replace:
        parsed = _storable(parsed)
    violations = list(wrong_values(parsed))
    if violations:
        return Invalid(violations)
    size = len(orjson.dumps(parsed))
    if size > MAX_EVENT:
        return TooLarge(f"the event has {size:,} bytes as compact JSON; at most {MAX_EVENT:,} are taken")
    return parsed


def _storable(event: JsonObject) -> JsonObject:
    """The event with U+FFFD for each NUL and each half of a surrogate pair, and their number in its context.

    Neither can be stored as text. They are replaced and not refused: the person whom an event is about may have sent
    them, in a user agent for example, and must not be able to keep the event out of the log that way.
    """
    replacing = _Replacing()
    made = replacing.value(event, 1)
    if not replacing.count or not isinstance(made, dict):
        return event
    context = made.get("context")
    if context is None or isinstance(context, dict):
        context = context or {}
        before = context.get(REPLACED)  # by the producer's client
        made["context"] = context | {REPLACED: replacing.count + (before if type(before) is int else 0)}
    return made


class _Replacing:
    """Copies JSON with its texts made storable, and counts the characters that were replaced."""

    def __init__(self) -> None:
        self.count = 0

    def value(self, value: Json, depth: int) -> Json:
        """Copy `value`. What is refused anyway is left as it is: what nests too deeply, and names given twice."""
        if isinstance(value, str):
            return self._text(value)
        if depth > MAX_DEPTH or not (type(value) is dict or isinstance(value, list)):
            return value
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        made: JsonObject = {}
        for name, item in value.items():
            made[_free(self._text(name), made)] = self.value(item, depth + 1)
        return made

    def _text(self, text: str) -> str:
        if text.isascii() and "\0" not in text:
            return text
        made, count = _UNSTORABLE.subn("\ufffd", text)
        self.count += count
        return made


def _free(name: str, taken: JsonObject) -> str:
    """Make `name` differ from the names in `taken`: two names may be equal after characters were replaced."""
    while name in taken:
        name += "\ufffd"
    return name
