"""Files of events: what becomes of each record, and that the same record always has the same id."""

import gzip
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.ids import id_time, parse_id
from tocsin_cli.errors import Invalid
from tocsin_cli.importing.ids import derived_id, is_event_id
from tocsin_cli.importing.records import EventMaker, Record, RecordError, Shape, moment_of
from tocsin_cli.importing.sending import MAX_BYTES, MAX_EVENTS, batches
from tocsin_cli.importing.sources import Source

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def read(path, shape=None, **source):
    shape = shape or Shape({}, {})
    maker = EventMaker(shape)
    source = Source(str(path), mapped=frozenset(shape.columns.values()), **source)
    with source.opened() as opened:
        return [maker.make(raw) for raw in opened.records()]


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(*objects):
    return "".join(json.dumps(each) + "\n" for each in objects)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC)), st.text())
def test_a_derived_id_is_one_that_events_can_have_at_that_time(moment, identity):
    event_id = derived_id(moment, identity)

    assert parse_id(event_id) == event_id
    assert is_event_id(event_id)
    assert id_time(event_id) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert derived_id(moment, identity) == event_id


@given(st.lists(st.text(), unique=True, max_size=20))
def test_different_records_have_different_ids(identities):
    assert len({derived_id(AT, identity) for identity in identities}) == len(identities)


def test_a_line_of_json_is_an_event_with_an_id_of_its_own(tmp_path):
    path = written(tmp_path, "a.jsonl", lines({"action": "login", "created": "2026-03-01T12:00:00Z", "app": "shop"}))

    (record,) = read(path)

    assert record.place == f"{path}:1"
    assert record.event.keys() == {"id", "action", "app", "created"}
    assert id_time(record.event["id"]) == AT


def test_equal_lines_of_a_file_are_two_events_and_the_same_two_the_next_time(tmp_path):
    line = {"action": "login", "created": "2026-03-01T12:00:00Z"}
    path = written(tmp_path, "a.jsonl", lines(line, line))

    first, again = read(path), read(path)

    assert first[0].event["id"] != first[1].event["id"]
    assert first == again


def test_a_file_that_begins_alike_has_the_same_events_there(tmp_path):
    line = {"action": "login", "created": "2026-03-01T12:00:00Z"}
    short = written(tmp_path, "a.jsonl", lines(line))
    long = written(tmp_path, "b.jsonl", lines(line, {**line, "app": "shop"}))

    assert read(long)[0].event == read(short)[0].event


def test_what_the_api_wrote_is_taken_back_as_the_same_event(tmp_path):
    event = {
        "id": derived_id(AT, "x"),
        "created": "2026-03-01T12:00:00.000Z",
        "action": "login",
        "user": {"username": "alice"},
        "summary": "alice logged in",
        "cause": None,
        "client_ip": None,
    }

    (record,) = read(written(tmp_path, "a.ndjson", lines(event)))

    assert record.event == {name: event[name] for name in ("id", "created", "action", "user")}


def test_an_id_of_another_kind_tells_the_record_from_others_and_stays_readable(tmp_path):
    line = {"id": 17, "action": "login", "created": "2026-03-01T12:00:00Z"}

    (one,) = read(written(tmp_path, "a.jsonl", lines(line)))
    (other,) = read(written(tmp_path, "b.jsonl", lines({**line, "id": 18})))

    assert one.event["context"] == {"imported_id": 17}
    assert one.event["id"] != other.event["id"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "is no JSON"),
        ("[1]\n2", "is no JSON object"),
        ('"text"', "is no JSON object"),
        (json.dumps({"created": "2026-03-01T12:00:00Z"}), "no action"),
        (json.dumps({"action": "login"}), "no time"),
        (json.dumps({"action": "login", "created": "yesterday"}), "is not ISO 8601"),
    ],
)
def test_a_record_that_is_no_event_says_why_and_stops_no_other(tmp_path, line, why):
    good = json.dumps({"action": "login", "created": "2026-03-01T12:00:00Z"})
    path = written(tmp_path, "a.jsonl", f"{good}\n{line}\n{good}\n")

    records = read(path)

    assert why in next(record.wrong for record in records if record.wrong)
    assert sum(record.event is not None for record in records) == 2


def test_the_time_of_records_without_one_can_be_given(tmp_path):
    (record,) = read(written(tmp_path, "a.jsonl", lines({"action": "login"})), Shape({}, {}, at=AT))

    assert record.event["created"] == "2026-03-01T12:00:00.000Z"


