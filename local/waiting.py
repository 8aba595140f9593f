"""Waiting for something to become true, rather than for time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable

_LONGER = 1.2
_LONGEST_S = 1.0
"""A look costs what waits the time that it takes: who waits for long looks less often."""


def until[T](condition: Callable[[], T], deadline_s: float, *, of: str, pause_s: float = 0.1) -> T:
    """What the condition gives as soon as that is true; TimeoutError, which names `of`, after the deadline.

    `pause_s` is the pause after the first look; it grows to a second.
    """
    deadline = time.monotonic() + deadline_s
    while not (given := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{of}: not within {deadline_s:g} s; the last look gave {given!r}")
        time.sleep(pause_s)
        pause_s = max(pause_s, min(pause_s * _LONGER, _LONGEST_S))
    return given
