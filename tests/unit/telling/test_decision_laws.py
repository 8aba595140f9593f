"""Laws of the one decision, whatever a person and the settings say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, reject
from hypothesis import strategies as st

from tocsin.models import validated
from tocsin.notifications.model import Severity
from tocsin.telling.decision import Asked, Cause, Kind, decide
from tocsin.telling.preferences import NOTHING_SAID, Preferences, Weekday, Wishes
from tocsin.telling.quiet_hours import QuietHours
from tocsin.times import zone_of

_times = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
_spans = st.fixed_dictionaries(
    {"starts": _times, "ends": _times},
    optional={"days": st.lists(st.sampled_from([day.value for day in Weekday]), min_size=1, unique=True)},
)
_zones = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca"])
_transports = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "at_once": st.booleans(),
        "min_severity": st.sampled_from([severity.value for severity in Severity]),
    },
)
_documents = st.fixed_dictionaries(
    {},
    optional={
        "quiet_hours": st.lists(_spans, max_size=2),
        "time_zone": _zones,
        "alerts_pass": st.booleans(),
        "digest": st.sampled_from([{"every": "never"}, {"every": "hour"}])
        | _times.map(lambda at: {"every": "day", "at": at}),
        "transports": st.fixed_dictionaries({}, optional={"chat": _transports}),
        "rules": st.fixed_dictionaries({}, optional={"refunds": st.just({"muted": True})}),
    },
)
_moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
_asked = st.builds(Asked, st.just("refunds"), st.sampled_from(Severity), st.just("chat"), st.booleans())


@st.composite
def _wishes(draw: st.DrawFn) -> Wishes:
    try:
        said, defaults = (validated(Preferences, draw(_documents)) for _ in range(2))
    except ValueError:  # quiet hours all week long, or of no length
        reject()
    return Wishes.of("ana", said, defaults)


@given(_asked, _wishes(), _moments)
def test_what_waits_goes_out_later_and_never_in_quiet_hours(asked: Asked, wishes: Wishes, now: datetime) -> None:
    decision = decide(asked, now, wishes=wishes)

    assert decision.waits == (decision.kind in {Kind.HOLD, Kind.JOIN})
    if decision.until is not None:
        assert decision.until > now
        assert QuietHours(wishes.quiet_hours.value, ZoneInfo(wishes.time_zone)).end(decision.until) is None


@given(_wishes(), _moments, st.booleans())
def test_an_alert_waits_only_where_somebody_said_so(wishes: Wishes, now: datetime, can_be_muted: bool) -> None:
    decision = decide(Asked("refunds", Severity.ALERT, "chat", can_be_muted), now, wishes=wishes)

    assert not (decision.waits and wishes.alerts_pass)


@given(_asked, _wishes(), _moments, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_what_comes_later_goes_out_no_earlier(asked: Asked, wishes: Wishes, now: datetime, later: timedelta) -> None:
    first, second = (decide(asked, moment, wishes=wishes) for moment in (now, now + later))

    if first.kind is not Kind.DROP:
        assert (first.until or now) <= (second.until or now + later)


@given(_asked, _wishes(), _moments)
def test_what_is_more_severe_fares_no_worse(asked: Asked, wishes: Wishes, now: datetime) -> None:
    less, more = (
        decide(replace(asked, severity=severity), now, wishes=wishes) for severity in (Severity.NOTICE, Severity.ALERT)
    )

    if less.kind is not Kind.DROP:
        assert more.kind is not Kind.DROP
        assert (more.until or now) <= (less.until or now)


@given(_wishes(), _moments, st.sampled_from(Severity))
def test_a_rule_that_cannot_be_muted_is_never_dropped_by_a_person(
    wishes: Wishes, now: datetime, severity: Severity
) -> None:
    assert decide(Asked("refunds", severity, "chat", False), now, wishes=wishes).kind is not Kind.DROP


@given(_asked, _moments)
def test_who_says_nothing_is_told_at_once(asked: Asked, now: datetime) -> None:
    assert decide(asked, now, wishes=Wishes.of("ana", NOTHING_SAID, NOTHING_SAID)).kind is Kind.SEND


@given(_asked, _wishes(), _moments)
def test_a_reason_is_one_short_line_that_names_the_person_or_the_defaults(
    asked: Asked, wishes: Wishes, now: datetime
) -> None:
    decision = decide(asked, now, wishes=wishes)

    assert decision.reason.isprintable()
    assert len(decision.reason) < 300
    assert decision.cause is Cause.NOTHING or "ana" in decision.reason or "default" in decision.reason


def test_zones_are_those_of_iana() -> None:
    assert zone_of("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert zone_of("UTC") is UTC
