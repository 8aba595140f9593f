"""Waiting for something to become true, rather than for time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable


def until[T](condition: Callable[[], T], deadline_s: float, *, of: str, pause_s: float = 0.1) -> T:
    """What the condition gives as soon as that is true; TimeoutError, which names `of`, after the deadline."""
    deadline = time.monotonic() + deadline_s
    while not (given := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{of}: not within {deadline_s:g} s; the last look gave {given!r}")
        time.sleep(pause_s)
    return given
