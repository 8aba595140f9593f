"""Quiet hours and digests are right over every change of clocks, whatever the zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from tocsin.models import validated
from tocsin.telling.preferences import DigestPreference, Preferences, QuietSpan, Weekday
from tocsin.telling.quiet_hours import QuietHours, moment_of, next_digest
from tocsin.times import UnknownZone, zone_of

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # until 2019, clocks changed at midnight
    "Asia/Kolkata",  # half an hour
    "Asia/Kathmandu",  # three quarters
    "Australia/Lord_Howe",  # changes by half an hour
    "America/St_Johns",
    "Pacific/Apia",  # had no 30 December 2011
    "Africa/Casablanca",  # goes back for Ramadan
)


def span(starts: str, ends: str, *days: str) -> QuietSpan:
    return validated(QuietSpan, {"starts": starts, "ends": ends} | ({"days": days} if days else {}))


def at(zone: str, local: str, fold: int = 0) -> datetime:
    """The moment at which clocks of `zone` show `local`."""
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def end_of(zone: str, moment: datetime, *spans: QuietSpan) -> datetime | None:
    return QuietHours(spans, ZoneInfo(zone)).end(moment)


NIGHT = span("22:00", "07:00")


@pytest.mark.parametrize(
    ("zone", "now", "spans", "end"),
    [
        pytest.param("UTC", "2026-06-10T23:00", [NIGHT], "2026-06-11T07:00", id="over midnight, before it"),
        pytest.param("UTC", "2026-06-11T03:00", [NIGHT], "2026-06-11T07:00", id="over midnight, after it"),
        pytest.param("UTC", "2026-06-11T07:00", [NIGHT], None, id="the end is not in it"),
        pytest.param("UTC", "2026-06-10T22:00", [NIGHT], "2026-06-11T07:00", id="the start is"),
        pytest.param("UTC", "2026-06-10T12:00", [NIGHT], None, id="by day"),
        pytest.param("UTC", "2026-06-10T12:00", [], None, id="without spans"),
        pytest.param("UTC", "2026-06-10T13:00", [span("12:00", "14:00", "wed")], "2026-06-10T14:00", id="on its day"),
        pytest.param("UTC", "2026-06-11T13:00", [span("12:00", "14:00", "wed")], None, id="not on another day"),
        pytest.param(
            "UTC", "2026-06-11T03:00", [span("22:00", "07:00", "wed")], "2026-06-11T07:00", id="the night of its day"
        ),
        pytest.param(
            "UTC", "2026-06-10T03:00", [span("22:00", "07:00", "wed")], None, id="not the night before its day"
        ),
        pytest.param(
            "UTC",
            "2026-06-13T10:00",
            [span("00:00", "24:00", "sat", "sun")],
            "2026-06-15T00:00",
            id="whole days that follow one another",
        ),
        pytest.param(
            "UTC",
            "2026-06-12T23:00",
            [NIGHT, span("00:00", "24:00", "sat", "sun")],
            "2026-06-15T07:00",
            id="a night, a weekend and a night are one",
        ),
        pytest.param(
            "UTC",
            "2026-06-10T12:30",
            [span("12:00", "13:00"), span("12:15", "15:00")],
            "2026-06-10T15:00",
            id="overlap",
        ),
        pytest.param(
            "UTC", "2026-06-10T12:30", [span("12:00", "13:00"), span("13:00", "15:00")], "2026-06-10T15:00", id="touch"
        ),
        pytest.param(
            "UTC", "2026-06-10T12:30", [span("12:00", "13:00"), span("13:01", "15:00")], "2026-06-10T13:00", id="a gap"
        ),
        pytest.param("Asia/Kolkata", "2026-06-10T23:00", [NIGHT], "2026-06-11T07:00", id="half an hour"),
        pytest.param("Asia/Kathmandu", "2026-06-10T23:00", [NIGHT], "2026-06-11T07:00", id="three quarters"),
        pytest.param("Europe/Berlin", "2026-03-28T23:00", [NIGHT], "2026-03-29T07:00", id="a night of eight hours"),
        pytest.param("Europe/Berlin", "2026-10-24T23:00", [NIGHT], "2026-10-25T07:00", id="a night of ten hours"),
        pytest.param(
            "Europe/Berlin",
            "2026-03-29T01:00",
            [span("22:00", "02:30")],
            "2026-03-29T03:00",
            id="an end that is skipped",
        ),
        pytest.param(
            "Europe/Berlin",
            "2026-03-29T03:30",
            [span("02:30", "04:00")],
            "2026-03-29T04:00",
            id="a start that is skipped",
        ),
        pytest.param(
            "Europe/Berlin", "2026-03-29T01:59", [span("02:30", "04:00")], None, id="not before a start that is skipped"
        ),
        pytest.param(
            "Europe/Berlin", "2026-03-29T03:00", [span("02:10", "02:50")], None, id="a span that is skipped whole"
        ),
        pytest.param(
            "America/Sao_Paulo", "2018-11-03T23:30", [span("22:00", "24:00")], "2018-11-04T01:00", id="no midnight"
        ),
        pytest.param(
            "Australia/Lord_Howe", "2026-10-04T01:30", [span("22:00", "02:15")], "2026-10-04T02:30", id="skips half"
        ),
        pytest.param("Pacific/Apia", "2011-12-29T23:00", [NIGHT], "2011-12-31T07:00", id="a day that never was"),
    ],
)
def test_quiet_hours_end(zone: str, now: str, spans: list[QuietSpan], end: str | None) -> None:
    found = end_of(zone, at(zone, now), *spans)

    assert found == (None if end is None else at(zone, end))


def test_quiet_hours_last_until_clocks_show_their_end_for_the_last_time() -> None:
    late = span("22:00", "02:30")

    before = end_of("Europe/Berlin", at("Europe/Berlin", "2026-10-25T01:00"), late)
    between = end_of("Europe/Berlin", at("Europe/Berlin", "2026-10-25T02:45"), late)

    assert before == between == at("Europe/Berlin", "2026-10-25T02:30", fold=1)


def test_quiet_hours_begin_when_clocks_show_their_start_for_the_first_time() -> None:
    early = span("02:30", "04:00")

    first = end_of("Europe/Berlin", at("Europe/Berlin", "2026-10-25T02:30"), early)
    second = end_of("Europe/Berlin", at("Europe/Berlin", "2026-10-25T02:15", fold=1), early)

    assert first == second == at("Europe/Berlin", "2026-10-25T04:00")


def test_a_span_that_clocks_skip_whole_does_not_begin() -> None:
    skipped, later = span("02:10", "02:50"), span("03:10", "04:00")
    quiet = QuietHours((skipped, later), ZoneInfo("Europe/Berlin"))
    night, morning = (at("Europe/Berlin", f"2026-03-29T{clock}") for clock in ("01:00", "03:05"))

    assert quiet.next(night, morning) is None
    assert quiet.next(night, morning + timedelta(hours=1)) == (
        at("Europe/Berlin", "2026-03-29T03:10"),
        at("Europe/Berlin", "2026-03-29T04:00"),
    )


def test_quiet_hours_without_an_end_are_followed_so_far_and_no_further() -> None:
    """No preferences may have them: they leave no time of the week."""
    moment = at("UTC", "2026-06-10T12:00")

    end = end_of("UTC", moment, span("00:00", "24:00"))

    assert end is not None
    assert moment + timedelta(days=21) < end < moment + timedelta(days=1_001)


@pytest.mark.parametrize(
    ("zone", "digest", "now", "due"),
    [
        pytest.param("UTC", {"every": "hour"}, "2026-06-10T12:00:01", "2026-06-10T13:00", id="the next hour"),
        pytest.param("UTC", {"every": "hour"}, "2026-06-10T13:00", "2026-06-10T14:00", id="not this moment"),
        pytest.param("Asia/Kolkata", {"every": "hour"}, "2026-06-10T12:20", "2026-06-10T13:00", id="full hours there"),
        pytest.param("UTC", {"every": "day", "at": "09:00"}, "2026-06-10T08:00", "2026-06-10T09:00", id="today"),
        pytest.param("UTC", {"every": "day", "at": "09:00"}, "2026-06-10T09:00", "2026-06-11T09:00", id="tomorrow"),
        pytest.param(
            "Europe/Berlin", {"every": "day", "at": "02:30"}, "2026-03-29T01:00", "2026-03-29T03:00", id="skipped"
        ),
        pytest.param(
            "Europe/Berlin", {"every": "day", "at": "02:30"}, "2026-10-25T01:00", "2026-10-25T02:30", id="the first"
        ),
        pytest.param(
            "Europe/Berlin", {"every": "day", "at": "02:30"}, "2026-10-25T02:31", "2026-10-26T02:30", id="and no second"
        ),
        pytest.param(
            "Australia/Lord_Howe", {"every": "hour"}, "2026-10-04T01:45", "2026-10-04T03:00", id="no 02:00, by half"
        ),
        pytest.param(
            "Pacific/Apia", {"every": "day", "at": "09:00"}, "2011-12-29T10:00", "2011-12-31T00:00", id="no such day"
        ),
    ],
)
def test_a_digest_is_due(zone: str, digest: dict[str, str], now: str, due: str) -> None:
    found = next_digest(validated(DigestPreference, digest), ZoneInfo(zone), at(zone, now))

    assert found == at(zone, due)


@pytest.mark.parametrize("name", ["Europe/Atlantis", "Europe", "../etc/passwd", "/etc/localtime", "", "a\0b"])
def test_a_zone_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UnknownZone, match="there is no time zone"):
        zone_of(name)


@pytest.mark.parametrize("zone", ZONES)
def test_the_package_tzdata_has_the_zone(zone: str) -> None:
    """Lambda's runtime need have no tz database of its own."""
    from importlib.resources import files

    assert files("tzdata").joinpath("zoneinfo", *zone.split("/")).is_file()


