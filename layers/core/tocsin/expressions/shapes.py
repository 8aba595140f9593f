"""What a value could hold at most, without having it: the sizes that the cost of an expression is made of."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

import orjson

from tocsin.types import Json


class Size(NamedTuple):
    """An upper bound on a value, with everything in it."""

    nodes: int
    """Values in it at any depth, itself included."""
    chars: int
    """Bytes of all its strings and keys."""
    items: int
    """Entries of the largest list or map in it."""
    text: int
    """Bytes of the longest string in it."""


SCALAR_SIZE = Size(1, 0, 0, 0)


def largest(one: Size, other: Size) -> Size:
    """Return the bound of a value that is one or the other."""
    return Size(*map(max, one, other))


class Shape(Protocol):
    """A value as the estimate sees it."""

    @property
    def size(self) -> Size:
        """The bound of the value with all that is in it."""

    @property
    def length(self) -> int:
        """How often a loop over it runs at most."""

    def member(self, key: str | int) -> "Shape":
        """Return the value under `key`, or at that index."""

    def entry(self) -> "Shape":
        """Return what holds for every element of a list or value of a map."""

    def looped(self) -> "Shape":
        """Return what holds for everything that a loop over it sees: elements, or keys of a map."""


class Built:
    """A value that an expression makes, or of which only the size is known.

    `element` bounds what is in it; without one, its entries are bounded by its own size.
    """

    __slots__ = ("_element", "size")

    def __init__(self, size: Size, element: Shape | None = None) -> None:
        """Keep the bound."""
        self.size = size
        self._element = element

    @property
    def length(self) -> int:
        """How often a loop over it runs at most."""
        return self.size.items

    def member(self, key: str | int) -> Shape:
        """Return the value under any key."""
        return self.entry()

    def entry(self) -> Shape:
        """Return the bound of its entries."""
        return self if self._element is None else self._element

    def looped(self) -> Shape:
        """Return the bound of its elements or keys."""
        return self.entry()


SCALAR: Shape = Built(SCALAR_SIZE)
"""A number, bool, null, time, duration or type."""


class Bound:
    """A value that is there: JSON that an expression is evaluated on."""

    __slots__ = ("_ruler", "_value")

    def __init__(self, value: Json, ruler: "Ruler") -> None:
        """Keep the value; nothing is measured before it is asked for."""
        self._value = value
        self._ruler = ruler

    @property
    def size(self) -> Size:
        """The measured size."""
        return self._ruler.measure(self._value)

    @property
    def length(self) -> int:
        """The number of its entries."""
        return len(self._value) if isinstance(self._value, list | dict) else 0

    def member(self, key: str | int) -> Shape:
        """Return the value under `key`, or a scalar where there is none: the evaluation stops there."""
        if isinstance(self._value, dict) and isinstance(key, str) and key in self._value:
            return Bound(self._value[key], self._ruler)
        if isinstance(self._value, list) and isinstance(key, int) and 0 <= key < len(self._value):
            return Bound(self._value[key], self._ruler)
        return SCALAR

    def entry(self) -> Shape:
        """Return the bound of all its elements, or of all its values."""
        if isinstance(self._value, list | dict):
            return Built(self._ruler.measure_entries(self._value))
        return SCALAR

    def looped(self) -> Shape:
        """Return the bound of its elements, or of its keys."""
        if isinstance(self._value, dict):
            longest = max(map(_bytes, self._value), default=0)
            return Built(Size(1, longest, 0, longest))
        return self.entry()


MAX_MEASURED_NODES: Final = 5_000
"""A list or map with more values in it is not measured, which could take longer than what it is for."""

_MAX_ENTRIES: Final = 10_000  # more are not looped over


class _TooManyError(Exception):
    """More values than may be measured."""


class Ruler:
    """Measures JSON values as `orjson.loads` makes them, each list and map once.

    It must not outlive what it has measured.
    """

    __slots__ = ("_entries", "_known", "_left")

    def __init__(self) -> None:
        """Know no size yet."""
        self._known: dict[int, Size] = {}
        self._entries: dict[int, Size] = {}
        self._left = 0

    def measure(self, value: Json) -> Size:
        """Return the size of `value`: exact, or for a very large one an upper bound."""
        if isinstance(value, str):
            length = _bytes(value)
            return Size(1, length, 0, length)
        if not isinstance(value, list | dict):
            return SCALAR_SIZE
        return self._container(value)

    def measure_entries(self, value: list[Json] | dict[str, Json]) -> Size:
        """Return a bound on each element of a list, or on each value of a map."""
        known = self._entries.get(id(value))
        if known is None:
            known = self._entries[id(value)] = self._largest_entry(value)
        return known

    def _container(self, value: list[Json] | dict[str, Json]) -> Size:
        known = self._known.get(id(value))
        if known is None:
            self._left = MAX_MEASURED_NODES
            try:
                known = self._add_up(value)
            except _TooManyError:
                known = self._known[id(value)] = of_json(len(orjson.dumps(value)))
        return known

    def _largest_entry(self, value: list[Json] | dict[str, Json]) -> Size:
        if len(value) > _MAX_ENTRIES:
            return self._container(value)
        self._left = MAX_MEASURED_NODES
        nodes, chars, items, text = 1, 0, 0, 0
        try:
            for child in value.values() if isinstance(value, dict) else value:
                if isinstance(child, str):
                    text = max(text, _bytes(child))
                elif isinstance(child, list | dict):
                    size = self._known.get(id(child)) or self._add_up(child)
                    nodes, chars = max(nodes, size.nodes), max(chars, size.chars)
                    items, text = max(items, size.items), max(text, size.text)
        except _TooManyError:
            return self._container(value)
        return Size(nodes, max(chars, text), items, text)

    def _add_up(self, value: list[Json] | dict[str, Json]) -> Size:
        nodes, chars, items, text = 1, 0, len(value), 0
        self._left -= items + 1
        if self._left < 0:
            raise _TooManyError
        if isinstance(value, dict):
            lengths = list(map(_bytes, value))
            chars, text = sum(lengths), max(lengths, default=0)
        for child in value.values() if isinstance(value, dict) else value:
            if isinstance(child, str):
                length = _bytes(child)
                nodes, chars, text = nodes + 1, chars + length, max(text, length)
            elif isinstance(child, list | dict):
                size = self._known.get(id(child)) or self._add_up(child)
                nodes, chars = nodes + size.nodes, chars + size.chars
                items, text = max(items, size.items), max(text, size.text)
            else:
                nodes += 1
        size = self._known[id(value)] = Size(nodes, chars, items, text)
        return size


def of_json(length: int) -> Size:
    """Return the bound of any value whose JSON has this many bytes: one string, or a list of digits."""
    return Size(length // 2 + 1, length, length // 2, length)


def either(one: Shape, other: Shape) -> Shape:
    """Return the shape of a value that is one or the other."""
    if one is other or _is_empty(other.size):
        return one
    if _is_empty(one.size):
        return other
    return Built(largest(one.size, other.size))


def together(parts: list[Shape]) -> Shape:
    """Return the shape of a list of `parts`, or of a map of these keys and values."""
    element: Shape | None = None
    nodes, chars, items, text = 1, 0, len(parts), 0
    for part in parts:
        size = part.size
        nodes += size.nodes
        chars += size.chars
        items = max(items, size.items)
        text = max(text, size.text)
        element = part if element is None else either(element, part)
    return Built(Size(nodes, chars, items, text), element or SCALAR)


def _is_empty(size: Size) -> bool:
    """Tell whether nothing can be in it, so that it adds no bound to another."""
    return size.items == 0 and size.text == 0


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


type Roots = Mapping[str, Shape]
"""The variables of an expression."""
