"""The functions and operators an expression may use, and what each costs.

A function that is not in `FUNCTIONS` does not exist for expressions, even where the runtime has it: what it
costs is not known. The figures are upper bounds in nanoseconds and bytes, measured on cel-expr-python
0.1.3; the comments say which behaviour of the runtime they come from.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from tocsin.expressions.regexes import compile_ns, search_ns
from tocsin.expressions.shapes import SCALAR, Built, Shape, Size, either
from tocsin.expressions.syntax import Call, Constant, Node


class Outcome(NamedTuple):
    """What one call gives and takes, at most."""

    shape: Shape
    """The result."""
    nanoseconds: float
    memory: float = 0
    """Bytes that stay allocated until the variables are bound anew."""


type Price = Callable[[Sequence[Node], Sequence[Shape]], Outcome]
"""The outcome of a call with these argument nodes, whose values have these shapes."""

COPIED_ITEM_NS: Final = 80
COPIED_ITEM_BYTES: Final = 72
COMPARED_NODE_NS: Final = 130


def _scalar(nanoseconds: float) -> Price:
    """A number, a bool or a time out of arguments of bounded size."""
    return lambda _nodes, _shapes: Outcome(SCALAR, nanoseconds)


def _scanned(nanoseconds: float, per_byte: float) -> Price:
    """A number, a bool or a time out of a string that is read once."""
    return lambda _nodes, shapes: Outcome(SCALAR, nanoseconds + per_byte * shapes[0].size.text)


def _compared(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    # startsWith(), endsWith(): as long as the shorter of the two.
    return Outcome(SCALAR, 100 + min(shapes[0].size.text, shapes[1].size.text))


def _equal(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    # A comparison ends with the smaller of the two.
    one, other = shapes[0].size, shapes[1].size
    nodes, chars = min(one.nodes, other.nodes), min(one.chars, other.chars)
    return Outcome(SCALAR, 30 + COMPARED_NODE_NS * (nodes - 1) + chars)


def _contained(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    # A map is asked for its key, a list is compared element by element.
    wanted, container = shapes[0].size, shapes[1].size
    compared = min(container.nodes, container.items * wanted.nodes)
    chars = min(container.chars, container.items * wanted.chars)
    return Outcome(SCALAR, 50 + 30 * container.items + COMPARED_NODE_NS * (compared - container.items) + chars)


_TEXTS: Final = frozenset(("charAt", "join", "lowerAscii", "replace", "string", "substring", "trim", "upperAscii"))


def _is_text(node: Node) -> bool:
    """Tell whether a node can only give a string, or fail."""
    if isinstance(node, Call):
        return node.function in _TEXTS or (node.function == "_+_" and any(map(_is_text, node.arguments)))
    return isinstance(node, Constant) and isinstance(node.value, str)


def _sum(nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    # Numbers, times, strings, bytes or lists: which of them is often only known when it runs.
    one, other = shapes[0].size, shapes[1].size
    text = one.text + other.text
    if any(map(_is_text, nodes)):
        return Outcome(_text(text), 150 + 2 * text, text)
    size = Size(one.nodes + other.nodes, one.chars + other.chars, one.items + other.items, text)
    shape = Built(size, either(shapes[0].entry(), shapes[1].entry())) if size.items else Built(size)
    return Outcome(shape, 150 + 2 * text + COPIED_ITEM_NS * size.items, text + COPIED_ITEM_BYTES * size.items)


def _chosen(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    return Outcome(either(shapes[1], shapes[2]), 20)


def _alternative(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    return Outcome(either(shapes[0], shapes[1]), 60)


def _same(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    return Outcome(shapes[0], 60)


def _nothing(_nodes: Sequence[Node], _shapes: Sequence[Shape]) -> Outcome:
    return Outcome(SCALAR, 40)


def _member(nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    key = nodes[1]
    if isinstance(key, Constant) and isinstance(key.value, str | int):
        return Outcome(shapes[0].member(key.value), 60)
    return Outcome(shapes[0].entry(), 60 + shapes[1].size.text)


def _text(size: int) -> Shape:
    return Built(Size(1, size, 0, size))


def _converted(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    # string() and bytes(): a number or a time takes up to 32 characters.
    size = max(32, shapes[0].size.text)
    return Outcome(_text(size), 450 + 2 * size, size)


def _rewritten(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    # lowerAscii(), substring(), trim(), charAt(): no longer than what it is made of.
    size = shapes[0].size.text
    return Outcome(_text(size), 150 + 4 * size, size)


def _search_ns(text: int, wanted: int) -> float:
    # The runtime compares the wanted text at every position: text of "aaa…" makes it quadratic.
    return 100 + text * (7 + 0.02 * min(text, wanted))


def _searched(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    return Outcome(SCALAR, _search_ns(shapes[0].size.text, shapes[1].size.text))


def _replaced(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    text, wanted, replacement = (shape.size.text for shape in shapes[:3])
    # An empty wanted text matches before every character.
    size = text + (text + 1) * replacement
    return Outcome(_text(size), _search_ns(text, wanted) + 30 * text + 2 * size, 2 * size)


def _split(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    text, separator = shapes[0].size.text, shapes[1].size.text
    parts = text + 1  # an empty separator parts every two characters
    return Outcome(
        Built(Size(1 + parts, text, parts, text), _text(text)),
        _search_ns(text, separator) + 50 * parts,
        COPIED_ITEM_BYTES * parts + text,
    )


def _joined(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    parts = shapes[0].size
    size = parts.chars + parts.items * (shapes[1].size.text if len(shapes) > 1 else 0)
    return Outcome(_text(size), 100 + 50 * parts.items + 2 * size, 3 * size)


def _sorted(_nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    size = shapes[0].size
    return Outcome(
        Built(size, shapes[0].entry()),
        200 + 400 * size.items + 20 * size.chars,
        COPIED_ITEM_BYTES * size.items,
    )


def _matched(nodes: Sequence[Node], shapes: Sequence[Shape]) -> Outcome:
    pattern = nodes[1]
    if not isinstance(pattern, Constant) or not isinstance(pattern.value, str):
        return Outcome(SCALAR, 0)  # refused for that: see `vocabulary.check_literals`
    return Outcome(SCALAR, compile_ns(pattern.value) + search_ns(pattern.value) * shapes[0].size.text)


_CLOCK: Final = (
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
)

FUNCTIONS: Final[Mapping[str, Price]] = {
    # operators
    "!_": _scalar(20),
    "-_": _scalar(30),
    "_!=_": _equal,
    "_%_": _scalar(60),
    "_&&_": _scalar(80),
    "_*_": _scalar(60),
    "_+_": _sum,
    "_-_": _scalar(60),
    "_/_": _scalar(60),
    "_<=_": _equal,
    "_<_": _equal,
    "_==_": _equal,
    "_>=_": _equal,
    "_>_": _equal,
    "_?_:_": _chosen,
    "_[_]": _member,
    "_||_": _scalar(80),
    "@in": _contained,
    "@not_strictly_false": _scalar(10),
    # standard functions
    "bool": _scanned(60, 1),
    "bytes": _converted,
    "contains": _searched,
    "double": _scanned(100, 2),
    "duration": _scanned(150, 2),
    "dyn": _same,
    "endsWith": _compared,
    "int": _scanned(60, 2),
    "matches": _matched,
    "size": _scanned(50, 1),
    "startsWith": _compared,
    "string": _converted,
    "timestamp": _scanned(350, 2),
    "type": _scalar(40),
    "uint": _scanned(60, 2),
    **dict.fromkeys(_CLOCK, _scalar(200)),
    # strings
    "charAt": _rewritten,
    "indexOf": _searched,
    "join": _joined,
    "lastIndexOf": _searched,
    "lowerAscii": _rewritten,
    "replace": _replaced,
    "split": _split,
    "substring": _rewritten,
    "trim": _rewritten,
    "upperAscii": _rewritten,
    # lists
    "sort": _sorted,
    # optional values
    "_?._": _member,
    "_[?_]": _member,
    "hasValue": _scalar(40),
    "optional.none": _nothing,
    "optional.of": _same,
    "optional.ofNonZeroValue": _same,
    "or": _alternative,
    "orValue": _alternative,
    "value": _same,
}

OPTIONALS: Final = frozenset(("_?._", "_[?_]", "optional.none", "optional.of", "optional.ofNonZeroValue", "or"))
"""The functions whose result may be missing: it is not JSON before `orValue()` or `value()`."""
