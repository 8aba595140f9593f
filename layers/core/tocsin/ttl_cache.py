"""Values that a process remembers for a while: bounded in age and in number.

Ages are by the wall clock. Lambda freezes a process between invocations, and CLOCK_MONOTONIC stands still
meanwhile: by that clock a value of a rarely used function would hold for hours.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta

from tocsin.records import dataclass
from tocsin.times import utc_now

_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Cached[Value]:
    """A value, which may be None, and since when it is held."""

    value: Value
    since: datetime


class TTLCache[Key: Hashable, Value]:
    """Holds values for less than `ttl`, at most `most` of them. Safe to share between threads."""

    def __init__(self, ttl: timedelta, *, most: int = 10_000, clock: Callable[[], datetime] = utc_now) -> None:
        """With a `ttl` of zero nothing is held. `clock` tells the time of day, in UTC."""
        self._ttl = ttl
        self._most = most
        self._clock = clock
        self._held: dict[Key, Cached[Value]] = {}

    def __len__(self) -> int:
        """Return how many values are in memory, those that are too old among them."""
        return len(self._held)

    def get(self, key: Key) -> Cached[Value] | None:
        """Return what is held for `key`; None where nothing is, or not any more.

        A value from the future is too old as well: the clock was set back, and its age is not known.
        """
        held = self._held.get(key)
        if held is None or not _NOTHING <= self._clock() - held.since < self._ttl:
            return None
        return held

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """Return the values that are held for some of `keys`."""
        return {key: held.value for key in keys if (held := self.get(key)) is not None}

    def get_or_read(self, key: Key, read: Callable[[], Value]) -> Value:
        """Return the value of `key`, which is what `read` returns where none is held. Raises what `read` does."""
        held = self.get(key)
        return self.put(key, read()) if held is None else held.value

    def put(self, key: Key, value: Value) -> Value:
        """Hold `value` from now on, and return it. Where there is no room for it everything else is forgotten."""
        if self._ttl > _NOTHING:
            if len(self._held) >= self._most and key not in self._held:
                self._held.clear()
            self._held[key] = Cached(value, self._clock())
        return value

    def forget(self, key: Key) -> None:
        """Hold nothing for `key` any more."""
        self._held.pop(key, None)

    def clear(self) -> None:
        """Hold nothing any more."""
        self._held.clear()
