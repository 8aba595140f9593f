"""YAML as people write it."""

from __future__ import annotations

import re

import yaml

from tocsin_cli.text import escaped
from tocsin_cli.types import Json


def dump(value: Json) -> str:
    """Block style, members in their order, text of several lines as such; nothing in it that a terminal obeys."""
    # What is unsafe stands in double quotes only, where an escape means the same.
    return escaped(yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120))


class _Dumper(yaml.SafeDumper):
    """Indents lists below their names, as people write them, and keeps lines of text apart."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if escaped(value) != value else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
# YAML 1.1 takes these for texts; the API does not.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"-?(?:\.[0-9]+|[0-9.]+[eE][-+]?[0-9]+)\Z"), [*"-.0123456789"]
)
