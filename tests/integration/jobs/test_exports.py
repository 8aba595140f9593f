"""Events are written to a file, which whoever asked is told of and can fetch by a link."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
import requests

from tests.integration.api_calls import Api
from tests.integration.handler_calls import failing, throttled
from tests.integration.jobs.conftest import BUCKET, Jobs, an_event, log_of
from tocsin.api.jobs import MAX_OPEN_EXPORTS
from tocsin.aws import clients
from tocsin.aws.bucket import Bucket
from tocsin.events.model import Event
from tocsin.events.search.timeline import Budget
from tocsin.times import iso

SOME = 7


def some(count: int = SOME, **fields: Any) -> list[Event]:
    """Events, the oldest first."""
    return [an_event(timedelta(hours=count - number, minutes=30), **fields) for number in range(count)]


def fetched(jobs: Jobs, shown: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of JSON that a link leads to."""
    answer = requests.get(shown["link"], timeout=120)
    assert answer.status_code == 200
    return [json.loads(line) for line in answer.text.splitlines()]


def test_lines_of_json_are_all_events_the_oldest_first(jobs: Jobs) -> None:
    events = log_of(jobs.stack, *some())

    asked = jobs.ask("exports", filters={"app": "shop"})
    jobs.run()
    shown = jobs.shown(asked)

    assert (asked.status, shown["state"], shown["format"], shown["events"]) == (202, "done", "jsonl", SOME)
    assert fetched(jobs, shown) == [event.to_json() | {"summary": event.summary} for event in events]
    assert shown["bytes"] == len(next(iter(jobs.files().values())))


def test_csv_is_a_file_by_a_name_of_its_own(jobs: Jobs) -> None:
    log_of(jobs.stack, *some(user={"username": "=1+1"}))

    asked = jobs.ask("exports", format="csv", filters={"app": "shop"})
    jobs.run()
    answer = requests.get(jobs.shown(asked)["link"], timeout=120)

    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8"), newline="")))
    assert [row["username"] for row in rows] == ["'=1+1"] * SOME
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('.csv"')


def test_only_what_the_filters_ask_for_is_written(jobs: Jobs) -> None:
    log_of(jobs.stack, *some(3), *some(2, app="crm"), an_event(user={"username": "alice", "pk": 7}))
    log_of(jobs.stack, an_event(client_ip="203.0.113.7"))

    by_app = jobs.ask("exports", filters={"app": "crm"})
    by_user = jobs.ask("exports", filters={"user_pk": "7"})
    by_address = jobs.ask("exports", filters={"client_ip": "203.0.113.7"})
    failing = jobs.ask("exports", filters={"filter": "event.context.amount > 1", "app": "crm"})
    jobs.run()

    assert {line["app"] for line in fetched(jobs, jobs.shown(by_app))} == {"crm"}
    assert [line["user"]["username"] for line in fetched(jobs, jobs.shown(by_user))] == ["alice"]
    assert [line["client_ip"] for line in fetched(jobs, jobs.shown(by_address))] == ["203.0.113.7"]
    assert (jobs.shown(failing)["events"], jobs.shown(failing)["filter_failed"]) == (0, 2)


def test_no_events_are_an_empty_file(jobs: Jobs) -> None:
    asked = jobs.ask("exports", filters={"app": "nobody"})
    with_head = jobs.ask("exports", filters={"app": "nobody"}, format="csv")
    jobs.run()

    assert (jobs.shown(asked)["state"], jobs.shown(asked)["bytes"]) == ("done", 0)
    assert requests.get(jobs.shown(with_head)["link"], timeout=120).text.startswith("id,created,action,")


def test_what_happens_after_the_question_is_not_in_it(jobs: Jobs) -> None:
    log_of(jobs.stack, *some(2))
    asked = jobs.ask("exports", filters={"app": "shop"})

    log_of(jobs.stack, an_event(timedelta(minutes=-30)))
    jobs.run()

    assert jobs.shown(asked)["events"] == 2


def test_an_end_in_the_past_is_the_end(jobs: Jobs) -> None:
    early, last, *_ = log_of(jobs.stack, *some())

    asked = jobs.ask("exports", filters={"app": "shop", "until": iso(last.created)})
    jobs.run()
    shown = jobs.shown(asked)

    assert [line["id"] for line in fetched(jobs, shown)] == [early.id]
    assert shown["filters"]["until"] == iso(last.created)


PART = 2_000
"""Bytes: three events or so. S3 takes parts of 5 MiB and more; moto is told to take any."""


def large(count: int) -> list[Event]:
    """Events, of which three are a part."""
    return some(count, app="large", context={"text": "x" * 400})


