"""Ids are UUIDs of version 7 that sort by time, and those that follow from an event are always the same."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tocsin.ids import _TAIL_BITS, IdError, _Sequence, derived_id, id_time, new_id, parse_id, spellings_of

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
IDS = MOMENTS.map(new_id)
PARTS = st.lists(st.text(max_size=4), max_size=4)


def whole_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_new_id_is_a_canonical_uuid_of_version_7():
    parsed = uuid.UUID(new_id())

    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def test_a_new_id_is_written_in_lower_case_with_hyphens():
    text = new_id()

    assert text == str(uuid.UUID(text))


def test_a_new_id_has_the_time_at_which_it_was_made():
    before = whole_milliseconds(datetime.now(UTC))

    made = id_time(new_id())

    assert before <= made <= datetime.now(UTC) + timedelta(milliseconds=5)


@given(MOMENTS)
def test_an_id_gives_its_time_back_to_the_millisecond(moment):
    assert id_time(new_id(moment)) == whole_milliseconds(moment)


@given(MOMENTS, MOMENTS)
def test_ids_sort_as_their_times_do(first, second):
    assume(whole_milliseconds(first) < whole_milliseconds(second))

    assert new_id(first) < new_id(second)


def test_a_time_without_a_zone_is_taken_as_utc():
    assert id_time(new_id(datetime(2026, 1, 1, 8))) == datetime(2026, 1, 1, 8, tzinfo=UTC)


def test_a_time_of_another_zone_is_the_same_moment():
    moment = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=5)))

    assert id_time(new_id(moment)) == moment


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_time_that_an_id_cannot_hold_is_refused(moment):
    with pytest.raises(IdError, match="1970 to 9999"):
        new_id(moment)


def test_ids_of_one_millisecond_sort_in_the_order_in_which_they_were_made():
    made = [new_id(MOMENT) for _ in range(2_000)]

    assert made == sorted(set(made))


def test_ids_of_one_millisecond_stay_in_order_when_others_come_between():
    made = [new_id(moment) for _ in range(50) for moment in (MOMENT, MOMENT + timedelta(milliseconds=1))]

    assert made[::2] == sorted(set(made[::2]))


def test_ids_made_now_sort_in_the_order_in_which_they_were_made():
    made = [new_id() for _ in range(2_000)]

    assert made == sorted(set(made))


def test_ids_made_by_many_threads_are_all_different():
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_id(MOMENT), range(2_000)))

    assert len(set(made)) == len(made)


def test_order_is_kept_when_the_clock_steps_back_a_little(monkeypatch):
    now = time.time_ns() + 60_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: now)
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: now - 2_000_000_000)

    second = new_id()

    assert second > first


def test_ids_follow_the_clock_when_it_steps_back_far(monkeypatch):
    now = time.time_ns() + 120_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: now)
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600_000_000_000)

    second = new_id()

    assert id_time(first) - id_time(second) == timedelta(hours=1)


def test_random_parts_of_neighbouring_milliseconds_have_nothing_in_common():
    tails = {new_id(MOMENT + timedelta(milliseconds=offset))[15:] for offset in range(500)}

    assert len(tails) == 500


@given(IDS)
def test_parsing_gives_a_canonical_id_back(text):
    assert parse_id(text) == text


@given(IDS)
def test_upper_case_is_accepted_and_becomes_lower_case(text):
    assert parse_id(text.upper()) == text


@given(st.text(max_size=60))
def test_parsing_any_text_gives_an_id_or_an_id_error(text):
    try:
        parsed = parse_id(text)
    except IdError:
        return

    assert uuid.UUID(parsed).version == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "events",
        "019caa1f2f9270008000000000000000",
        "{019caa1f-2f92-7000-8000-000000000000}",
        "urn:uuid:019caa1f-2f92-7000-8000-000000000000",
        " 019caa1f-2f92-7000-8000-000000000000",
        "019caa1f-2f92-7000-8000-000000000000\n",
        "019caa1f-2f92-7000-8000-00000000000g",
        "019caa1f-2f92-7000-8000-00000000000٠",
        "019caa1f2-f92-7000-8000-000000000000",
    ],
)
def test_what_is_no_canonical_uuid_is_refused(text):
    with pytest.raises(IdError, match="is not a UUID"):
        parse_id(text)


def test_a_long_text_is_not_repeated_in_the_error():
    with pytest.raises(IdError) as caught:
        parse_id("x" * 10_000)

    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("version", "012345689abcdef")
def test_another_version_is_refused_and_named(version):
    with pytest.raises(IdError, match=f"version {version}"):
        parse_id(f"019caa1f-2f92-{version}000-8000-000000000000")


@pytest.mark.parametrize("variant", "01234567cdef")
def test_another_variant_is_refused(variant):
    with pytest.raises(IdError, match="variant"):
        parse_id(f"019caa1f-2f92-7000-{variant}000-000000000000")


def test_an_id_whose_time_no_event_can_have_is_refused():
    with pytest.raises(IdError, match="year 9999"):
        parse_id("ffffffff-ffff-7fff-bfff-ffffffffffff")


def test_the_time_of_something_else_is_an_id_error():
    with pytest.raises(IdError):
        id_time("nothing")


def test_the_example_of_rfc_9562_has_its_time():
    assert id_time("017F22E2-79B0-7CC3-98C4-DC0C0C07398F") == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


def test_a_derived_id_does_not_change_between_versions_of_the_software():
    derived = derived_id("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "rule", "alice")

    assert derived == "017f22e2-79b0-7034-bb00-230c543a9f34"


@given(IDS, PARTS)
def test_deriving_again_gives_the_same_id(event_id, parts):
    assert derived_id(event_id, *parts) == derived_id(event_id.upper(), *parts)


@given(IDS, PARTS)
def test_a_derived_id_is_an_id_of_its_events_time(event_id, parts):
    derived = parse_id(derived_id(event_id, *parts))

    assert id_time(derived) == id_time(event_id)


@given(IDS, PARTS, PARTS)
def test_other_parts_give_another_id(event_id, parts, others):
    assume(parts != others)

    assert derived_id(event_id, *parts) != derived_id(event_id, *others)


@pytest.mark.parametrize(
    ("parts", "others"), [(("ab", "c"), ("a", "bc")), (("a",), ("a", "")), ((), ("",)), (("a", "b"), ("b", "a"))]
)
def test_where_one_part_ends_and_the_next_begins_makes_a_difference(parts, others):
    event_id = new_id(MOMENT)

    assert derived_id(event_id, *parts) != derived_id(event_id, *others)


def test_two_events_of_one_millisecond_derive_different_ids():
    assert derived_id(new_id(MOMENT), "rule") != derived_id(new_id(MOMENT), "rule")


def test_parts_that_utf8_cannot_write_are_taken():
    event_id = new_id(MOMENT)

    assert derived_id(event_id, "\ud800") != derived_id(event_id, "\ud801")


def test_deriving_from_something_else_is_an_id_error():
    with pytest.raises(IdError):
        derived_id("nothing", "rule")


def test_ids_of_a_millisecond_that_has_no_more_go_on_in_the_next():
    sequence = _Sequence()
    milliseconds, _ = sequence.at(1_000)
    sequence._tails[milliseconds] = (1 << _TAIL_BITS) - 1

    following, tail = sequence.at(1_000)

    assert following == 1_001
    assert 0 <= tail < 1 << _TAIL_BITS


@pytest.mark.parametrize("key", ["5F0C1A2B-0000-4000-8000-00000000abcd", "5f0c1a2b00004000800000000000ABCD"])
def test_a_key_that_is_a_uuid_has_several_spellings(key: str) -> None:
    spelled = spellings_of(key)

    assert spelled[0] == key
    assert set(spelled) == {
        key,
        "5f0c1a2b-0000-4000-8000-00000000abcd",
        "5f0c1a2b00004000800000000000abcd",
        "5F0C1A2B-0000-4000-8000-00000000ABCD",
        "5F0C1A2B00004000800000000000ABCD",
    }


@pytest.mark.parametrize(
    "key", ["7", "", "alice", "5f0c1a2b-00004000-8000-00000000abcd", "5f0c1a2b" * 4 + "\n", "é" * 32]
)
def test_any_other_key_has_one_spelling(key: str) -> None:
    assert spellings_of(key) == (key,)
