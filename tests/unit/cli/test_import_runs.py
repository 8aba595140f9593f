"""Runs of `tocsin import` against an API that fails on purpose: each event is stored once, and runs go on."""

import json
import os

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.api import Api
from tocsin_cli.errors import ExitCode
from tocsin_cli.importing.progress import Bookmark, Reached
from tocsin_cli.importing.records import Record
from tocsin_cli.importing.sending import Outcome, batches, send
from tocsin_cli.main import main

LINE = {"action": "login", "created": "2026-03-01T12:00:00Z"}


class Log:
    """Stores events by their ids, as the API does; `fail_after` and `room` say what it does not take."""

    def __init__(self):
        self.stored = {}
        self.lines = []
        self.fail_after = None
        self.room = None
        """How many events the key may still send in this minute; None for any number."""

    def answer(self, asked):
        if asked.method == "GET":
            return Reply(200, {"status": "ok"})
        events = [json.loads(line) for line in asked.body.split(b"\n")]
        if self.fail_after is not None and len(self.lines) >= self.fail_after:
            return Reply(500, {"title": "Broken", "status": 500})
        if self.room is not None:
            if len(events) > self.room:
                return Reply(429, {"title": "Too many requests", "status": 429}, {"Retry-After": "42"})
            self.room -= len(events)
        self.lines += events
        results = [self.take(event) for event in events]
        if all(result["status"] == 422 for result in results):
            whole = {"title": "Invalid", "status": 422, "detail": "none of the events could be accepted"}
            return Reply(422, whole | {"results": results})
        return Reply(200, {"results": results})

    def take(self, event):
        if event.get("app") == "bad":
            return {"status": 422, "errors": [{"path": "app", "message": "is bad"}]}
        if event.get("app") == "busy":
            event["app"] = "was busy"
            if event["id"] not in self.stored:
                self.stored[event["id"]] = None
                return {"status": 503, "title": "later"}
        self.stored[event["id"]] = event
        return {"status": 201, "id": event["id"]}


