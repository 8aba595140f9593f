"""What is wrong with an expression, and where: `ExpressionError`, and the runtime's words made safe to show.

The runtime's own messages carry data ("Key not found in map : …" names the key that an event gave, a
conversion error prints the whole value), so none of them is passed on. They are recognised, and said again
with nothing in them but names that stand in the expression's own source, types and numbers of our own.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

from tocsin.expressions.syntax import Call, Constant, Loop, Node, Select, walk

type Kind = Literal["parse", "undeclared", "bounds", "type", "evaluation"]


class ExpressionError(ValueError):
    """An expression that cannot be used, or a value that it cannot be used on.

    Attributes:
        kind: `parse` (not CEL), `undeclared` (names what does not exist), `bounds` (too long, too deep, or
            could take too much time or memory), `type` (types do not fit, or the result is not what was
            asked for), `evaluation` (this event gave it a missing key, a division by zero, ...).
        message: one sentence without the position. Safe to show and to log: it holds no content of an
            event, except the names of keys that the expression itself spells.
        line, column: where in the source, counted from 1 in characters; None where it is no one place.

    `str()` gives "line 1, column 7: …", or the message alone.
    """

    def __init__(self, kind: Kind, message: str, *, line: int | None = None, column: int | None = None) -> None:
        """Keep the parts; see the class."""
        place = "" if line is None or column is None else f"line {line}, column {column}: "
        super().__init__(f"{place}{message}")
        self.kind: Final = kind
        self.message: Final = message
        self.line: Final = line
        self.column: Final = column


def error_at(kind: Kind, message: str, source: str, position: int) -> ExpressionError:
    """Return an error at `position`, an offset into `source` in characters."""
    before = source[:position]
    return ExpressionError(kind, message, line=before.count("\n") + 1, column=position - (before.rfind("\n") + 1) + 1)


LONGEST_MESSAGE: Final = 300

_ISSUE = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_UNDECLARED = re.compile(r"undeclared reference to '(.*)' \(in container ''\)")
_TOO_DEEP = re.compile(r"recursion (limit|depth)|node count")


def compile_error(text: str, source: str) -> ExpressionError:
    """Return the first of the compiler's complaints in `text` as an error.

    These speak of the source only, which belongs to whoever wrote it, so their wording is kept. One
    complaint is enough: the compiler's list can be a hundred times as long as the expression.
    """
    if _TOO_DEEP.search(text):
        return ExpressionError("bounds", "the expression nests too deep: more than 32 levels")
    issue = _ISSUE.search(text)
    if issue is None:
        return ExpressionError("parse", "the expression cannot be read")
    line, column, message = int(issue[1]), int(issue[2]), issue[3]
    kind: Kind = "type"
    if undeclared := _UNDECLARED.search(message):
        kind, message = (
            "undeclared",
            f'there is no "{undeclared[1]}" here, or it does not take these arguments',
        )
    elif "Syntax error" in message or "literal" in message or "must be" in message:
        kind, message = "parse", message.partition(" expecting ")[0]
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[:LONGEST_MESSAGE]}…"
    if line < 1 or column < 1:
        return ExpressionError(kind, message)
    # The compiler counts columns in characters, but a position past the end (a missing operand) as it comes.
    return ExpressionError(kind, message, line=line, column=min(column, len(source) + 1))


_NO_KEY = re.compile(r'Key not found in map : "(.*)"', re.DOTALL)
_NO_OVERLOAD = re.compile(r"No matching overloads found : (\S+?)(?:\(([\w.<>, ]*)\))?$")
_NO_MEMBER_OVERLOAD = re.compile(r"No matching overloads found : \(([\w.<>, ]+)\)\.(\w+)\(([\w.<>, ]*)\)$")
_UNBOUND = re.compile(r'No value with name "(\w+)" found in Activation')

# What the runtime says, and how it is said again.
_KNOWN: Final = (
    ("Iteration budget exceeded", "the expression iterates too often"),
    ("Applying SELECT to non-message type", "a field is asked of a value that is not a map"),
    ("Index error: expected integer", "a list is indexed with something that is not a whole number"),
    ("Index error", "an index is outside its list"),
    ("divide by zero", "division by zero"),
    ("modulus by zero", "division by zero"),
    ("overflow", "a number, time or duration is out of range"),
    ("out of int64 range", "a number is out of range"),
    ("out of uint64 range", "a number is out of range"),
    ("maximum allowed duration", "a duration is out of range"),
    ("minimum allowed duration", "a duration is out of range"),
    ("conversion", "a value cannot be converted to the type asked for"),
    ("cannot convert", "a value cannot be converted to the type asked for"),
    ("malformed UTF-8", "a value cannot be converted to the type asked for"),
    ("is greater than <string>.size()", "a position is outside its string"),
    ("<string>.", "a string function was given a position or a count out of range"),
    ("optional.none() dereference", "value() was asked of a value that is missing"),
    ("Invalid timezone", "there is no such time zone"),
    ("sort()", "sort() was given a list of mixed types"),
    ("duplicate key", "a map has the same key twice"),
    ("Invalid map key type", "a map key is not a string, a whole number or a bool"),
)

# How the runtime spells operators and internal steps, for a message and for finding them in the tree.
_OPERATORS: Final = {
    "<jump_condition>": "_?_:_",
    "<iter_range>": "a loop",
}


def evaluation_error(text: str, tree: Node, source: str) -> ExpressionError:
    """Return what the runtime reports in `text` as an error of kind evaluation (or bounds), without data.

    The runtime does not say where it failed. The place is that of the field or function it names, when
    only one in the source could be meant.
    """
    if found := _NO_KEY.search(text):
        places = list(_spelled(tree, found[1]))
        message = f'there is no key "{found[1]}"' if places else "there is no such key"
        return _placed("evaluation", message, source, places)
    if found := _UNBOUND.search(text):
        return ExpressionError("evaluation", f'"{found[1]}" has no value here')
    if found := _NO_MEMBER_OVERLOAD.search(text):
        return _unfit(found[2], ", ".join(filter(None, (found[1], found[3]))), tree, source)
    if found := _NO_OVERLOAD.search(text):
        return _unfit(found[1], found[2], tree, source)
    for words, message in _KNOWN:
        if words in text:
            return ExpressionError("bounds" if "iterates" in message else "evaluation", message)
    return ExpressionError("evaluation", "the expression cannot be evaluated on this event")


def _unfit(function: str, types: str | None, tree: Node, source: str) -> ExpressionError:
    function = _OPERATORS.get(function, function)
    places = [
        node.position
        for node in walk(tree)
        if (isinstance(node, Call) and node.function == function) or (isinstance(node, Loop) and function == "a loop")
    ]
    given = f" to ({types.replace('int64', 'int')})" if types else " to values of these types"
    return _placed("evaluation", f"{function} cannot be applied{given}", source, places)


def _spelled(tree: Node, key: str) -> Iterator[int]:
    """Yield the positions at which `tree` itself names `key`, as a field or as a string."""
    for node in walk(tree):
        if (isinstance(node, Select) and node.field == key) or (isinstance(node, Constant) and node.value == key):
            yield node.position


def _placed(kind: Kind, message: str, source: str, places: list[int]) -> ExpressionError:
    if len(places) != 1:
        return ExpressionError(kind, message)
    return error_at(kind, message, source, places[0])