def test_a_large_export_is_written_in_parts_by_several_runs(jobs: Jobs) -> None:
    events = log_of(jobs.stack, *large(20))
    jobs.part = PART
    asked = jobs.ask("exports", filters={"app": "large"})

    runs = 0
    while jobs.shown(asked)["state"] != "done":
        left = iter([True, False])
        jobs.run(has_time=lambda left=left: next(left, False))  # type: ignore[misc]
        runs += 1
        assert runs < 20

    shown = jobs.shown(asked)
    assert [line["id"] for line in fetched(jobs, shown)] == [event.id for event in events]
    assert (shown["events"], shown["bytes"] > 5 * PART) == (20, True)
    assert runs > 5


def test_what_is_no_part_yet_waits_for_the_next_step(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    events = log_of(jobs.stack, *some(30))
    asked = jobs.ask("exports", filters={"app": "shop"})
    monkeypatch.setattr("tocsin.jobs.export.Budget", lambda **_: Budget(items=4, queries=20))

    jobs.run(has_time=iter([True, False]).__next__)
    waits = [name for name in jobs.files() if "/rest-" in name]
    jobs.run()

    assert len(waits) == 1
    assert [line["id"] for line in fetched(jobs, jobs.shown(asked))] == [event.id for event in events]


class _Dies(BaseException):
    """The process ends here."""


class _Dying(Bucket):
    """A bucket whose process ends before or after its n-th write."""

    def __init__(self, at: int, *, after: bool) -> None:
        super().__init__(clients.s3, BUCKET)
        self._at = at
        self._after = after
        self.writes = 0

    def _write(self, write: Any) -> Any:
        self.writes += 1
        if self.writes == self._at and not self._after:
            raise _Dies
        done = write()
        if self.writes == self._at and self._after:
            raise _Dies
        return done

    def put(self, *given: Any) -> None:
        self._write(lambda: super(_Dying, self).put(*given))

    def begin(self, *given: Any) -> str:
        begun: str = self._write(lambda: super(_Dying, self).begin(*given))
        return begun

    def put_part(self, *given: Any) -> None:
        self._write(lambda: super(_Dying, self).put_part(*given))

    def complete(self, *given: Any) -> bool:
        return bool(self._write(lambda: super(_Dying, self).complete(*given)))


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_loses_no_event_and_repeats_none(jobs: Jobs, after: bool) -> None:
    events = log_of(jobs.stack, *large(9))
    jobs.part = PART
    crashes = 0
    for at in range(1, 10):
        asked = jobs.ask("exports", filters={"app": "large"})
        bucket = _Dying(at, after=after)
        try:
            jobs.run(runner=jobs.runner(bucket=bucket))
        except _Dies:
            crashes += 1
        jobs.now += timedelta(minutes=10)
        jobs.run()

        assert [line["id"] for line in fetched(jobs, jobs.shown(asked))] == [event.id for event in events], at
        if bucket.writes < at:
            break
    assert crashes >= 4


def test_an_event_says_that_it_is_ready_and_whoever_asked_is_told(jobs: Jobs) -> None:
    log_of(jobs.stack, *some())

    asked = jobs.ask("exports", filters={"app": "shop"})
    jobs.run()

    (ready,) = [event for event in jobs.stack.events() if event["action"] == "export_ready"]
    context = ready["context"]
    assert context["message"].startswith(f"ops's export of {SOME} events is ready, until 20")
    assert (context["export"], context["filters"], context["by"]) == (asked.body["id"], {"app": "shop"}, "ops")
    assert context["hyperlink"] == f"https://api.example.com/console#/exports/{asked.body['id']}"
    assert ready["user"] == {"username": "ops"}
    (message,) = jobs.stack.messages("Inbox")
    assert (message["user"]["username"], message["event_id"], message["mode"]) == ("ops", ready["id"], "local")


def test_without_a_console_the_event_says_that_it_is_ready_and_has_no_link(jobs: Jobs) -> None:
    jobs.console_url = ""

    asked = jobs.ask("exports", filters={"app": "nobody"})
    jobs.run()

    (ready,) = [event for event in jobs.stack.events() if event["action"] == "export_ready"]
    assert (ready["context"]["export"], "hyperlink" in ready["context"]) == (asked.body["id"], False)


def test_a_key_of_nobody_is_told_by_the_event_alone(jobs: Jobs) -> None:
    del jobs.api.facts["user"]

    asked = jobs.ask("exports")
    jobs.run()

    assert jobs.shown(asked)["state"] == "done"
    assert jobs.stack.messages("Inbox") == []


def test_the_link_holds_for_minutes_and_only_while_there_is_a_file(jobs: Jobs) -> None:
    asked = jobs.ask("exports")
    before = jobs.shown(asked)
    jobs.run()
    done = jobs.shown(asked)
    for name in jobs.files():
        jobs.s3.delete_object(Bucket=BUCKET, Key=name)
    gone = jobs.shown(asked)

    assert (before["link"], gone["link"], gone["link_expires"]) == (None, None, None)
    assert "X-Amz-Expires=300" in done["link"]
    assert done["kept_until"] > done["link_expires"]


def test_a_file_that_can_not_be_written_fails_the_job_and_leaves_no_parts(jobs: Jobs) -> None:
    log_of(jobs.stack, *large(9))
    jobs.part = PART
    asked = jobs.ask("exports", filters={"app": "large"})
    jobs.run(has_time=iter([True, False]).__next__)
    started = boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])

    class Broken(Bucket):
        def put_part(self, *_: Any) -> None:
            raise ZeroDivisionError

    broken = Broken(clients.s3, BUCKET)
    for _ in range(5):
        jobs.run(runner=jobs.runner(bucket=broken))

    shown = jobs.shown(asked)
    assert len(started) == 1
    assert (shown["state"], shown["link"]) == ("failed", None)
    assert "ZeroDivisionError" in shown["error"]
    assert boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_a_file_that_is_gone_before_it_is_whole_fails_the_job(jobs: Jobs) -> None:
    class Emptied(Bucket):
        def size(self, key: str) -> int | None:
            return super().size(f"{key}.gone")

    asked = jobs.ask("exports")
    jobs.run(runner=jobs.runner(bucket=Emptied(clients.s3, BUCKET)))

    shown = jobs.shown(asked)
    assert (shown["state"], shown["error"], shown["link"]) == ("failed", "its file is gone", None)


