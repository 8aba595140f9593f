"""Events that wait in this process's memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

Entry = tuple[int, bytes]
"""A number that is the queue's own, and an event's line."""


class MemoryQueue:
    """A queue of at most `most` events and `room` bytes, for any thread. Where it is full, the oldest go."""

    def __init__(self, most: int, room: int) -> None:
        self._most = most
        self._room = room
        self._number = 0
        self.forget()

    def forget(self) -> None:
        """Empty the queue, as in a forked child: its parent sends what was put before."""
        self._lock = threading.RLock()  # a signal's handler may put while its thread does
        self._entries: deque[Entry] = deque()
        self._taken: Sequence[Entry] = ()
        self._bytes = 0

    def put(self, line: bytes, *, drop: bool = True) -> list[bytes] | None:
        """Add a line; the lines that were dropped for it. None, and nothing added, where that must not be."""
        with self._lock:
            if drop and len(line) > self._room:  # whatever goes
                return [line]
            dropped: list[bytes] = []
            while not self._has_room(line):
                if not drop:
                    return None
                if not self._entries:
                    return [*dropped, line]
                dropped.append(self._entries.popleft()[1])
                self._bytes -= len(dropped[-1])
            self._number += 1
            self._entries.append((self._number, line))
            self._bytes += len(line)
            return dropped

    def _has_room(self, line: bytes) -> bool:
        return len(self._entries) + len(self._taken) < self._most and self._bytes + len(line) <= self._room

    def take(self, most: int, room: int) -> list[Entry]:
        """The oldest entries, one at least where there is one; they go on counting until `done` or `again`."""
        with self._lock:
            taken: list[Entry] = []
            size = 0
            while self._entries and len(taken) < most and (not taken or size + len(self._entries[0][1]) <= room):
                taken.append(self._entries.popleft())
                size += len(taken[-1][1]) + 1
            self._taken = taken
            return taken

    def done(self, entries: Sequence[Entry]) -> None:
        """Forget entries that were taken."""
        with self._lock:
            self._bytes -= sum(len(line) for _, line in entries)
            self._return(entries)

    def again(self, entries: Sequence[Entry], *, last: bool) -> None:
        """Put back entries that were taken: where they were, or behind all others."""
        with self._lock:
            if last:
                self._entries.extend(entries)
            else:
                self._entries.extendleft(reversed(entries))
            self._return(entries)

    def _return(self, entries: Sequence[Entry]) -> None:
        back = {number for number, _ in entries}
        self._taken = [entry for entry in self._taken if entry[0] not in back]

    def mark(self) -> int:
        """What `reached` tells of all that was put so far."""
        return self._number

    def reached(self, mark: int) -> bool:
        """Whether nothing is left of what was put before the mark was taken."""
        with self._lock:
            return not any(number <= mark for entries in (self._entries, self._taken) for number, _ in entries)

    def close(self) -> list[bytes]:
        """Empty the queue; the lines that are lost by that."""
        with self._lock:
            left = [line for entries in (self._taken, self._entries) for _, line in entries]
            self.forget()
        return left
