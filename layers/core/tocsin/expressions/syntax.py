"""The syntax tree of a compiled expression, read from the runtime's serialized form.

The Python binding does not show its tree, but serializes it as a protobuf `cel.expr.CheckedExpr` inside a
`google.protobuf.Any`. This module decodes the few messages that make the tree, by their field numbers in
https://github.com/google/cel-spec (proto/cel/expr/checked.proto and syntax.proto), so that names and cost
can be judged before an expression runs. Macros (`exists`, `map`, ...) are already expanded in it.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final

from tocsin.records import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression. `position` is its offset in the source, in characters."""

    position: int

    def children(self) -> tuple["Node", ...]:
        """Return the nodes directly below, in the order of their evaluation."""
        return ()


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A literal."""

    value: bool | int | float | str | bytes | None


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable, a loop's variable, or the name of a type."""

    name: str


@dataclass(frozen=True, slots=True)
class Select(Node):
    """`operand.field`, or `has(operand.field)` when `test` is true."""

    operand: Node
    field: str
    test: bool

    def children(self) -> tuple[Node, ...]:
        """Return the operand."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function or an operator (`_+_`, `_?_:_`, ...). The target of `target.f(x)` is the first argument."""

    function: str
    arguments: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        """Return the arguments."""
        return self.arguments


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    """`[a, b]`."""

    elements: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        """Return the elements."""
        return self.elements


@dataclass(frozen=True, slots=True)
class MapLiteral(Node):
    """`{k: v}`, or `message{field: v}` when `message` is not empty."""

    message: str
    entries: tuple[tuple[Node, Node], ...]

    def children(self) -> tuple[Node, ...]:
        """Return keys and values, in turn."""
        return tuple(part for entry in self.entries for part in entry)


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """A comprehension: what `all`, `exists`, `exists_one`, `map`, `filter` and `cel.bind` expand to.

    `accumulator` starts as `start`; for each `variable` of `range`, while `condition` holds, it becomes
    `step`; then `result` is the value. `cel.bind` is a loop over nothing whose accumulator is the variable.
    """

    variable: str
    range: Node
    accumulator: str
    start: Node
    condition: Node
    step: Node
    result: Node

    def children(self) -> tuple[Node, ...]:
        """Return the five parts."""
        return (self.range, self.start, self.condition, self.step, self.result)


def walk(tree: Node) -> Iterator[Node]:
    """Yield `tree` and every node below it."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children()))


def decode(serialized: bytes) -> Node:
    """Return the tree of a serialized expression (`Expression.serialize()` of the runtime)."""
    checked = dict(_fields(_message(dict(_fields(serialized)), 2)))
    positions: dict[int, int] = {}
    for number, entry in _fields(_message(checked, 5)):
        if number == 4 and isinstance(entry, bytes):
            pair = dict(_fields(entry))
            # A field at its default, here position 0, may be left out.
            positions[_number(pair, 1)] = _number(pair, 2)
    return _Decoder(positions).node(_message(checked, 4))


type _Field = int | bytes

_VARINT: Final = 0
_FIXED64: Final = 1


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, _Field]]:
    """Yield (field number, value) of a protobuf message; fixed64 comes as its eight bytes."""
    at, end = 0, len(data)
    while at < end:
        tag = data[at]  # below 128: the messages decoded here have no field number above 15
        at += 1
        wire_type = tag & 7
        if wire_type == _FIXED64:
            number = 8
        else:
            number = data[at]
            at += 1
            if number >= 0x80:
                number, at = _varint(data, at - 1)
        if wire_type == _VARINT:
            yield tag >> 3, number
            continue
        yield tag >> 3, data[at : at + number]
        at += number


def _message(fields: dict[int, _Field], number: int) -> bytes:
    value = fields.get(number, b"")
    return value if isinstance(value, bytes) else b""


def _number(fields: dict[int, _Field], number: int) -> int:
    value = fields.get(number, 0)
    return value if isinstance(value, int) else 0


def _text(fields: dict[int, _Field], number: int) -> str:
    return _message(fields, number).decode()


class _Decoder:
    """Decodes `cel.expr.Expr`; the positions of its ids are in another message."""

    def __init__(self, positions: dict[int, int]) -> None:
        self._positions = positions
        self._kinds: dict[int, Callable[[int, bytes], Node]] = {
            4: _name,
            5: self._select,
            6: self._call,
            7: self._list,
            8: self._map,
            9: self._loop,
        }

    def node(self, data: bytes) -> Node:
        position = 0
        number, body = 0, b""
        for field, value in _fields(data):
            if isinstance(value, int):
                position = self._positions.get(value, 0)
            else:
                number, body = field, value
        return self._kinds.get(number, _constant)(position, body)

    def _nodes(self, data: bytes, number: int) -> tuple[Node, ...]:
        return tuple(self.node(value) for field, value in _fields(data) if field == number and isinstance(value, bytes))

    def _select(self, position: int, data: bytes) -> Select:
        fields = dict(_fields(data))
        return Select(position, self.node(_message(fields, 1)), _text(fields, 2), bool(_number(fields, 3)))

    def _list(self, position: int, data: bytes) -> ListLiteral:
        return ListLiteral(position, self._nodes(data, 1))

    def _call(self, position: int, data: bytes) -> Call:
        # The target, field 1, is serialized before the arguments, field 3.
        return Call(position, _text(dict(_fields(data)), 2), (*self._nodes(data, 1), *self._nodes(data, 3)))

    def _map(self, position: int, data: bytes) -> MapLiteral:
        entries = []
        for field, entry in _fields(data):
            if field == 2 and isinstance(entry, bytes):
                fields = dict(_fields(entry))
                key = self.node(_message(fields, 3)) if 3 in fields else Constant(position, _text(fields, 2))
                entries.append((key, self.node(_message(fields, 4))))
        return MapLiteral(position, _text(dict(_fields(data)), 1), tuple(entries))

    def _loop(self, position: int, data: bytes) -> Loop:
        fields = dict(_fields(data))
        parts = [self.node(_message(fields, number)) for number in (2, 4, 5, 6, 7)]
        return Loop(position, _text(fields, 1), parts[0], _text(fields, 3), *parts[1:])


def _name(position: int, data: bytes) -> Name:
    return Name(position, _text(dict(_fields(data)), 1))


def _constant(position: int, data: bytes) -> Constant:
    return Constant(position, next((_literal(*field) for field in _fields(data)), None))


def _literal(number: int, value: _Field) -> bool | int | float | str | bytes | None:
    """Return the value of one field of `cel.expr.Constant`."""
    if isinstance(value, bytes):
        if number == 5:
            return float(struct.unpack("<d", value)[0])
        return value.decode() if number == 6 else value
    if number == 2:
        return bool(value)
    # An int64 below zero travels as its two's complement. Field 1 is null.
    return None if number == 1 else value - (1 << 64) if number == 3 and value >> 63 else value
