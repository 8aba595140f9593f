"""Moments and lengths of time as people type them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_cli.errors import ExitCode, UsageError
from tocsin_cli.main import main
from tocsin_cli.times import ago, clock, iso, local, parse_iso, parse_length, parse_moment

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("1d12h", timedelta(days=1.5)),
        ("1.5h", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("hours=2;minutes=30", timedelta(hours=2.5)),
        (" 2H ", timedelta(hours=2)),
    ],
)
def test_a_length_is_read_as_it_is_typed(given, length):
    assert parse_length(given, "--for") == length


@pytest.mark.parametrize("command", [["silence", "app=shop"], ["preferences", "mute", "logins"]])
def test_a_length_that_reaches_beyond_the_calendar_is_refused(command, monkeypatch, capsys):
    monkeypatch.setenv("TOCSIN_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TOCSIN_KEY", "key")

    assert main([*command, "--for", "9999999d"]) == ExitCode.USAGE

    assert "--for: '9999999d' reaches beyond the year 9999" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given", ["", "2", "h", "-2h", "0s", "2h30", "2 hours", "hours=0", "hours=2;x=3", "9" * 30 + "w"]
)
def test_what_is_no_length_is_refused_by_the_options_name(given):
    with pytest.raises(UsageError, match="--for"):
        parse_length(given, "--for")


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("now", NOW),
        ("2026-02-01T00:00:00Z", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-02-01T00:00:00+02:00", datetime(2026, 1, 31, 22, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_time_or_a_length_before_now(given, moment):
    assert parse_moment(given, "--since", now=NOW) == moment


def test_a_length_counts_from_now_on_where_something_is_to_end():
    assert parse_moment("2h", "--until", now=NOW, ahead=True) == NOW + timedelta(hours=2)


def test_today_begins_at_midnight_here():
    today = parse_moment("today", "--since", now=NOW)

    assert today.astimezone().time() == datetime.min.time()
    assert parse_moment("yesterday", "--since", now=NOW) == today - timedelta(days=1)


@pytest.mark.parametrize("given", ["", "soon", "2026-13-01", "12:00"])
def test_what_is_no_moment_is_refused_by_the_options_name(given):
    with pytest.raises(UsageError, match="--since"):
        parse_moment(given, "--since", now=NOW)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_again_to_the_millisecond(moment):
    assert parse_iso(iso(moment)) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(seconds=-20), "20s ago"),
        (timedelta(minutes=-12), "12m ago"),
        (timedelta(hours=-30), "30h ago"),
        (timedelta(days=-6), "6d ago"),
        (timedelta(hours=3), "in 3h"),
    ],
)
def test_a_moment_is_told_by_how_far_it_is(away, said):
    assert ago(iso(NOW + away), now=NOW) == said


@pytest.fixture
def zone(monkeypatch):
    """Sets this process's time zone."""

    def in_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield in_zone
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("now", "given", "moment"),
    [
        # Clocks went forward at two o'clock on 29 March, and back at three on 25 October.
        (datetime(2026, 3, 29, 10, tzinfo=UTC), "today", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (datetime(2026, 3, 30, 10, tzinfo=UTC), "yesterday", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), "today", datetime(2026, 10, 24, 22, tzinfo=UTC)),
        (datetime(2026, 10, 26, 12, tzinfo=UTC), "yesterday", datetime(2026, 10, 24, 22, tzinfo=UTC)),
    ],
)
def test_today_begins_at_midnight_also_where_the_clocks_change(zone, now, given, moment):
    """The fault: the difference to UTC of now was taken for that of midnight, which is an hour off."""
    zone("Europe/Berlin")

    assert parse_moment(given, "--since", now=now) == moment


@pytest.mark.parametrize(
    ("name", "written"), [("Asia/Tokyo", "9999-12-31T23:59:59.999Z"), ("America/Lima", "0001-01-01T00:00:00.000Z")]
)
def test_a_moment_that_has_no_local_time_is_shown_as_it_is(zone, name, written):
    """The fault: OverflowError. An event may be kept, and a silence last, to the end of the year 9999."""
    zone(name)

    assert (local(written), clock(written)) == (written, written)
