"""Trying again what may work in a moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from tocsin.errors import TocsinError, Unavailable

TRIES = 7
"""With the pauses between them about three seconds in all."""


def retry[Result](
    call: Callable[[], Result],
    *,
    on: type[TocsinError] = Unavailable,
    tries: int = TRIES,
    first_pause: float = 0.05,
    longest_pause: float = 3.0,
) -> Result:
    """Return what `call` returns; call it again while it raises `on`, at most `tries` times in all.

    Pauses are in seconds. Each is twice the one before it, less up to half of it by chance, so that callers that
    failed at the same moment do not come back at the same moment. Raises what the last call raised, and what is no
    `on` at once.
    """
    for attempt in range(tries - 1):
        try:
            return call()
        except on:
            pause = min(longest_pause, first_pause * 2**attempt)
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (jitter)
    return call()
