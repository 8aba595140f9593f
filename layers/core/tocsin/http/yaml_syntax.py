"""YAML as text, by PyYAML, which is loaded with the first document that is YAML (`yaml_body` says what is taken)."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.composer import Composer, ComposerError
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.resolver import BaseResolver

from tocsin.errors import MalformedBody
from tocsin.http.json_body import too_deep
from tocsin.types import JsonObject


def to_yaml(shown: JsonObject) -> str:
    """`shown` as YAML, in the order it has."""
    return yaml.dump(shown, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


_FLOAT = r"-?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_FLOAT_STARTS = [*"-.0123456789"]


class _Dumper(yaml.CSafeDumper):
    """Quotes what YAML 1.1 takes for something else than a text, and what this module's reader does."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"(?:{_FLOAT})\\Z"), _FLOAT_STARTS)


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


def from_yaml(body: bytes) -> object:
    """The value that a YAML document is. Raises MalformedBody."""
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