# ── laws ─────────────────────────────────────────────────────────────────────

times = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
days = st.lists(st.sampled_from(list(Weekday)), min_size=1, max_size=7, unique=True)


@st.composite
def quiet_spans(draw: st.DrawFn) -> list[QuietSpan]:
    found = []
    for _ in range(draw(st.integers(0, 3))):
        starts, ends = draw(times), draw(times | st.just("24:00"))
        if starts != ends:
            found.append(QuietSpan(days=tuple(draw(days)), starts=starts, ends=ends))
    try:
        Preferences(quiet_hours=tuple(found))
    except ValueError:  # they leave no time of the week
        reject()
    return found


moments = st.datetimes(datetime(2018, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(ZONES).map(ZoneInfo)


@given(quiet_spans(), zones, moments)
def test_an_end_is_later_and_outside_of_all_quiet_hours(
    spans: list[QuietSpan], zone: ZoneInfo, moment: datetime
) -> None:
    quiet = QuietHours(tuple(spans), zone)

    end = quiet.end(moment)

    if end is not None:
        assert moment < end <= moment + timedelta(days=15)
        assert quiet.end(end) is None


@given(quiet_spans(), zones, moments, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_who_comes_later_is_let_out_no_earlier(
    spans: list[QuietSpan], zone: ZoneInfo, moment: datetime, later: timedelta
) -> None:
    quiet = QuietHours(tuple(spans), zone)

    first, second = (quiet.end(each) or each for each in (moment, moment + later))

    assert first <= second


@given(quiet_spans(), zones, moments)
def test_clocks_that_stand_for_one_time_a_day_agree_with_the_spans(
    spans: list[QuietSpan], zone: ZoneInfo, moment: datetime
) -> None:
    """Away from changes of the clocks, a moment is quiet where the clock on the wall says so."""
    around = {moment.astimezone(zone).utcoffset()} | {
        (moment + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in (-49, -25, -12, 12, 25)
    }
    if len(around) > 1:
        return
    local = moment.astimezone(zone)
    minute, day = local.hour * 60 + local.minute, local.weekday()

    def covers(span: QuietSpan) -> bool:
        start, end = span.minutes
        numbers = {each.number for each in span.days}
        return (day in numbers and start <= minute < end) or (
            (day - 1) % 7 in numbers and start <= minute + 24 * 60 < end
        )

    assert (QuietHours(tuple(spans), zone).end(moment) is not None) == any(covers(span) for span in spans)


@given(quiet_spans(), zones, moments, st.integers(0, 99))
def test_nothing_is_quiet_before_a_span_starts(
    spans: list[QuietSpan], zone: ZoneInfo, moment: datetime, percent: int
) -> None:
    quiet, most = QuietHours(tuple(spans), zone), moment + timedelta(days=2)

    begin, end = quiet.next(moment, most) or (most, None)
    between = moment + (begin - moment) * percent / 100

    assert moment < begin <= most
    assert quiet.end(moment) is not None or quiet.end(between) is None
    assert end is None or quiet.end(begin) == end


@given(zones, moments, times | st.none(), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_digests_are_due_later_and_in_order(
    zone: ZoneInfo, moment: datetime, daily: str | None, later: timedelta
) -> None:
    digest = DigestPreference(every="hour") if daily is None else DigestPreference(every="day", at=daily)

    due = next_digest(digest, zone, moment)

    assert moment < due <= moment + (timedelta(hours=2) if daily is None else timedelta(days=2, hours=1))
    assert due <= next_digest(digest, zone, moment + later)
    if moment + later < due:
        assert next_digest(digest, zone, moment + later) == due


@given(zones, st.dates(date(2018, 1, 1), date(2030, 1, 1)), st.integers(0, 24 * 60), st.booleans())
def test_a_moment_shows_its_time_of_day_unless_clocks_skip_that(
    zone: ZoneInfo, day: date, minute: int, last: bool
) -> None:
    local = moment_of(day, minute, zone, last=last).astimezone(zone)

    shown = local.hour * 60 + local.minute + (24 * 60 if local.date() > day else 0)
    assert shown >= minute
    if shown > minute:  # the change of clocks itself: a second earlier they showed less
        before = (local.astimezone(UTC) - timedelta(seconds=1)).astimezone(zone)
        assert before.replace(tzinfo=None) < datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
