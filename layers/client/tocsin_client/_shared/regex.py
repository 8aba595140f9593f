r"""`re`, whose `compile` takes possessive quantifiers (``a*+``, ``a++``, ``a?+``, ``a{1,3}+``) on Python 3.10 too.

Python has them from 3.11 on. Before that, ``X*+`` is ``(?=(X*))\1``: a lookahead is never entered again, so what it
found is taken whole or not at all. The groups that this needs are numbered behind the pattern's own, so those keep
their numbers. `Match.groups()` has the added ones too: shared modules ask for groups by number or name.
"""

import re
import sys
from re import ASCII, DOTALL, IGNORECASE, MULTILINE, VERBOSE, Match, Pattern, escape
from typing import Any

__all__ = ["ASCII", "DOTALL", "IGNORECASE", "MULTILINE", "VERBOSE", "Match", "Pattern", "compile", "escape"]

if sys.version_info >= (3, 11):
    from re import compile  # noqa: A004 - it is re.compile
else:
    import sre_compile
    import sre_parse

    _ADDED, _UNNAMED = "possessive_", "unnamed_"
    _QUANTIFIER = re.compile(r"(?:[*+?]|\{(?:[0-9]+(?:,[0-9]*)?|,[0-9]+)\})([+?]?)")
    _BLANK = re.compile(r"\s+|#[^\n]*")
    _TOKEN = re.compile(
        r"""
        \\ (?: (?P<reference>[1-9][0-9]?) | . )                # a group by its number, another escape
        | \[\^?\]?(?:\\.|[^\]\\])*\]                            # a class
        | \(\?\((?P<condition>\w+)\)                            # what opens a group: (?(1), (?P<name>, (?:, (
        | \(\?(?:P<(?P<name>\w+)>|P=\w+\)|[:=!#]|<[=!]|[a-zA-Z-]+:?)
        | .
        """,
        re.VERBOSE | re.DOTALL,
    )

    def compile(pattern: str, flags: int = 0) -> Pattern[str]:  # noqa: A001 - as re.compile
        """Compile the pattern as re.compile does from Python 3.11 on."""
        translated = _Translation(pattern, bool(flags & re.VERBOSE))
        if not translated.added:
            return re.compile(pattern, flags)
        tree = sre_parse.parse(translated.text, int(flags))
        _number_added_groups_last(tree)
        compiled: Pattern[str] = sre_compile.compile(tree, int(flags))
        return compiled

    class _Translation:
        """A pattern, its possessive quantifiers as lookaheads with a named group, and a reference to that.

        All groups get names, as numbers are others with the `added` ones between them.
        """

        def __init__(self, pattern: str, verbose: bool) -> None:
            self.added = 0
            self._names: list[str] = []  # of the pattern's own groups
            parts: list[str] = []
            opened: list[int] = []
            atom = at = 0  # `atom`: where in `parts` the last one begins
            while at < len(pattern):
                blank = _BLANK.match(pattern, at) if verbose else None
                quantifier = _QUANTIFIER.match(pattern, at)
                token = blank or quantifier or _TOKEN.match(pattern, at)
                assert token is not None  # noqa: S101 - _TOKEN matches any character
                at = token.end()
                if blank:
                    parts.append(blank[0])
                elif quantifier and quantifier[1] == "+":
                    name = f"{_ADDED}{self.added}"
                    self.added += 1
                    repeated = "".join(parts[atom:]) + quantifier[0][:-1]
                    parts[atom:] = [f"(?=(?P<{name}>{repeated}))(?P={name})"]
                elif quantifier:
                    parts.append(quantifier[0])
                else:
                    atom = opened.pop() if token[0] == ")" else len(parts)
                    if token[0].startswith("(") and not token[0].startswith("(?P="):
                        opened.append(atom)
                    parts.append(self._translated(token))
            self.text = "".join(parts)

        def _translated(self, token: Match[str]) -> str:
            if token[0] == "(":
                self._names.append(f"{_UNNAMED}{len(self._names)}")
                return f"(?P<{self._names[-1]}>"
            if token["name"]:
                self._names.append(token["name"])
            if token["reference"]:
                return f"(?P={self._names[int(token['reference']) - 1]})"
            if token["condition"] and token["condition"].isdecimal():
                return f"(?({self._names[int(token['condition']) - 1]})"
            return token[0]

    def _number_added_groups_last(tree: Any) -> None:  # noqa: ANN401 - sre_parse's trees have no types
        names = {number: name for name, number in tree.state.groupdict.items()}
        added = [number for number, name in sorted(names.items()) if name.startswith(_ADDED)]
        order = [number for number in range(tree.state.groups) if number not in added] + added
        new = {number: position for position, number in enumerate(order)}
        kept = {number: name for number, name in names.items() if not name.startswith((_ADDED, _UNNAMED))}
        tree.state.groupdict = {name: new[number] for number, name in kept.items()}
        tree.state.groupwidths = [tree.state.groupwidths[number] for number in order]
        _renumber(tree, new)

    def _renumber(tree: Any, new: dict[int, int]) -> None:  # noqa: ANN401
        for position, (operation, argument) in enumerate(tree.data):
            if operation is sre_parse.GROUPREF:
                tree.data[position] = (operation, new[argument])
            elif isinstance(argument, tuple):
                numbered = operation in {sre_parse.SUBPATTERN, sre_parse.GROUPREF_EXISTS}
                if numbered and argument[0] is not None:
                    tree.data[position] = (operation, (new[argument[0]], *argument[1:]))
                for part in _parts(argument):
                    _renumber(part, new)

    def _parts(argument: Any) -> list[Any]:  # noqa: ANN401
        if isinstance(argument, sre_parse.SubPattern):
            return [argument]
        if isinstance(argument, (tuple, list)):
            return [part for each in argument for part in _parts(each)]
        return []
