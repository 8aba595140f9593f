"""Failed sign-ins of an address: a brake for unknown keys, not for a key that was good a moment ago."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.identity import throttle
from tocsin.identity.throttle import ALLOWED, TOLD_AT, FailedSignIns, Throttled

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


def test_addresses_are_forgotten_where_there_are_too_many_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST", 3)
    sign_ins = FailedSignIns(lambda network, failures, at: None, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    for _ in range(ALLOWED):
        sign_ins.failed(ADDRESS)
    before = is_throttled(sign_ins, "Bearer unknown")

    for address in ("198.51.100.1", "198.51.101.1", "198.51.102.1"):
        sign_ins.failed(address)

    assert before
    assert not is_throttled(sign_ins, "Bearer unknown")


def test_a_report_that_fails_leaves_the_failure_counted(caplog: pytest.LogCaptureFixture) -> None:
    def broken(network: str, failures: int, at: datetime) -> None:
        raise RuntimeError("no table")

    sign_ins = FailedSignIns(broken, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    for _ in range(max(ALLOWED, TOLD_AT[0])):
        sign_ins.failed(ADDRESS)

    assert is_throttled(sign_ins, "Bearer unknown")
    assert [vars(record).get("code") for record in caplog.records] == ["SUSPICION_UNREPORTED"]