def test_members_of_foreign_records_are_mapped_and_the_rest_is_context(tmp_path):
    line = {"ts": 1772366400, "event_type": "user.login", "actor": {"login": "alice"}, "user": "someone else", "n": 1}
    shape = Shape({"created": "ts", "action": "event_type", "user.username": "actor.login"}, {"app": "idp"})

    (record,) = read(written(tmp_path, "a.jsonl", lines(line)), shape)

    assert {name: value for name, value in record.event.items() if name != "id"} == {
        "action": "user.login",
        "app": "idp",
        "created": "2026-03-01T12:00:00.000Z",
        "user": {"username": "alice"},
        "context": {"actor": {"login": "alice"}, "user": "someone else", "n": 1},
    }


def test_one_list_of_json_is_read_like_lines(tmp_path):
    events = [{"action": "login", "created": "2026-03-01T12:00:00Z", "app": name} for name in ("a", "b")]

    as_list = read(written(tmp_path, "a.json", json.dumps(events, indent=2)))
    as_lines = read(written(tmp_path, "b.jsonl", lines(*events)))

    assert [record.event for record in as_list] == [record.event for record in as_lines]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_of_csv_are_fields_and_the_rest_is_context(tmp_path, delimiter):
    rows = [
        ["timestamp", "action", "username", "ip", "user.pk", "amount", "context.host"],
        ["2026-03-01T12:00:00Z", "refund", "alice", "203.0.113.7", "7", "12.50", "web1"],
    ]
    content = "".join(delimiter.join(row) + "\r\n" for row in rows)

    (record,) = read(written(tmp_path, "a.csv", "\ufeff" + content))

    assert {name: value for name, value in record.event.items() if name != "id"} == {
        "created": "2026-03-01T12:00:00.000Z",
        "action": "refund",
        "user": {"username": "alice", "pk": "7"},
        "client_ip": "203.0.113.7",
        "context": {"amount": "12.50", "host": "web1"},
    }


def test_a_value_of_csv_may_have_lines(tmp_path):
    content = 'time,action,note\n2026-03-01,login,"two\nlines"\n2026-03-02,logout,x\n' + "2026-03-03,login,x\n" * 1000

    records = read(written(tmp_path, "a.csv", content))

    assert records[0].event["context"] == {"note": "two\nlines"}
    assert len(records) == 1002
    assert records[1].place.endswith(":4")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [*range(8_185, 8_197), 150_000])
def test_rows_may_end_anywhere(tmp_path, end, size):
    """The faults: no file was read of which a row ended with 8,192 characters, nor one with 128 KiB in a value."""
    heading, rest = f"time,action,note{end}", f"2026-03-02,logout,x{end}"
    row = "2026-03-01,login,"
    row += "y" * (size - len(heading) - len(row) - len(end)) + end
    path = tmp_path / "a.csv"
    path.write_text(heading + row + rest * 3, encoding="utf-8", newline="")

    records = read(path)

    assert [record.event["action"] for record in records] == ["login", "logout", "logout", "logout"]


def test_a_row_with_more_values_than_names_is_refused(tmp_path):
    (record,) = read(written(tmp_path, "a.csv", "time,action\n2026-03-01,login,x\n"))

    assert record.event is None
    assert "more values" in record.wrong


def test_a_mapped_column_means_what_the_map_says(tmp_path):
    shape = Shape({"action": "user", "created": "when"}, {}, time_format="%d.%m.%Y %H:%M")

    (record,) = read(written(tmp_path, "a.csv", "when;user\n01.03.2026 12:00;login\n"), shape)

    assert record.event["action"] == "login"
    assert "user" not in record.event
    assert record.event["created"] == "2026-03-01T12:00:00.000Z"


@pytest.mark.parametrize(
    ("content", "context"),
    [
        (",time,action\n0,2026-03-01,login\n", {"column_1": "0"}),
        ("time,action,\n2026-03-01,login,\n", {}),
        ("time,action,,\n2026-03-01,login,a,b\n", {"column_3": "a", "column_4": "b"}),
        ("time,action\n2026-03-01,login,, \n", {}),
        ("\n \r\ntime,action\n2026-03-01,login\n", {}),
    ],
)
def test_columns_without_a_name_have_their_numbers(tmp_path, content, context):
    """As pandas writes an index, and many a program a delimiter at the end. The fault: each row was refused."""
    (record,) = read(written(tmp_path, "a.csv", content))

    assert record.wrong is None
    assert (record.event["action"], record.event.get("context", {})) == ("login", context)


