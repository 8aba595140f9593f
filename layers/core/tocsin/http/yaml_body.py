"""JSON or YAML documents as plain JSON values, so that what is stored is what a reader of the text sees.

No key twice; in YAML no anchors, whose expansion can outgrow any limit, no tags, and nothing that JSON does not have
(NaN, numbers beyond 64 bits), which would be stored as something else than it says.
"""

from __future__ import annotations

from typing import Any, cast

from tocsin.errors import Invalid, MalformedBody, TooLarge, Violation
from tocsin.http.json_body import JSON_TYPE, parse_json, wrong_values
from tocsin.types import JsonObject

MAX_DOCUMENT = 4 << 20
"""Bytes. Lambda takes requests of 6 MB."""

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")


def read_document(body: bytes, content_type: str, what: str = "must be an object") -> JsonObject:
    """Return the object in a request's body.

    `what` is the error's sentence where it is no object. Raises MalformedBody, TooLarge, or Invalid, which names each
    wrong value.
    """
    if len(body) > MAX_DOCUMENT:
        raise TooLarge(f"the document has {len(body):,} bytes; at most {MAX_DOCUMENT:,} are taken")
    document = parse_json(body, pairs=_no_key_twice) if content_type == JSON_TYPE else _from_yaml(body)
    if not isinstance(document, dict):
        raise Invalid([Violation("", what)])
    wrong = list(wrong_values(document))
    if wrong:
        raise Invalid(wrong)
    return cast(JsonObject, document)


def to_yaml(shown: JsonObject) -> str:
    """`shown` as YAML, in the order it has."""
    from tocsin.http.yaml_syntax import to_yaml  # noqa: PLC0415 - PyYAML, for who speaks YAML

    return to_yaml(shown)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise MalformedBody(f"the body is not JSON that is taken here: the key {twice[:60]!r} stands twice")
    return found


def _from_yaml(body: bytes) -> object:
    from tocsin.http.yaml_syntax import from_yaml  # noqa: PLC0415 - PyYAML, for who speaks YAML

    return from_yaml(body)
