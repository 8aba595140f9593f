"""Duration strings and moments: what is understood, what is refused and how a refusal names what is wrong."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.times import DurationError, format_duration, in_zone, iso, parse_duration, parse_moment

DURATIONS = st.timedeltas(min_value=timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("unit", "duration"),
    [
        ("microseconds", timedelta(microseconds=1)),
        ("milliseconds", timedelta(milliseconds=1)),
        ("seconds", timedelta(seconds=1)),
        ("minutes", timedelta(minutes=1)),
        ("hours", timedelta(hours=1)),
        ("days", timedelta(days=1)),
        ("weeks", timedelta(weeks=1)),
    ],
)
def test_each_unit_is_understood(unit, duration):
    assert parse_duration(f"{unit}=1") == duration


def test_the_default_retention_is_a_year():
    assert parse_duration("days=365") == timedelta(days=365)


@pytest.mark.parametrize("text", ["hours=1;minutes=30", "hours=1,minutes=30", "minutes=30;hours=1"])
def test_pairs_add_up_whatever_stands_between_them(text):
    assert parse_duration(text) == timedelta(hours=1, minutes=30)


def test_semicolons_and_commas_may_be_mixed():
    assert parse_duration("days=1;hours=2,minutes=3") == timedelta(days=1, hours=2, minutes=3)


@pytest.mark.parametrize("text", ["  days=2 ; hours=3\n", "\tdays = 2 ,\r\n hours = 3"])
def test_blanks_around_pairs_units_and_numbers_are_ignored(text):
    assert parse_duration(text) == timedelta(days=2, hours=3)


@pytest.mark.parametrize("text", ["DAYS=1", "Days=1", "dAyS=1"])
def test_units_are_understood_in_any_case(text):
    assert parse_duration(text) == timedelta(days=1)


@pytest.mark.parametrize(
    ("number", "hours"), [("1.5", 1.5), (".5", 0.5), ("2.", 2), ("1e2", 100), ("1E-1", 0.1), ("+3", 3), ("007", 7)]
)
def test_numbers_may_be_decimal_fractions(number, hours):
    assert parse_duration(f"hours={number}") == timedelta(hours=hours)


def test_the_longest_duration_is_exact():
    text = "days=999999999;hours=23;minutes=59;seconds=59;milliseconds=999;microseconds=999"

    assert parse_duration(text) == timedelta.max


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_an_empty_text_is_refused(text):
    with pytest.raises(DurationError, match="empty"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("year=1", "'year'"),
        ("days=1;fortnights=2", "'fortnights'"),
        ("day=1", "'day'"),
        ("=1", "''"),
        ("days hours=1", "'days hours'"),
    ],
)
def test_an_unknown_unit_is_refused_by_its_name(text, part):
    with pytest.raises(DurationError) as caught:
        parse_duration(text)

    assert f"{part} is not a unit of time" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "part"), [("3600", "3600"), ("days=1;", ""), (";days=1", ""), ("days=1;;hours=1", "")]
)
def test_a_part_that_is_no_pair_is_refused_by_its_text(text, part):
    with pytest.raises(DurationError) as caught:
        parse_duration(text)

    assert f"{part!r} in {text!r} is not of the form unit=number" in str(caught.value)


@pytest.mark.parametrize("text", ["days=1;days=2", "days=1;DAYS=1", "days=1;hours=1, Days = 1"])
def test_a_unit_that_is_given_twice_is_refused(text):
    with pytest.raises(DurationError, match="'days' is given twice"):
        parse_duration(text)


@pytest.mark.parametrize("pair", ["hours=-1", "hours=-.5", "hours=-0", "hours=-1e3"])
def test_a_negative_value_is_refused(pair):
    with pytest.raises(DurationError, match=f"{pair!r} is negative"):
        parse_duration(f"days=1;{pair}")


@pytest.mark.parametrize("pair", ["hours=0", "hours=0.0", "hours=0e5", "hours=1e-400"])
def test_a_zero_is_refused_even_beside_other_values(pair):
    with pytest.raises(DurationError, match=f"{pair!r} is zero"):
        parse_duration(f"days=1;{pair}")


def test_what_rounds_to_nothing_is_refused():
    with pytest.raises(DurationError, match="less than a microsecond"):
        parse_duration("microseconds=0.2")


@pytest.mark.parametrize(
    "number",
    [
        *("", "inf", "Infinity", "-inf", "nan", "1_000", "0x10", "1 000", "1e", "e5", ".", "1.2.3", "+-1", "--1"),
        *("one", "1d", "1=2", "True", "1j", "(1)"),
    ],
)
def test_what_is_no_decimal_number_is_refused_by_its_text(number):
    with pytest.raises(DurationError) as caught:
        parse_duration(f"days={number}")

    assert f"{number!r} in 'days={number}' is not a number" in str(caught.value)


@pytest.mark.parametrize("text", ["days=٣", "days=１", "wee\u212as=1", "days=1\u00a0", "days=½", "día=1"])
def test_characters_beyond_ascii_are_refused_even_where_they_look_alike(text):
    with pytest.raises(DurationError, match="does not belong into a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["days=1000000000", "weeks=1e300", f"seconds={'9' * 150}", "days=999999999;hours=24"])
def test_more_than_a_duration_holds_is_refused(text):
    with pytest.raises(DurationError, match="longer than 999,999,999 days"):
        parse_duration(text)


def test_a_number_beyond_floating_point_is_refused_by_its_pair():
    with pytest.raises(DurationError, match="'days=1e999' is more than a duration can hold"):
        parse_duration("hours=1;days=1e999")


def test_a_text_of_200_characters_is_read():
    assert parse_duration("days=1".ljust(200)) == timedelta(days=1)


def test_a_longer_text_is_refused_unread():
    with pytest.raises(DurationError, match="at most 200 characters, this has 201"):
        parse_duration("days=1".ljust(201))


@given(st.text(max_size=220) | st.text(alphabet="dayshour=;,.0123456789e+- ", max_size=60))
def test_any_text_gives_a_duration_above_zero_or_a_duration_error(text):
    try:
        duration = parse_duration(text)
    except DurationError:
        return

    assert duration > timedelta()


@given(DURATIONS)
def test_a_formatted_duration_is_parsed_as_itself(duration):
    assert parse_duration(format_duration(duration)) == duration


@given(DURATIONS)
def test_the_format_is_canonical(duration):
    text = format_duration(duration)

    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(weeks=2), "days=14"),
        (timedelta(minutes=90), "hours=1;minutes=30"),
        (timedelta(seconds=1.5), "seconds=1;milliseconds=500"),
        (timedelta(days=365), "days=365"),
        (timedelta(microseconds=1), "microseconds=1"),
    ],
)
def test_the_format_counts_from_days_down_and_leaves_zeroes_out(duration, text):
    assert format_duration(duration) == text


@pytest.mark.parametrize("duration", [timedelta(), timedelta(seconds=-1), timedelta(days=1, hours=-48)])
def test_formatting_refuses_what_parsing_would_refuse(duration):
    with pytest.raises(DurationError, match="not above zero"):
        format_duration(duration)


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T12:00:00Z",
        " 2026-03-01T12:00:00.000Z ",
        "2026-03-01T13:00:00+01:00",
        "2026-03-01T13:00:00 01:00",
        "2026-03-01 13:00:00 0100",
    ],
)
def test_a_moment_is_understood_also_where_its_plus_was_lost(text):
    assert parse_moment(text) == NOON


def test_a_moment_keeps_its_zone_or_has_none():
    assert parse_moment("2026-03-01T13:00:00 01:00").tzinfo == timezone(timedelta(hours=1))
    assert parse_moment("2026-03-01 12:00:00") == NOON.replace(tzinfo=None)
    assert parse_moment("2026-03-01 12:00") == NOON.replace(tzinfo=None)


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01T00:00:00Z", "1772366400"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):
        parse_moment(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59.000Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00.000Z"),
        ("2026-03-01T13:00:00+01:00", "2026-03-01T12:00:00.000Z"),
    ],
)
def test_a_moment_that_no_clock_shows_is_the_nearest_that_one_does(text: str, shown: str) -> None:
    assert iso(parse_moment(text)) == shown


@given(st.datetimes(timezones=st.timezones()), st.timezones())
def test_every_moment_is_shown_in_every_zone(moment: datetime, zone: ZoneInfo) -> None:
    assert in_zone(moment, zone).tzinfo is zone