def test_a_notification_that_the_queue_does_not_take_is_sent_by_the_next_run(jobs: Jobs) -> None:
    asked = jobs.ask("exports")

    with failing(throttled(), "SendMessageBatch", service="sqs"):
        jobs.run()
    not_told = (jobs.shown(asked)["state"], jobs.stack.messages("Inbox"))
    jobs.run()

    assert not_told == ("running", [])
    assert (jobs.shown(asked)["state"], len(jobs.stack.messages("Inbox"))) == ("done", 1)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"format": "xml"}, "format"),
        ({"filters": {"colour": "red"}}, "filters.colour"),
        ({"filters": {"since": "yesterday"}}, "filters.since"),
        ({"filters": {"since": "2999-01-01T00:00:00Z"}}, "filters.since"),
        ({"filters": {"since": "2999-01-01T00:00:00Z", "until": "3000-01-01T00:00:00Z"}}, "filters.since"),
        ({"filters": {"filter": "event.acton"}}, "filters.filter"),
        ({"filters": {"search": " "}}, "filters.search"),
        ({"filters": {"app": 7}}, "filters.app"),
        ({"order": "newest"}, "order"),
    ],
)
def test_what_is_no_request_is_refused_by_name(jobs: Jobs, body: dict[str, Any], path: str) -> None:
    answer = jobs.ask("exports", **body)

    assert (answer.status, answer.body["errors"][0]["path"]) == (422, path)


def test_exports_need_the_scope_of_reading_events(jobs: Jobs) -> None:
    jobs.api.facts["scopes"] = "events:erase config:write"

    assert jobs.ask("exports").status == 403


def test_an_export_of_more_than_a_file_holds_ends_and_says_what_helps(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.jobs.export.MAX_PARTS", 1)
    jobs.part = 1
    log_of(jobs.stack, *some())

    asked = jobs.ask("exports", filters={"app": "shop"})
    jobs.run()

    assert jobs.shown(asked)["state"] == "failed"
    assert "ask for a shorter time or fewer events" in jobs.shown(asked)["error"]


def test_one_key_can_not_queue_so_many_exports_that_all_other_jobs_wait_for_them(jobs: Jobs) -> None:
    """The fault: a run may go on with one job alone, so a key that may read held up all erasures."""
    log_of(jobs.stack, *some(1))
    another = Api.of(jobs.stack, key_id="fedcba9876543210", key_name="another")

    asked = {jobs.ask("exports").status for _ in range(MAX_OPEN_EXPORTS)}
    refused = jobs.ask("exports")

    assert asked == {202}
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert another("POST", "/exports", {}).status == 202
    assert jobs.ask("erasures", username="alice", reason="asked").status == 202
    while jobs.run()["done"]:
        pass
    assert jobs.ask("exports").status == 202
