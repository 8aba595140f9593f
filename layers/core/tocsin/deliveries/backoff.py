"""When a delivery that failed is tried again.

The first two retries come back by SQS's own delay, within the minute. All later ones wait in the deliveries
table and are put back on their queue by a schedule of one minute, so that any number can wait for any time:
SQS would hold at most 15 minutes, and at most 120,000 messages in flight.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tocsin.notifications.outcome import MAX_RETRY_AFTER

PAUSES = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 36_000)
"""Seconds before the second, third, … attempt: 27 h 42 min in all. One attempt more than there are pauses."""

BY_QUEUE_UP_TO = 60
"""Seconds. Shorter pauses are SQS's: the schedule is no finer than a minute."""


JITTER = 0.2
"""Each pause is up to this share longer or shorter, so that what failed together does not come back together."""


def pause_after(tries: int, asked: float | None, *, draw: Callable[[], float] = random.random) -> float | None:
    """Seconds until the next attempt after `tries` that failed; None where there is none any more.

    `asked` is what the endpoint said in Retry-After: it is waited for at least that long, up to
    `MAX_RETRY_AFTER`. `draw` gives 0 to 1.
    """
    if tries > len(PAUSES):
        return None
    pause = PAUSES[max(tries, 1) - 1] * (1 + JITTER * (2 * draw() - 1))
    return max(pause, min(asked or 0.0, MAX_RETRY_AFTER))
