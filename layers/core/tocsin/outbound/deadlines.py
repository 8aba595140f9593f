"""A point in time that several steps share."""

import time
from typing import Self

from tocsin.records import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time on the monotonic clock, in seconds, after which nothing is waited for."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then, 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())

    def claim(self) -> float:
        """Seconds until then, to wait at most. Raises TimeoutError once it has passed.

        A socket's timeout of 0 would mean "do not block" instead of "too late".
        """
        left = self.left
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left
