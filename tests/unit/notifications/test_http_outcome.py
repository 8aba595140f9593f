"""How long an endpoint asks to be left alone."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.notifications import http_outcome
from tocsin.notifications.http_outcome import retry_after
from tocsin.notifications.outcome import MAX_RETRY_AFTER
from tocsin.outbound import Response

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def asked(value: str, monkeypatch: pytest.MonkeyPatch) -> float | None:
    monkeypatch.setattr(http_outcome, "utc_now", lambda: NOW)
    return retry_after(
        Response(status=503, headers={"Retry-After": value}, body=b"", truncated=False, elapsed_ms=1.0, address="::1")
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("0", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("1_000", None),
        ("٣", None),
        ("9" * 400, None),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2026 07:28:00 +99999999999999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", MAX_RETRY_AFTER),
        ("soon", None),
        ("", None),
        ("99999999", MAX_RETRY_AFTER),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        ("Mon, 23 Nov 2026 12:01:30 -0000", 90.0),  # no zone at all, which RFC 5322 writes so: it is UTC
        (format_datetime(NOW - timedelta(seconds=1), usegmt=True), None),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), MAX_RETRY_AFTER),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(
    monkeypatch: pytest.MonkeyPatch, value: str, seconds: float | None
) -> None:
    assert asked(value, monkeypatch) == seconds


ODD_DATES = st.from_regex(
    r"[A-Z][a-z]{2}, \d{1,30} [A-Z][a-z]{2} \d{1,30} \d{1,20}:\d{1,20}:\d{1,20} ([+-]\d{1,30}|[A-Z]{3})"
)


@given(st.text() | ODD_DATES)
def test_whatever_retry_after_says_is_seconds_or_nothing(value: str) -> None:
    asks = retry_after(
        Response(status=503, headers={"Retry-After": value}, body=b"", truncated=False, elapsed_ms=1.0, address="::1")
    )

    assert asks is None or 0 < asks <= MAX_RETRY_AFTER
