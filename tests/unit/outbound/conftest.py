"""The time of deadlines, which tests let pass without waiting."""

import time

import pytest


class Clock:
    """The time of deadlines: the machine's, until it `expire`s."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def expire(self) -> None:
        """Go an hour ahead: all deadlines have passed."""
        self._ahead = 3_600


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("tocsin.outbound.deadlines.time", clock)
    return clock
