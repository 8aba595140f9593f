"""Failed sign-ins of an address: beyond some it is told to wait, and administrators are told of it."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.addresses import network_of
from tocsin.identity import throttle
from tocsin.identity.throttle import ALLOWED, MAX_TOLD, TOLD_AT, FailedSignIns

ADDRESS = "203.0.113.9"


def silent(network: str, failures: int, at: datetime) -> None:
    """Report nothing."""


def test_an_address_is_told_to_wait_until_its_minute_is_over() -> None:
    now = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
    sign_ins = FailedSignIns(silent, clock=lambda: now)

    answers = [sign_ins.failed(ADDRESS) for _ in range(ALLOWED + 1)]
    other = sign_ins.failed("203.0.113.10")
    now += timedelta(seconds=50)

    assert answers == [None] * ALLOWED + [50]
    assert other is None
    assert sign_ins.failed(ADDRESS) is None


@pytest.mark.parametrize(("second", "waits"), [(0.0, 60), (58.0, 2), (59.0, 1), (59.9, 1)])
def test_whoever_is_told_to_wait_waits_until_the_minute_ends_and_a_second_at_least(second: float, waits: int) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=second)
    sign_ins = FailedSignIns(silent, clock=lambda: now)

    answers = [sign_ins.failed(ADDRESS) for _ in range(ALLOWED + 1)]

    assert answers[-1] == waits


def test_a_clock_that_is_set_back_begins_a_new_minute() -> None:
    now = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
    sign_ins = FailedSignIns(silent, clock=lambda: now)
    for _ in range(ALLOWED):
        sign_ins.failed(ADDRESS)

    now -= timedelta(hours=1)

    assert sign_ins.failed(ADDRESS) is None


def test_other_addresses_make_no_address_forgotten_that_goes_on_failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """10,001 addresses used to clear all counts, that of the attacker's own as well."""
    monkeypatch.setattr(throttle, "_MOST", 3)
    sign_ins = FailedSignIns(silent, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    for number in range(ALLOWED):
        sign_ins.failed(ADDRESS)
        sign_ins.failed(f"198.51.{number}.1")

    assert sign_ins.failed(ADDRESS) is not None
    assert len(sign_ins._counts) == 3


def test_the_address_that_failed_longest_ago_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST", 3)
    sign_ins = FailedSignIns(silent, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    for _ in range(ALLOWED):
        sign_ins.failed(ADDRESS)

    for address in ("198.51.100.1", "198.51.101.1", "198.51.102.1"):
        sign_ins.failed(address)

    assert sign_ins.failed(ADDRESS) is None


@pytest.mark.parametrize("mapped", ["::ffff:203.0.113.9", "::FFFF:cb00:7109", "0:0:0:0:0:ffff:203.0.113.9"])
def test_a_mapped_address_counts_as_the_ipv4_address(mapped: str) -> None:
    """All of them lie in one /64."""
    assert network_of(mapped) == network_of(ADDRESS) == ADDRESS
    assert network_of(mapped) != network_of("::ffff:203.0.113.10")


def test_a_report_that_fails_leaves_the_failure_counted(caplog: pytest.LogCaptureFixture) -> None:
    def broken(network: str, failures: int, at: datetime) -> None:
        raise RuntimeError("no table")

    sign_ins = FailedSignIns(broken, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    for _ in range(max(ALLOWED, TOLD_AT[0])):
        sign_ins.failed(ADDRESS)

    assert sign_ins.failed(ADDRESS) is not None
    (record,) = caplog.records
    assert (vars(record)["code"], record.levelname, record.getMessage(), vars(record)["source_ip"]) == (
        "SUSPICION_UNREPORTED",
        "ERROR",
        "RuntimeError",
        ADDRESS,
    )


@pytest.mark.parametrize(("later", "told"), [(timedelta(minutes=20), [TOLD_AT[0]]), (timedelta(hours=1), [])])
def test_failures_count_for_their_hour_alone(later: timedelta, told: list[int]) -> None:
    now = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
    reported: list[int] = []
    sign_ins = FailedSignIns(lambda _network, failures, _at: reported.append(failures), clock=lambda: now)
    for _ in range(TOLD_AT[0] - 1):
        sign_ins.failed(ADDRESS)

    now += later
    sign_ins.failed(ADDRESS)

    assert reported == told


def test_so_many_addresses_are_reported_in_an_hour_and_as_many_in_the_next() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    reported: list[tuple[str, datetime]] = []
    sign_ins = FailedSignIns(lambda network, _failures, at: reported.append((network, at)), clock=lambda: now)

    def fail() -> None:
        for number in range(MAX_TOLD + 1):
            for _ in range(TOLD_AT[0]):
                sign_ins.failed(f"198.51.100.{number}")

    fail()
    first = now
    now += timedelta(hours=1)
    fail()

    each = [f"198.51.100.{number}" for number in range(MAX_TOLD)]
    assert reported == [(network, at) for at in (first, now) for network in each]
