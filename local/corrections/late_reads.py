"""Eventually consistent reads that are behind, as a replica of DynamoDB's may be and an index usually is.

"When you read data from a DynamoDB table, the response might not reflect the results of a recently completed write
operation. (…) If you repeat your read request after a short time, the response should eventually return the latest
data." Reads of a global secondary index are always eventually consistent.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html

Here each such read sees the table as it was a while ago: at most `bound_s` seconds, at least half of that. How long
is drawn anew for each, so that a later read may see less than an earlier one, as where they met two replicas. Knows
no emulator: local/corrections/late_tables.py and tests/moto_as_aws.py tell it of writes and ask what to show.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Write:
    """One write: when, of which item, and what the item was before (None: there was none)."""

    at: float
    table: Hashable
    key: Hashable
    before: object


class LateReads:
    """How far behind reads are, and what items were before the latest writes."""

    def __init__(self, clock: Callable[[], float], *, bound_s: float = 0.0, seed: int = 0) -> None:
        """Goes by `clock`, in seconds. With `bound_s` 0, nothing is late."""
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311
        self._writes: deque[Write] = deque()
        self.bound_s = bound_s

    def wrote(self, table: Hashable, key: Hashable, before: object) -> None:
        """Takes note of a write that was carried out."""
        if self.bound_s:
            self._forget()
            self._writes.append(Write(self._clock(), table, key, before))

    def seen_instead(self, table: Hashable) -> dict[Hashable, object]:
        """What one read of a table sees of items that changed since the moment that it sees: None for no item."""
        if not self.bound_s:
            return {}
        self._forget()
        moment = self._clock() - self.bound_s * (1 + self._random.random()) / 2
        shown: dict[Hashable, object] = {}
        for write in list(self._writes):  # others may write meanwhile
            if write.table == table and write.at > moment:
                shown.setdefault(write.key, write.before)
        return shown

    def catch_up(self) -> None:
        """Lets replicas and indexes have all that was written so far."""
        self._writes.clear()

    def _forget(self) -> None:
        """Drops what no read can be behind of any more."""
        oldest = self._clock() - self.bound_s
        while self._writes and self._writes[0].at <= oldest:
            self._writes.popleft()
