"""Calls that the emulator fails on demand."""

import asyncio
import json

import pytest

from local.faults import PATH, FaultInjector


class Inner:
    """An application that answers 200 and remembers what it was asked."""

    def __init__(self):
        self.bodies = []

    async def __call__(self, scope, receive, send):
        message = await receive()
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
def inner():
    return Inner()


@pytest.fixture
def injector(inner):
    return FaultInjector(inner)


def ask(application, method="POST", path="/", target=None, body=b"{}"):
    """One request in two pieces; gives status, headers and body."""
    sent = []
    pieces = [
        {"type": "http.request", "body": body[:1], "more_body": True},
        {"type": "http.request", "body": body[1:], "more_body": False},
    ]

    async def receive():
        return pieces.pop(0)

    async def send(message):
        sent.append(message)

    headers = [(b"x-amz-target", target.encode())] if target else []
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(application(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def set_fault(injector, **fault):
    return ask(injector, path=PATH, body=json.dumps(fault).encode())[0]


def test_without_faults_calls_go_through(injector, inner):
    assert ask(injector, target="DynamoDB_20120810.PutItem")[0] == 200
    assert len(inner.bodies) == 1


def test_a_call_that_a_fault_is_meant_for_fails_and_is_not_carried_out(injector, inner):
    set_fault(injector, operation="DynamoDB_20120810.Put*", code="ThrottlingException")

    status, headers, body = ask(injector, target="DynamoDB_20120810.PutItem")

    assert status == 400
    assert headers[b"x-amzn-errortype"] == b"ThrottlingException"
    assert json.loads(body)["__type"] == "ThrottlingException"
    assert inner.bodies == []


def test_other_operations_go_through_with_their_whole_body(injector, inner):
    set_fault(injector, operation="DynamoDB_20120810.Put*")

    assert ask(injector, target="DynamoDB_20120810.Query", body=b'{"a": 1}')[0] == 200
    assert inner.bodies == [b'{"a": 1}']


def test_a_fault_can_be_for_one_table_only(injector):
    set_fault(injector, operation="*", contains="events")

    assert ask(injector, target="X.Y", body=b'{"TableName": "events"}')[0] == 400
    assert ask(injector, target="X.Y", body=b'{"TableName": "config"}')[0] == 200


def test_a_fault_ends_after_its_times_and_counts_them(injector):
    set_fault(injector, operation="X.Y", times=2)

    statuses = [ask(injector, target="X.Y")[0] for _ in range(3)]
    told = json.loads(ask(injector, "GET", PATH)[2])

    assert statuses == [400, 400, 200]
    assert told["faults"][0]["hits"] == 2


def test_a_service_without_targets_is_told_by_method_and_path(injector):
    set_fault(injector, operation="POST /v2/email/*", status=500)

    assert ask(injector, path="/v2/email/outbound-emails")[0] == 500


def test_an_answer_can_be_lost_after_the_call_was_carried_out(injector, inner):
    set_fault(injector, operation="X.Y", done=True, status=500)

    assert ask(injector, target="X.Y")[0] == 500
    assert len(inner.bodies) == 1


def test_faults_can_be_taken_back(injector):
    set_fault(injector, operation="*")

    ask(injector, "DELETE", PATH)

    assert ask(injector, target="X.Y")[0] == 200


def test_a_fault_that_makes_no_sense_is_refused(injector):
    assert set_fault(injector, mood="bad") == 422
    assert ask(injector, "PATCH", PATH)[0] == 405
