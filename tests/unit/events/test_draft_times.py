"""When an event happened and until when it is kept: ids, creation times, expiry and retention."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.events.drafts import NOW, draft, finished, terms, wrong
from tocsin.errors import Invalid
from tocsin.events.draft import finish, new_id_like
from tocsin.ids import derived_id, id_time, new_id
from tocsin.times import parse_duration
from tocsin.types import Json

# ── ids and times ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "event_id",
    [
        "x",
        "",
        "019ac0de-5a00-4b31-8c55-1f2e3d4c5b6a",
        "019ac0de-5a00-7b31-cc55-1f2e3d4c5b6a",
        "019ac0de5a007b318c551f2e3d4c5b6a",
        "ffffffff-ffff-7b31-8c55-1f2e3d4c5b6a",
    ],
)
def test_an_id_that_is_no_uuid_of_version_7_is_refused(event_id: str) -> None:
    assert set(wrong(draft(id=event_id))) == {"id"}


def test_an_id_in_capitals_is_taken_in_small_letters() -> None:
    event_id = new_id(NOW)

    assert finished(id=event_id.upper()).id == event_id


def test_an_id_from_the_future_is_refused_beyond_a_clocks_error() -> None:
    assert finished(id=new_id(NOW + timedelta(minutes=5))).created > NOW
    assert "future" in wrong(draft(id=new_id(NOW + timedelta(minutes=5, milliseconds=1))))["id"]


def test_an_old_id_is_taken_and_its_time_is_the_events() -> None:
    event = finished(id="019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a")

    assert event.to_json()["created"] == "2025-11-26T15:53:08.864Z"


def test_a_creation_time_is_that_of_the_id() -> None:
    event = finished(created="2026-02-28T23:00:00.123456+01:00")

    assert event.to_json()["created"] == "2026-02-28T22:00:00.123Z"


@pytest.mark.parametrize("created", ["2026-03-01T12:05:00.124Z", "1999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_creation_time_out_of_bounds_is_refused(created: str) -> None:
    assert set(wrong(draft(created=created))) == {"created"}


@pytest.mark.parametrize("retention", ["days=36500", "days=900000"])
@pytest.mark.parametrize("created", ["1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00+14:00"])
def test_what_no_id_can_hold_is_refused_however_long_events_are_kept(created: str, retention: str) -> None:
    kept = terms(retention=parse_duration(retention))

    with pytest.raises(Invalid, match="older than events are kept here") as refused:
        finish(draft(created=created, retention="days=1"), kept)

    assert [violation.path for violation in refused.value.violations] == ["created"]


@pytest.mark.parametrize("field", ["created", "expires"])
@pytest.mark.parametrize(
    "moment",
    ["", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z", 1_772_366_400, "1772366400", True],
)
def test_a_time_that_is_no_moment_is_refused(field: str, moment: Json) -> None:
    assert set(wrong(draft(**{field: moment}))) == {field}


def test_a_creation_time_must_be_the_ids() -> None:
    event_id = new_id(NOW)

    assert finished(id=event_id, created="2026-03-01T12:00:00.123Z").id == event_id
    assert set(wrong(draft(id=event_id, created="2026-03-01T12:00:00.124Z"))) == {"created"}


def test_our_own_id_is_used_where_none_is_given() -> None:
    own = derived_id(new_id(NOW), "event", "0")

    assert finish(draft(), terms(), own_id=own).id == own


@given(st.integers(946_684_800_000, 1_772_366_400_000), st.integers(0, 999))
@example(1_093_077_386_909, 0)
def test_our_own_id_takes_a_given_time_to_the_millisecond_and_is_the_same_again(ms: int, microseconds: int) -> None:
    own, moment = new_id(NOW), datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)

    made = new_id_like(own, moment + timedelta(microseconds=microseconds))

    assert id_time(made) == moment
    assert made[14:] == own[14:]


# ── expiry ───────────────────────────────────────────────────────────────────


def test_an_expiry_may_be_given() -> None:
    assert finished(expires="2026-03-02T00:00:00+02:00").to_json()["expires"] == "2026-03-01T22:00:00.000Z"


def test_a_retention_may_be_given() -> None:
    assert finished(retention="hours=1;minutes=30").to_json()["expires"] == "2026-03-01T13:30:00.123Z"


def test_an_event_may_be_kept_for_ever() -> None:
    event = finished(expiring=False)

    assert (event.expires, event.expiring) == (None, False)


@pytest.mark.parametrize("expires", ["2026-03-01T12:00:00.123Z", "2020-01-01T00:00:00Z"])
def test_an_expiry_in_the_past_is_refused(expires: str) -> None:
    assert "past" in wrong(draft(expires=expires))["expires"]


@pytest.mark.parametrize("expires", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999-00:01"])
def test_an_expiry_that_no_date_can_hold_in_utc_is_refused(expires: str) -> None:
    assert "9999" in wrong(draft(expires=expires))["expires"]


@pytest.mark.parametrize(
    "retention",
    ["", "days", "days=x", "day=1", "days=-1", "days=0", "days=1;days=2", "days=inf", "months=1", "days=1;;"],
)
def test_a_bad_duration_is_refused(retention: str) -> None:
    assert set(wrong(draft(retention=retention))) == {"retention"}


@pytest.mark.parametrize("retention", ["days=999999999", "weeks=500000"])
def test_a_retention_beyond_the_year_9999_is_refused(retention: str) -> None:
    assert "9999" in wrong(draft(retention=retention))["retention"]


def test_expiry_is_said_once() -> None:
    assert set(wrong(draft(expires="2027-01-01T00:00:00Z", retention="days=1"))) == {"retention"}
    assert set(wrong(draft(expiring=False, retention="days=1", expires="2027-01-01T00:00:00Z"))) == {
        "retention",
        "expires",
    }


OLDEST = NOW - timedelta(days=365)


@pytest.mark.parametrize("at", [OLDEST, NOW, NOW + timedelta(minutes=5)])
def test_a_time_within_the_retention_of_the_stack_is_taken(at: datetime) -> None:
    assert finished(id=new_id(at)).created == at
    assert finished(created=at.isoformat()).created == at


@pytest.mark.parametrize("at", [OLDEST - timedelta(milliseconds=1), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_time_before_the_retention_of_the_stack_is_refused_however_it_is_given(at: datetime) -> None:
    """Each search without a beginning reads all days up to the earliest event."""
    for field, value in (("id", new_id(at)), ("created", at.isoformat())):
        told = wrong(draft(**{field: value, "expiring": False}))[field]
        assert "2025-03-01T12:00:00.123Z" in told
        assert at.strftime("%Y-%m-%dT%H:%M:%S") in told


def test_a_stack_that_keeps_events_longer_than_there_is_time_takes_any() -> None:
    event = finish(draft(id=new_id(datetime(1970, 1, 1, tzinfo=UTC))), terms(retention=timedelta(days=900_000)))

    assert event.created.year == 1970
