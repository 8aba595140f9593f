"""JSON or YAML documents as plain JSON values, so that what is stored is what a reader of the text sees.

No key twice; in YAML no anchors, whose expansion can outgrow any limit, no tags, and nothing that JSON does not have
(NaN, numbers beyond 64 bits), which would be stored as something else than it says.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, cast

import yaml
from yaml._yaml import CParser
from yaml.composer import Composer, ComposerError
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.resolver import BaseResolver

from tocsin.errors import Invalid, MalformedBody, TooLarge, Violation
from tocsin.http.json_body import JSON_TYPE, parse_json, too_deep, wrong_values
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
    return yaml.dump(shown, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


_FLOAT = r"-?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_FLOAT_STARTS = [*"-.0123456789"]


class _Dumper(yaml.CSafeDumper):
    """Quotes what YAML 1.1 takes for something else than a text, and what this module's reader does."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"(?:{_FLOAT})\\Z"), _FLOAT_STARTS)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise MalformedBody(f"the body is not JSON that is taken here: the key {twice[:60]!r} stands twice")
    return found


class _Loader(Composer, CParser, SafeConstructor, BaseResolver):
    """libyaml's parser, which is many times faster than PyYAML's, and PyYAML's composer, made stricter.

    Plain words are what YAML 1.2's core schema says, less what would not be read back as it stands: null, booleans and
    numbers as JSON has them. `NO`, `on`, `12:30`, `0123`, `1_000`, `+49` and times stay the text that they are.
    """

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        BaseResolver.__init__(self)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()
        for what in ("anchor", "tag"):
            if getattr(event, what, None) is not None:
                raise ComposerError(None, None, f"{what}s are not taken", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.value == "<<" and not key_node.style:
                raise ConstructorError(None, None, "merge keys are not taken", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise ConstructorError(None, None, "a key is no plain value", key_node.start_mark)
            if key in seen:
                raise ConstructorError(None, None, f"the key {str(key)[:60]!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


for _tag, _form, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"-?(?:0|[1-9][0-9]*)", [*"-0123456789"]),
    ("float", _FLOAT, _FLOAT_STARTS),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", [*"-+."]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_form})\\Z"), _first)


def _from_yaml(body: bytes) -> object:
    try:
        loader = _Loader(body.decode("utf-8"))
        return loader.get_single_data()
    except UnicodeDecodeError as error:
        raise MalformedBody(f"the body is not UTF-8: byte {error.start} can't be read") from None
    except RecursionError:
        raise too_deep() from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise MalformedBody(f"the body is not YAML that is taken here: {error.problem}{where}") from None
    except (yaml.YAMLError, ValueError, ArithmeticError) as error:
        raise MalformedBody(f"the body is not YAML: {type(error).__name__}") from None
