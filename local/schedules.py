"""Schedules that go faster than on AWS, for tests that wait for what is done each minute."""

from __future__ import annotations

from collections.abc import Callable


def hurried(interval_of: Callable[[str], float | None], speed: float) -> Callable[[str], float | None]:
    """The emulator's reading of `rate(1 minute)`, in seconds, `speed` times as short; None for what is no rate."""

    def hurried_interval(expression: str) -> float | None:
        interval_s = interval_of(expression)
        return None if interval_s is None else interval_s / speed

    return hurried_interval
