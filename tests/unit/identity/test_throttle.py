"""Failed sign-ins of an address: a brake for unknown keys, not for a key that was good a moment ago."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.identity.throttle import ALLOWED, FailedSignIns, Throttled

ADDRESS = "203.0.113.9"


def is_throttled(sign_ins: FailedSignIns, authorization: str) -> bool:
    try:
        sign_ins.check(ADDRESS, authorization)
    except Throttled:
        return True
    return False


@pytest.mark.parametrize(
    ("jump", "throttled"),
    [
        (timedelta(minutes=4, seconds=59), False),
        (timedelta(minutes=5), True),
        (timedelta(hours=9), True),
        (timedelta(seconds=-5), True),
    ],
)
def test_a_good_key_is_let_through_for_five_minutes_of_the_wall_clock(jump: timedelta, throttled: bool) -> None:
    now = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
    sign_ins = FailedSignIns(lambda network, failures, at: None, clock=lambda: now)
    sign_ins.known("Bearer good")

    now += jump
    for _ in range(ALLOWED):
        sign_ins.failed(ADDRESS)

    assert is_throttled(sign_ins, "Bearer good") is throttled
    assert is_throttled(sign_ins, "Bearer unknown")


def test_an_address_is_let_in_again_when_its_minute_is_over() -> None:
    now = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
    sign_ins = FailedSignIns(lambda network, failures, at: None, clock=lambda: now)
    for _ in range(ALLOWED):
        sign_ins.failed(ADDRESS)
    before = is_throttled(sign_ins, "Bearer unknown")

    now += timedelta(seconds=50)

    assert before
    assert not is_throttled(sign_ins, "Bearer unknown")
