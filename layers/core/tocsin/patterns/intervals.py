"""Finding the number ranges that hold a value."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from math import isnan

from tocsin.patterns.matchers import NumberRange
from tocsin.patterns.positions import Positions, packed


class RangeTable:
    """Number ranges with their positions, to find those that hold a value in a few steps.

    The limits of all ranges cut the numbers into slots: each limit is one, and so is each gap between two.
    A range is a run of slots. It is kept at the few nodes of a binary tree over the slots that together
    make up the run, so that the nodes above a value's slot have all ranges that hold the value.
    """

    __slots__ = ("_limits", "_nodes", "_size")

    def __init__(self, ranges: Mapping[NumberRange, list[int]]) -> None:
        self._limits = sorted({limit for r in ranges for limit in (r.low, r.high) if limit is not None})
        self._size = 2 * len(self._limits) + 1
        slots = {limit: 2 * at + 1 for at, limit in enumerate(self._limits)}
        nodes: defaultdict[int, list[int]] = defaultdict(list)
        for r, positions in ranges.items():
            low = 0 if r.low is None else slots[r.low] + r.low_open
            high = self._size - 1 if r.high is None else slots[r.high] - r.high_open
            for node in _covering(low + self._size, high + self._size + 1):
                nodes[node] += positions
        self._nodes: dict[int, Positions] = {node: packed(positions) for node, positions in nodes.items()}

    def find(self, value: int | float) -> Iterator[Positions]:
        """The positions of all ranges that hold the value."""
        if isinstance(value, float) and isnan(value):
            return
        at = bisect_left(self._limits, value)
        is_limit = at < len(self._limits) and self._limits[at] == value
        node = 2 * at + is_limit + self._size
        while node:
            if node in self._nodes:
                yield self._nodes[node]
            node >>= 1


def _covering(low: int, high: int) -> Iterator[int]:
    """The nodes of a binary tree, numbered as in a heap, that cover the leaves from low up to high."""
    while low < high:
        if low & 1:
            yield low
            low += 1
        if high & 1:
            high -= 1
            yield high
        low >>= 1
        high >>= 1
