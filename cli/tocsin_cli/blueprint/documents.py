"""YAML and JSON as the API takes it, with the line of every value, so that what is wrong is told by file and line."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from tocsin_cli.errors import Fault, Invalid
from tocsin_cli.files import read_text, shown
from tocsin_cli.types import JsonObject

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content, and where in it things stand."""

    name: str
    content: JsonObject
    node: yaml.Node | None

    @property
    def says_nothing(self) -> bool:
        """Whether nothing stands in it but comments."""
        return self.node is None

    def line_of(self, path: str) -> int:
        """The line of `rules[3].bindings[0].policy`, or of the nearest thing above it that there is."""
        node, line = self.node, 1
        for member, position in _STEP.findall(path):
            inner = _member(node, member) if member else _item(node, int(position))
            if inner is None:
                break
            key, node = inner
            line = (key or node).start_mark.line + 1
        return line

    def place_of(self, path: str) -> str:
        """`file:line` of a path."""
        return f"{shown(self.name)}:{self.line_of(path)}"


def read_document(name: str, environment: Mapping[str, str] | None = None) -> Document:
    """The object in a file (`-`: standard input). With `environment`, ${NAME} in texts stands for its variables.

    Raises Invalid, which names the line.
    """
    return parse_document(name, read_text(name), environment)


def parse_document(name: str, text: str, environment: Mapping[str, str] | None = None) -> Document:
    """The object in `text`, as `read_document` reads it from the file `name`."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        content: Any = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{shown(name)}:{mark.line + 1}" if mark else shown(name)
        raise Invalid("the file can't be read", [Fault(where, error.problem or "is no YAML")]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Invalid(f"{shown(name)} is no YAML: {str(error).splitlines()[0]}") from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise Invalid(f"{shown(name)} must hold names with values, as `rules:` and a list")
    if environment is not None:
        content = _substituted(content, environment, name)
    return Document(name, cast(JsonObject, content), node)


class _Loader(yaml.SafeLoader):
    """As the API reads YAML: no anchors, no tags, no key twice, and words stay the texts that they are.

    Null, booleans and numbers are spelled as in JSON; `NO`, `on`, `12:30`, `0123` and times are texts.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        for what in ("anchor", "tag"):
            if getattr(event, what, None) is not None:
                raise yaml.composer.ComposerError(None, None, f"{what}s are not taken", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.value == "<<" and not key_node.style:
                raise yaml.constructor.ConstructorError(None, None, "merge keys are not taken", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, "a key is no text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key[:60]!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


for _tag, _form, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"-?(?:0|[1-9][0-9]*)", [*"-0123456789"]),
    ("float", r"-?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", [*"-.0123456789"]),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", [*"-+."]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_form})\\Z"), _first)


def _member(node: yaml.Node | None, name: str) -> tuple[yaml.Node | None, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next(((key, value) for key, value in node.value if key.value == name), None)


def _item(node: yaml.Node | None, position: int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if not isinstance(node, yaml.SequenceNode) or position >= len(node.value):
        return None
    return None, node.value[position]


def _substituted(value: Any, environment: Mapping[str, str], name: str) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if isinstance(value, str):
        missing = [each for each in _VARIABLE.findall(value) if each not in environment]
        if missing:
            raise Invalid(f"{shown(name)} needs the environment variable {missing[0]}, which is not set")
        return _VARIABLE.sub(lambda found: environment[found[1]], value)
    if isinstance(value, dict):
        return {key: _substituted(inner, environment, name) for key, inner in value.items()}
    if isinstance(value, list):
        return [_substituted(inner, environment, name) for inner in value]
    return value
