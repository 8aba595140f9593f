"""Waiting: what it gives, when it gives up, and how often it looks."""

from itertools import count

import pytest

from local.waiting import until


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, of a clock that they alone move."""
    made: list[float] = []
    monkeypatch.setattr("local.waiting.time.sleep", made.append)
    monkeypatch.setattr("local.waiting.time.monotonic", lambda: sum(made))
    return made


def test_what_is_true_already_is_given_without_a_pause(pauses: list[float]) -> None:
    assert until(lambda: "there", 60, of="it") == "there"
    assert pauses == []


def test_what_does_not_come_is_named_with_what_there_was_last(pauses: list[float]) -> None:
    looks = count()

    with pytest.raises(TimeoutError, match=r"^the end: not within 60 s; the last look gave \[\]$"):
        until(lambda: [next(looks)][1:], 60, of="the end")

    assert sum(pauses) > 60


def test_looks_are_seldomer_the_longer_it_takes_and_a_second_apart_at_most(pauses: list[float]) -> None:
    looks = count()

    until(lambda: next(looks) > 80, 120, of="the 80th look")

    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.1, 1.0)
    assert sum(each == 1.0 for each in pauses) > 60


def test_a_longer_pause_that_was_asked_for_stays(pauses: list[float]) -> None:
    looks = count()

    until(lambda: next(looks) > 3, 60, of="the third look", pause_s=3)

    assert pauses == [3, 3, 3, 3]