@pytest.mark.parametrize(
    ("heading", "columns", "user", "context"),
    [
        ("user,email,action", {"user.pk": "user"}, {"pk": "a", "email": "b"}, {}),
        ("email,user,action", {"user.pk": "user"}, {"pk": "b", "email": "a"}, {}),
        ("message,context,action", {}, {}, {"message": "a", "context": "b"}),
        ("context,message,action", {}, {}, {"message": "b", "context": "a"}),
    ],
)
def test_a_column_called_user_or_context_takes_the_place_of_no_other(tmp_path, heading, columns, user, context):
    """The fault: the address of a mapped `user` was in the context, and a `context` swallowed the message."""
    (record,) = read(written(tmp_path, "a.csv", f"time,{heading}\n2026-03-01,a,b,login\n"), Shape(columns, {}))

    assert (record.event.get("user", {}), record.event.get("context", {})) == (user, context)


def test_standard_input_is_read_as_it_comes(monkeypatch):
    content = lines({"action": "login", "created": "2026-03-01T12:00:00Z"}).encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(content))))

    (record,) = read("-")

    assert record.place == "standard input:1"


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8bnothing", gzip.compress(b'{"a": 1}', mtime=0)[:-9], gzip.compress(b"{}", mtime=0)[:10] + b"\xff" * 50],
    ids=["no gzip", "cut off", "damaged"],
)
def test_a_broken_gzip_is_said_to_be_that(tmp_path, content):
    with pytest.raises(Invalid, match="gzip is broken"):
        read(written(tmp_path, "a.jsonl.gz", content))


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n\n", b"\xef\xbb\xbf\r\n"], ids=["BOM", "blank lines", "both"])
@pytest.mark.parametrize("indent", [None, 1], ids=["one line", "several"])
def test_what_stands_before_a_document_hides_it_not(tmp_path, before, indent):
    """The fault: it was read line by line, and no line of it is a record."""
    document = json.dumps([{"action": "login", "created": "2026-03-01T12:00:00Z"}], indent=indent)

    (record,) = read(written(tmp_path, "a.json", before + document.encode()))

    assert record.event is not None


def test_blank_lines_before_the_first_record_are_passed_over_and_counted(tmp_path):
    """The fault: the lines were taken for one document, which they are not."""
    event = {"action": "login", "created": "2026-03-01T12:00:00Z"}

    records = read(written(tmp_path, "a.jsonl", "\n\n" + lines(event, event)))

    assert [record.place.rpartition(":")[2] for record in records] == ["3", "4"]
    assert all(record.event for record in records)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Invalid, match="there is no file"):
        read(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    "given",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01T13:00:00+01:00",
        "2026-03-01 12:00:00",
        1772366400,
        "1772366400",
        1772366400000,
        1772366400.0,
    ],
)
def test_a_time_is_read_however_it_is_written(given):
    assert moment_of(given) == AT


@pytest.mark.parametrize("given", ["", "soon", True, [], 1e300, "2026-02-30"])
def test_what_is_no_time_is_refused(given):
    with pytest.raises(RecordError):
        moment_of(given)


def test_a_date_of_eight_digits_is_no_number_of_seconds():
    assert moment_of("20260301") == datetime(2026, 3, 1, tzinfo=UTC)


@given(st.lists(st.integers(0, MAX_BYTES // 2), max_size=40))
def test_batches_are_what_one_request_takes_in_the_records_order(sizes):
    records = [Record(str(number), {"id": str(number), "x": "y" * size}) for number, size in enumerate(sizes)]

    made = list(batches(records))

    assert [record for batch in made for record, _ in batch] == records
    assert all(len(batch) <= MAX_EVENTS for batch in made)
    assert all(len(batch) == 1 or sum(len(line) + 1 for _, line in batch) <= MAX_BYTES for batch in made)


def test_a_batch_is_full_at_the_apis_limit():
    records = [Record(str(number), {"id": str(number)}) for number in range(1201)]

    assert [len(batch) for batch in batches(records)] == [500, 500, 201]


def test_what_is_late_keeps_its_order_and_loses_nothing(tmp_path):
    moments = [AT + timedelta(seconds=offset) for offset in (5, 1, 3)]
    path = written(tmp_path, "a.jsonl", lines(*({"action": "x", "created": moment.isoformat()} for moment in moments)))

    assert [record.event["created"] for record in read(path)] == [
        moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") for moment in moments
    ]
