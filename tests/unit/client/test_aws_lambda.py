"""Lambda functions: what is saved is sent before the answer."""

import json
import sys

import pytest

from local.workspace import ROOT
from tests.unit.client.api_server import waits
from tocsin_client import Event, aws_lambda, configuration, faults


class Context:
    """What Lambda says of an invocation."""

    function_name = "billing"
    aws_request_id = "52fdfc07"
    remaining_ms = 30_000

    def get_remaining_time_in_millis(self):
        return self.remaining_ms


@pytest.fixture
def client(make, monkeypatch):
    monkeypatch.setattr(configuration, "current", configuration._Configuration())
    return configuration.configure(client=make())


def payload(name: str) -> dict:
    return json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))


@aws_lambda.audited
def handler(event, context):
    """Save what the event says."""
    Event.new("invoked", app="billing").from_http(event).save()
    if event.get("fails"):
        raise KeyError("x")
    return {"statusCode": 200}


def test_what_was_saved_is_sent_before_the_answer(api, client):
    answer = handler(payload("api-event"), Context())

    (event,) = api.stored.values()
    assert answer == {"statusCode": 200}
    assert event.client_ip == payload("api-event")["requestContext"]["http"]["sourceIp"]
    assert event.context["http_request"] == {
        "path": payload("api-event")["rawPath"],
        "method": "GET",
        "args": {},
        "user_agent": payload("api-event")["requestContext"]["http"]["userAgent"],
        "request_id": payload("api-event")["requestContext"]["requestId"],
    }


def test_an_event_that_is_no_request_has_the_invocations_id(api, client):
    @aws_lambda.audited
    def of_a_queue(event, context):
        Event.new("worked", app="billing").save()

    of_a_queue({"Records": []}, Context())

    (event,) = api.stored.values()
    assert event.context["http_request"] == {"request_id": "52fdfc07"}


def test_what_a_function_raises_is_told_sent_and_raised(api, client):
    with pytest.raises(KeyError):
        handler(payload("api-event") | {"fails": True}, Context())

    _, raised = api.stored.values()
    assert (raised.action, raised.app) == ("system_exception", "billing")
    assert raised.context["http_request"]["path"] == payload("api-event")["rawPath"]


def test_a_function_whose_time_is_nearly_up_does_not_wait(api, client):
    api.faults.append(waits)
    context = Context()
    context.remaining_ms = 300

    answer = handler({}, context)

    assert answer == {"statusCode": 200}
    assert len(api.stored) == 0
    api.released.set()
    assert client.flush(timeout=120)
    assert len(api.stored) == 1


def test_a_function_that_saves_nothing_asks_nothing(api, client):
    @aws_lambda.audited
    def idle(event, context):
        return 1

    assert idle({}, None) == 1
    assert api.requests == []


def test_a_function_answers_also_where_its_time_can_not_be_told(api, client, monkeypatch, caplog):
    monkeypatch.setattr(faults, "_reported", {})
    context = Context()
    context.remaining_ms = None

    assert aws_lambda.audited(lambda event, context: {"statusCode": 200})({}, context) == {"statusCode": 200}

    (record,) = caplog.records
    assert (record.getMessage(), record.exc_info[0]) == ("events can't be flushed", TypeError)


def test_without_a_change_of_code_a_functions_own_handler_is_called(api, client, monkeypatch, tmp_path):
    (tmp_path / "app_of_test.py").write_text(
        "from tocsin_client import Event\n\n"
        "def handler(event, context):\n    Event.new('invoked').save()\n    return event\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TOCSIN_LAMBDA_HANDLER", "app_of_test.handler")
    monkeypatch.setattr(aws_lambda, "_original", None)

    answers = [aws_lambda.handler({"n": n}, Context()) for n in range(2)]

    assert answers == [{"n": 0}, {"n": 1}]
    assert [event.app for event in api.stored.values()] == ["app_of_test"] * 2
    sys.modules.pop("app_of_test")
