"""What the log says of records and messages that fail: each with its event, in the trace of its request."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, throttled
from tests.integration.matching.matching_world import configure, event, match, record, store, work
from tocsin.events.model import Event
from tocsin.live.tail import TailFeed
from tocsin.matching.matcher import Matcher

ONE, OTHER = "1-6929b0d2-0123456789abcdef01234567", "1-6929b0d3-0123456789abcdef01234567"
FACTS = ("code", "level", "event_id", "message_id", "trace_id")
FAILED = "noting a match failed: ThrottlingException"


def header(root: str) -> str:
    return f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1"


def traced(about: Event, root: str, sequence: int = 1) -> dict[str, Any]:
    """The record of an event that was posted by the request of this trace."""
    made = record(about, sequence)
    made["dynamodb"]["NewImage"]["trace"] = {"S": header(root)}
    return made


def lines(out: str, *codes: str) -> list[dict[str, Any]]:
    found = (json.loads(line) for line in out.splitlines() if line.startswith("{"))
    return [
        {name: line[name] for name in FACTS if name in line}
        | ({"message": line["message"]} if str(line.get("code")).startswith("RECORD_") else {})
        for line in found
        if line.get("code") in codes
    ]


def test_events_that_are_told_have_their_lines_in_the_traces_of_their_requests(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(stack)
    one, other = event(), event()

    stack.call("matcher", {"Records": [traced(one, ONE), traced(other, OTHER, 2)]})

    fired = {"code": "RULE_FIRED", "level": "INFO"}
    found = sorted(lines(capsys.readouterr().out, "RULE_FIRED"), key=lambda line: line["trace_id"])
    assert found == [
        {**fired, "event_id": one.id, "trace_id": ONE},
        {**fired, "event_id": other.id, "trace_id": OTHER},
    ]


def test_an_event_that_is_handed_on_is_a_warning_and_keeps_its_trace(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(stack)
    about = event()

    with failing(throttled(), "UpdateItem", table="deliveries"):
        stack.call("matcher", {"Records": [traced(about, ONE)]})

    known = {"event_id": about.id, "trace_id": ONE}
    assert lines(capsys.readouterr().out, "RECORD_HANDED_ON", "RECORD_LEFT") == [
        {"code": "RECORD_HANDED_ON", "level": "WARNING", "message": FAILED, **known}
    ]
    asked = {"QueueUrl": stack.queues["Match"], "AttributeNames": ["All"]}
    (message,) = stack.sqs.receive_message(**asked)["Messages"]
    assert message["Attributes"]["AWSTraceHeader"].startswith(header(ONE).partition(";Parent")[0])


def test_a_record_that_goes_back_to_the_stream_is_an_error(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    configure(stack)
    about = event()

    with failing(throttled(), "SendMessageBatch", service="sqs"):
        match(stack, about)

    (line,) = lines(capsys.readouterr().out, "RECORD_LEFT")
    assert line.pop("message").startswith("sending ")
    assert line == {"code": "RECORD_LEFT", "level": "ERROR", "event_id": about.id}


def test_a_message_that_comes_back_is_an_error_that_names_it(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    configure(stack)
    store(stack, about := event())
    unread = work({"event_id": about.id}) | {"messageId": "unread", "body": "{}"}
    fails = work({"event_id": about.id}) | {"messageId": "fails", "attributes": {"AWSTraceHeader": header(ONE)}}

    with failing(throttled(), "UpdateItem", table="deliveries"):
        answer = stack.call("matcher", {"Records": [unread, fails]})

    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["unread", "fails"]
    left = {"code": "RECORD_LEFT", "level": "ERROR"}
    assert lines(capsys.readouterr().out, "RECORD_LEFT") == [
        left | {"message_id": "unread", "message": "the message can't be read: KeyError"},
        left | {"message_id": "fails", "message": FAILED, "event_id": about.id, "trace_id": ONE},
    ]


def test_a_message_is_done_in_the_trace_that_it_came_with(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    configure(stack)
    store(stack, about := event())
    gone = event()
    attributes = {"AWSTraceHeader": header(ONE)}

    for number, each in enumerate((about, gone)):
        stack.call("matcher", {"Records": [work({"event_id": each.id}, f"m{number}") | {"attributes": attributes}]})

    assert lines(capsys.readouterr().out, "RULE_FIRED", "EVENT_GONE") == [
        {"code": "RULE_FIRED", "level": "INFO", "event_id": about.id, "trace_id": ONE},
        {"code": "EVENT_GONE", "level": "INFO", "event_id": gone.id, "trace_id": ONE},
    ]


@pytest.mark.parametrize("method", ["judge", "act"])
def test_a_fault_of_ours_is_an_error_with_its_event_and_trace(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def faulty(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Matcher, method, faulty)
    configure(stack)
    store(stack, about := event())
    message = work({"event_id": about.id}) | {"attributes": {"AWSTraceHeader": header(ONE)}}

    stack.call("matcher", {"Records": [traced(about, ONE)]})
    stack.call("matcher", {"Records": [message]})

    found = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "could not be matched" in line]
    expected = {"level": "ERROR", "event_id": about.id, "trace_id": ONE, "exception_name": "RuntimeError"}
    assert [{name: line.get(name) for name in expected} for line in found] == [expected, expected]


def test_who_watches_is_shown_each_event_that_does_not_come_back(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that no rule is about, and one that is handed on; not one that the stream brings once more."""
    shown: list[str] = []

    def feed(_: TailFeed, events: Sequence[Event]) -> None:
        shown.extend(each.id for each in events)

    monkeypatch.setattr(TailFeed, "feed", feed)
    configure(stack)
    quiet, loud = event(action="logout"), event()
    bad = record(event(), 3)
    bad["dynamodb"]["NewImage"]["event"] = {"S": "{"}
    records = [record(quiet, 1), record(loud, 2), bad]

    with failing(throttled(), "SendMessageBatch", service="sqs"):
        stack.call("matcher", {"Records": records})
    at_first = [*shown]
    stack.call("matcher", {"Records": records[1:]})

    assert (at_first, shown) == ([quiet.id], [quiet.id, loud.id])
