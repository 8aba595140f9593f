"""The body of POST /events: one JSON object, an array of them, or a line each."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from tocsin.errors import Invalid, TocsinError, TooLarge, Violation
from tocsin.http.json_body import MAX_BODY, kind_of, parse_json, wrong_values
from tocsin.types import Json, JsonObject

MAX_EVENTS = 500
"""Events a request."""
MAX_EVENT = 200_000
"""Bytes an event, as compact JSON in UTF-8."""

NDJSON_TYPE = "application/x-ndjson"


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
    parsed = parse_json(body)
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
        return _item(parse_json(line))
    except TocsinError as error:
        return error


def _item(parsed: Json) -> JsonObject | TocsinError:
    if not isinstance(parsed, dict):
        return Invalid([Violation("", f"an event is a JSON object; given: {kind_of(parsed)}")])
    violations = list(wrong_values(parsed))
    if violations:
        return Invalid(violations)
    size = len(orjson.dumps(parsed))
    if size > MAX_EVENT:
        return TooLarge(f"the event has {size:,} bytes as compact JSON; at most {MAX_EVENT:,} are taken")
    return parsed
