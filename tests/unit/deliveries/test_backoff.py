"""When a failed delivery is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.deliveries.backoff import PAUSES, pause_after
from tocsin.notifications.outcome import MAX_RETRY_AFTER


def test_the_schedule_lasts_for_more_than_27_hours() -> None:
    total = sum(pause_after(tries, None, draw=lambda: 0.5) or 0 for tries in range(1, len(PAUSES) + 1))

    assert total > 27 * 3600


def test_after_the_last_pause_there_is_none() -> None:
    assert pause_after(len(PAUSES) + 1, None) is None


@given(tries=st.integers(1, len(PAUSES)), drawn=st.floats(0, 1))
def test_a_pause_is_within_a_fifth_of_its_nominal_length(tries: int, drawn: float) -> None:
    pause = pause_after(tries, None, draw=lambda: drawn)

    assert pause is not None
    assert 0.8 * PAUSES[tries - 1] <= pause <= 1.2 * PAUSES[tries - 1] + 1e-9


@given(tries=st.integers(1, len(PAUSES)), asked=st.floats(0, 1e9))
def test_what_the_endpoint_asks_for_is_waited_for_within_bounds(tries: int, asked: float) -> None:
    pause = pause_after(tries, asked)

    assert pause is not None
    assert pause >= min(asked, MAX_RETRY_AFTER)
    assert pause <= max(1.2 * PAUSES[tries - 1], MAX_RETRY_AFTER)
