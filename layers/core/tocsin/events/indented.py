"""Values of YAML in a text that stand in the lines below their name, and how far these go."""

from __future__ import annotations

import re

from tocsin.events.secret_names import MASK, NAME

TAG = re.compile(
    r"(?:(?<=[ \t])(?:&[\w-]{1,64}+|!!\w{1,16}+|!(?:binary|decrypt|encrypted|secret|unsafe|vault))"
    r"(?:[ \t]++|(?=\r?\n)))++"
)
"""An anchor or a tag of YAML before a value. Those of CloudFormation (!Ref) have names behind them."""
BELOW = re.compile(
    rf"""\r?\n(?P<line>(?P<indent>[ \t]*+)(?P<dashes>(?:-[ \t]++)*+))
    (?!{NAME}["']?:(?:\s|\Z)) (?=(?P<word>[^\s\[{{]\S*+[ \t]*+(?:[\r\n]|\Z))|[^\s\[{{])""",
    re.VERBOSE,
)
"""A value of YAML that begins in the line below its name, and is no object: its members have names of their own. `word`
where that line is one, and no sentence."""
BLOCK = re.compile(r"[|>][+\d-]{0,3}[ \t]*+\r?\n")
_INDENTED = re.compile(r"([ \t]*+)([^\n]*+)\n?")
_LOOK_BACK = 64
"""Characters before a name that are looked at to see how far it is indented."""


def lines_below(text: str, name_at: int, below: re.Match[str]) -> tuple[int, int, str] | None:
    """A YAML value below its name: a scalar, or a list, which needs no indent."""
    lines = block(text, name_at, below.start("line"), is_list=bool(below["dashes"]))
    if lines is None:
        return None
    start, end, mask = lines
    return start, end, below["line"] + mask[len(below["indent"]) :]


def block(text: str, name_at: int, at: int, *, is_list: bool) -> tuple[int, int, str] | None:
    """A YAML block scalar: up to the first line that is not indented more than the one of its name."""
    before = text[max(name_at - _LOOK_BACK, 0) : name_at]
    indent = len(before) - before.rfind("\n") - 1
    end = at
    while end < len(text) and (line := _INDENTED.match(text, end)):
        is_item = is_list and len(line[1]) == indent and line[2].startswith("- ")
        if line[2].strip() and len(line[1]) <= indent and not is_item:
            break
        end = line.end()
    lines = text[at:end]
    if not lines.strip():
        return None
    return at, end, lines[: -len(lines.lstrip(" \t"))] + MASK + lines[len(lines.rstrip("\r\n")) :]
