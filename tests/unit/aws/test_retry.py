"""What may work in a moment is tried again, with pauses that grow; what will not is not."""

from collections.abc import Callable

import pytest

from tocsin.aws.retry import TRIES, retry
from tocsin.errors import Conflict, NotFound, Unavailable


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; they take no time."""
    made: list[float] = []
    monkeypatch.setattr("tocsin.aws.retry.time.sleep", made.append)
    return made


def failing(*errors: Exception) -> Callable[[], str]:
    """A call that fails with these, one after the other, then works."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return call


def unavailable(count: int) -> list[Unavailable]:
    return [Unavailable(f"failure {number}") for number in range(1, count + 1)]


def test_what_works_is_called_once(pauses: list[float]) -> None:
    assert retry(failing()) == "done"
    assert pauses == []


def test_what_is_unavailable_is_called_again_until_it_works(pauses: list[float]) -> None:
    assert retry(failing(*unavailable(TRIES - 1))) == "done"
    assert len(pauses) == TRIES - 1


def test_the_last_error_is_the_one_that_is_raised(pauses: list[float]) -> None:
    with pytest.raises(Unavailable, match=f"^failure {TRIES}$"):
        retry(failing(*unavailable(TRIES + 5)))

    assert len(pauses) == TRIES - 1


def test_fewer_tries_can_be_asked_for(pauses: list[float]) -> None:
    with pytest.raises(Unavailable, match=r"^failure 2$"):
        retry(failing(*unavailable(5)), tries=2)

    assert len(pauses) == 1


def test_pauses_grow_and_take_about_three_seconds_in_all(pauses: list[float]) -> None:
    retry(failing(*unavailable(TRIES - 1)))

    assert all(0.025 * 2**number <= pause <= 0.05 * 2**number for number, pause in enumerate(pauses))
    assert 1.5 < sum(pauses) < 3.2


def test_a_pause_is_never_longer_than_the_longest(pauses: list[float]) -> None:
    retry(failing(*unavailable(9)), tries=10, first_pause=0.02, longest_pause=0.4)

    assert all(0.2 <= pause <= 0.4 for pause in pauses[5:])


def test_any_other_error_is_raised_at_once(pauses: list[float]) -> None:
    with pytest.raises(NotFound):
        retry(failing(NotFound("gone")))

    assert pauses == []


def test_what_is_tried_again_on_a_conflict_is_not_on_another_error(pauses: list[float]) -> None:
    assert retry(failing(Conflict("busy")), on=Conflict) == "done"
    with pytest.raises(Unavailable):
        retry(failing(Conflict("busy"), Unavailable("throttled")), on=Conflict)

    assert len(pauses) == 2
