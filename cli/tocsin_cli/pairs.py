"""`key=value` arguments: text, or JSON behind `:=`; dots in the key go into objects."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence

from tocsin_cli.errors import UsageError
from tocsin_cli.types import Json, JsonObject


def parse_pairs(given: Sequence[str], *, values: bool = False) -> JsonObject:
    """An object of `reason=bad password`, `amount:=12`, `model.pk=7`. Raises UsageError.

    With `values` what stands behind a plain `=` is read as JSON where it is some, so that `enabled=false` is no text.
    """
    said: JsonObject = {}
    for pair in given:
        put(said, *_parsed(pair, values=values), pair)
    return said


def with_pairs(entry: JsonObject, given: Sequence[str]) -> JsonObject:
    """`entry` with the fields that `group.wait=minutes=2` and the like name; what stands beside them stays.

    A field that is given whole (`group:={…}`) is replaced whole. Raises UsageError.
    """
    parse_pairs(given, values=True)  # what is given twice is refused
    changed: JsonObject = copy.deepcopy(entry)
    for pair in given:
        path, value = _parsed(pair, values=True)
        target = changed
        for name in path[:-1]:
            inner = target.get(name)
            target[name] = inner = inner if isinstance(inner, dict) else {}
            target = inner
        target[path[-1]] = value
    return changed


def _parsed(pair: str, *, values: bool) -> tuple[list[str], Json]:
    """The path and the value that a pair gives."""
    key, separator, value = pair.partition("=")
    if not separator or not key.rstrip(":"):
        raise UsageError(f"{pair!r} is not key=value (or key:=JSON)")
    is_json = key.endswith(":")
    parsed: Json = _json(value, pair) if is_json else _guessed(value) if values else value
    return key.removesuffix(":").split("."), parsed


def _json(value: str, pair: str) -> Json:
    try:
        return _strict(value)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{pair!r}: what stands behind := is no JSON ({error})") from None


def _guessed(value: str) -> Json:
    try:
        return _strict(value)
    except (ValueError, RecursionError):
        return value


def scalar(value: str) -> int | float | None:
    """The number or boolean that a text spells; None where it spells none."""
    guessed = _guessed(value)
    return guessed if isinstance(guessed, int | float) else None


def _strict(value: str) -> Json:
    """The value. ValueError for what is no JSON, NaN and numbers beyond what a double holds among it."""
    parsed: Json = json.loads(value)
    json.dumps(parsed, allow_nan=False)
    return parsed


def put(said: JsonObject, path: Sequence[str], value: Json, given: str) -> None:
    """Set the field at `path`, with the objects around it. UsageError, naming `given`, where it is set already."""
    target = said
    for name in path[:-1]:
        inner = target.setdefault(name, {})
        if not isinstance(inner, dict):
            raise UsageError(f"{given!r}: {name} is given as a value and as an object")
        target = inner
    if path[-1] in target:
        raise UsageError(f"{given!r}: {'.'.join(path)} is given twice")
    target[path[-1]] = value
