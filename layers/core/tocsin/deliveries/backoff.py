"""When a failed delivery is tried again.

SQS's own delay brings back the first two retries, within a minute. All later ones wait in the deliveries
table, and a schedule puts them back on their queue each minute, so that any number can wait for any time:
SQS would hold at most 15 minutes, and at most 120,000 messages in flight.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tocsin.notifications.outcome import MAX_RETRY_AFTER

PAUSES = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 36_000)
"""Seconds before the second, third, … attempt, 27 h 42 min in all: there is one attempt more than there are pauses."""

BY_QUEUE_UP_TO = 60
"""Seconds. Pauses up to this are left to SQS: the schedule runs once a minute."""


JITTER = 0.2
"""Each pause is longer or shorter by up to this share, so that deliveries that failed together spread out."""


def pause_after(tries: int, asked: float | None, *, draw: Callable[[], float] = random.random) -> float | None:
    """Seconds until the next attempt after `tries` that failed; None where there is no further attempt.

    `asked` is what the endpoint said in Retry-After: the pause is at least that long, up to
    `MAX_RETRY_AFTER`. `draw` gives 0 to 1.
    """
    if tries > len(PAUSES):
        return None
    pause = PAUSES[max(tries, 1) - 1] * (1 + JITTER * (2 * draw() - 1))
    return pause if asked is None else max(pause, min(asked, MAX_RETRY_AFTER))
