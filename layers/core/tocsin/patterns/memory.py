"""What an index remembers of the values that it has seen, within bounds."""

from __future__ import annotations

from collections.abc import Callable


def size_of(bits: int) -> int:
    """What an integer takes in memory, about: asking Python exactly costs as much as looking a value up."""
    return 28 + (bits.bit_length() >> 3)


class Memory:
    """How many bytes the caches of one index may take together.

    When they are taken all caches are emptied, and what comes often is soon known again. Threads may share
    it: at worst they do the same work twice.
    """

    __slots__ = ("_emptiers", "_left", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._emptiers: list[Callable[[], None]] = []

    def keep[Key, Value](self, cache: dict[Key, Value], key: Key, value: Value, size: int) -> None:
        """Put a value in a cache where there are `size` bytes for it."""
        if size > self._size:
            return
        self._left -= size
        if self._left < 0:
            self._left = self._size - size
            emptiers, self._emptiers = self._emptiers, []
            for empty in emptiers:
                empty()
        if not cache:
            self._emptiers.append(cache.clear)
        cache[key] = value
