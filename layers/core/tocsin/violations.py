"""pydantic's errors as our own: a path in JSON's terms and a sentence, never the value where it may be secret."""

from itertools import islice

from pydantic import ValidationError

from tocsin.errors import Violation
from tocsin.jsontypes import Json

MOST = 50
"""Violations told of one document: whoever has more has one reason for most of them."""

_MAX_PATH = 200
_MAX_MESSAGE = 500  # some of pydantic's sentences repeat what was given

_SENTENCES = {
    "extra_forbidden": "is not a known field",
    "missing": "is required",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}


def violations(error: ValidationError, given: Json = None, *, prefix: str = "", most: int = MOST) -> list[Violation]:
    """One Violation for each thing that is wrong, at most `most`, with `prefix` before each path.

    `given` is what was validated. Where a value may be of several types, pydantic puts the name of the type
    that it tried into the location, and only the document tells such a name from a field's.
    """
    found = []
    for wrong in islice(error.errors(include_url=False, include_input=False, include_context=False), most):
        message = _SENTENCES.get(wrong["type"]) or wrong["msg"].removeprefix("Value error, ")
        where = path(_fields(wrong["loc"], given, missing=wrong["type"] == "missing"), prefix)
        found.append(Violation(_cut(where, _MAX_PATH), _cut(message, _MAX_MESSAGE)))
    return found


def path(location: tuple[int | str, ...], prefix: str = "") -> str:
    """`("rules", 3, "bindings", 0, "policy")` as `rules[3].bindings[0].policy`."""
    text = prefix
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _fields(location: tuple[int | str, ...], given: Json, *, missing: bool) -> tuple[int | str, ...]:
    """`location` without the names of types, which are no keys in `given`; as it is where nothing is given."""
    if given is None:
        return location
    kept: list[int | str] = []
    value: Json = given
    for position, part in enumerate(location):
        if isinstance(part, int):
            value = value[part] if isinstance(value, list) and part < len(value) else None
        elif isinstance(value, dict) and part in value:
            value = value[part]
        elif not (missing and position == len(location) - 1):
            continue
        kept.append(part)
    return tuple(kept)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"