@pytest.fixture
def log(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    log = Log()
    with serving(log.answer) as site:
        monkeypatch.setenv("TOCSIN_URL", site.url)
        monkeypatch.setenv("TOCSIN_KEY", "key")
        log.site = site
        yield log


def file_of(tmp_path, *events, name="a.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_a_run_stores_each_record_and_says_how_many(log, tmp_path, capsys):
    path = file_of(tmp_path, LINE, LINE, {**LINE, "app": "shop"})

    assert main(["import", str(path)]) == ExitCode.OK

    assert len(log.stored) == 3
    assert "3 events stored" in capsys.readouterr().err


def test_the_next_run_sends_nothing_and_with_again_stores_nothing_new(log, tmp_path, capsys):
    path = file_of(tmp_path, LINE, LINE)
    main(["import", str(path)])
    capsys.readouterr()

    main(["import", str(path)])
    assert len(log.lines) == 2
    assert "2 records of an earlier run not sent again" in capsys.readouterr().err

    main(["import", "--again", str(path)])
    assert len(log.lines) == 4
    assert len(log.stored) == 2


def test_a_file_that_has_grown_goes_on_behind_what_was_there(log, tmp_path):
    path = file_of(tmp_path, LINE, LINE)
    main(["import", str(path)])

    file_of(tmp_path, LINE, LINE, {**LINE, "app": "new"})
    main(["import", str(path)])

    assert [event.get("app") for event in log.lines] == [None, None, "new"]


def test_a_file_that_was_changed_is_sent_from_its_beginning(log, tmp_path, capsys):
    path = file_of(tmp_path, LINE, {**LINE, "app": "old"})
    main(["import", str(path)])

    file_of(tmp_path, LINE, {**LINE, "app": "other"})
    main(["import", str(path)])

    assert len(log.lines) == 4
    assert len(log.stored) == 3
    assert "has changed since the last run" in capsys.readouterr().err


def test_a_run_that_was_stopped_goes_on_where_it_was(log, tmp_path, monkeypatch):
    monkeypatch.setattr("tocsin_cli.importing.sending.MAX_EVENTS", 2)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    path = file_of(tmp_path, *({**LINE, "app": f"n{number}"} for number in range(7)))
    log.fail_after = 4

    assert main(["import", str(path)]) == ExitCode.UNAVAILABLE
    log.fail_after = None
    assert main(["import", str(path)]) == ExitCode.OK

    assert [event["app"] for event in log.lines] == [f"n{number}" for number in range(7)]


def test_a_key_that_may_send_less_in_a_minute_than_goes_into_a_request_is_sent_as_much(log):
    """The fault: such a request was sent four times, and then the import ended, with nothing stored."""
    waits = []

    def next_minute(seconds):
        waits.append(seconds)
        log.room = 3

    log.room = 3
    records = [Record(f"a.jsonl:{number}", {"id": f"id{number}", "action": "login"}) for number in range(10)]
    (batch,) = batches(records)

    outcomes = send(Api(log.site.url, "key", sleep=next_minute), batch)

    assert outcomes == [Outcome(record) for record in records]
    assert [event["id"] for event in log.lines] == [f"id{number}" for number in range(10)]
    assert len(waits) <= 4
    assert all(42 <= each <= 43 for each in waits)


def test_what_was_refused_is_told_also_where_the_run_ends_before_its_end_and_remembered(
    log, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("tocsin_cli.importing.sending.MAX_EVENTS", 2)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    path = file_of(tmp_path, LINE, {**LINE, "app": "bad"}, {**LINE, "app": "later"})
    log.fail_after = 2

    assert main(["import", str(path)]) == ExitCode.UNAVAILABLE
    told = capsys.readouterr().err
    assert f"{path}:2: app: is bad" in told
    assert "1 event stored, 1 refused" in told

    log.fail_after = None
    assert main(["import", str(path)]) == ExitCode.OK
    assert "2 records of an earlier run not sent again (of which 1 were refused)" in capsys.readouterr().err


def test_a_file_that_is_not_there_does_not_hide_what_became_of_the_one_before(log, tmp_path, capsys):
    path = file_of(tmp_path, {**LINE, "app": "bad"}, LINE)

    assert main(["import", str(path), str(tmp_path / "none.jsonl")]) == ExitCode.INVALID

    told = capsys.readouterr().err
    assert f"{path}:1: app: is bad" in told
    assert f"error: there is no file {tmp_path / 'none.jsonl'}" in told


def test_half_of_a_surrogate_pair_is_among_the_rejects_what_it_was(log, tmp_path):
    """The fault: the import ended at such a record, with a traceback."""
    path, rejects = file_of(tmp_path, {**LINE, "app": "bad", "context": {"a": "\ud800"}}, LINE), tmp_path / "r.jsonl"

    assert main(["import", str(path), "--rejects", str(rejects)]) == ExitCode.FAILED

    assert json.loads(rejects.read_text())["event"]["context"] == {"a": "\ud800"}
    assert len(log.stored) == 1


def test_a_place_for_rejects_that_cant_be_written_is_an_error_before_anything_is_sent(log, tmp_path, capsys):
    path = file_of(tmp_path, LINE)

    assert main(["import", str(path), "--rejects", str(tmp_path / "none" / "r.jsonl")]) == ExitCode.INVALID

    assert "No such file or directory" in capsys.readouterr().err
    assert log.lines == []


def test_where_nothing_can_be_remembered_events_are_imported_all_the_same(log, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    assert main(["import", str(file_of(tmp_path, LINE, LINE))]) == ExitCode.OK

    assert len(log.stored) == 2
    assert "can't be kept" in capsys.readouterr().err


@pytest.mark.parametrize("delimiter", ["::", '"', "\n"])
def test_a_delimiter_is_one_character_that_can_be_one(log, tmp_path, delimiter):
    assert main(["import", str(file_of(tmp_path, LINE, name="a.csv")), "--delimiter", delimiter]) == ExitCode.USAGE


def test_refused_records_are_told_and_kept_with_their_reasons(log, tmp_path, capsys):
    path = file_of(tmp_path, LINE, {**LINE, "app": "bad"}, {"action": "login"})
    rejects = tmp_path / "rejects.jsonl"

    assert main(["import", str(path), "--rejects", str(rejects), "-o", "json"]) == ExitCode.FAILED

    told = capsys.readouterr()
    assert json.loads(told.out) == [{"file": str(path), "stored": 1, "refused": 2, "skipped": 0}]
    assert f"{path}:2: app: is bad" in told.err
    reasons = [json.loads(line)["reason"] for line in rejects.read_text().splitlines()]
    assert reasons[0] == "app: is bad"
    assert "no time" in reasons[1]


def test_a_batch_of_which_nothing_is_taken_has_a_reason_for_each(log, tmp_path, capsys):
    path = file_of(tmp_path, {**LINE, "app": "bad"}, {**LINE, "app": "bad", "brand": "x"})

    assert main(["import", str(path)]) == ExitCode.FAILED

    assert capsys.readouterr().err.count("app: is bad") == 2
    assert len(log.lines) == 2


def test_an_event_that_the_api_could_not_store_now_is_sent_again(log, tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    path = file_of(tmp_path, LINE, {**LINE, "app": "busy"})

    assert main(["import", str(path)]) == ExitCode.OK

    assert {event["app"] for event in log.stored.values() if "app" in event} == {"was busy"}


def test_the_same_record_twice_in_a_batch_is_sent_once(log, tmp_path):
    event = {**LINE, "id": "01a1968d-3ce8-7500-9d32-35473d519d6e"}
    path = file_of(tmp_path, event, event, {**event, "app": "differs"})

    assert main(["import", str(path)]) == ExitCode.FAILED

    assert len(log.lines) == 1


def test_a_dry_run_writes_the_events_and_sends_none(log, tmp_path, capsys):
    path = file_of(tmp_path, LINE)

    assert main(["import", "--dry-run", str(path)]) == ExitCode.OK

    assert json.loads(capsys.readouterr().out)["action"] == "login"
    assert log.site.asked == []


def test_a_bookmark_that_cant_be_read_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    bookmark = Bookmark.of("https://x", "a", "")
    assert bookmark.read() == Reached()

    bookmark.write(Reached(3, "d"))
    assert bookmark.read() == Reached(3, "d")
    assert os.stat(bookmark.path).st_mode & 0o077 == 0  # noqa: PTH116 - the bits alone

    bookmark.path.write_text("{")
    assert bookmark.read() == Reached()


@pytest.mark.parametrize("moment", ["now", "2h", "today", "hours=2"])
def test_a_time_that_is_another_in_each_run_is_refused(log, tmp_path, capsys, moment):
    """The fault: ids follow from it, so that the same file, sent again, was stored twice."""
    path = file_of(tmp_path, {"action": "login"})

    assert main(["import", "--at", moment, str(path)]) == ExitCode.USAGE

    assert log.stored == {}
    assert "--at" in capsys.readouterr().err


def test_records_without_a_time_are_stored_once_at_the_one_that_is_given(log, tmp_path):
    path = file_of(tmp_path, {"action": "login"}, {"action": "logout"})

    for _ in range(2):
        assert main(["import", "--again", "--at", "2026-03-01T12:00:00Z", str(path)]) == ExitCode.OK

    assert [event["created"] for event in log.stored.values()] == ["2026-03-01T12:00:00.000Z"] * 2
