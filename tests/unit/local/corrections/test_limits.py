"""How large payloads, responses, requests and messages may be."""

import asyncio

import pytest

from local.corrections.http_api import Failures, authorized_within_its_timeout, head_bytes, within_its_timeout
from local.corrections.lambda_limits import MAX_EVENT, MAX_RESPONSE, response_bytes, within_payload_limits
from local.corrections.sqs import MAX_MESSAGE, batch_too_large, message_bytes, not_allowed


@pytest.mark.parametrize(
    ("response", "size"),
    [(None, 4), ("a", 3), ("ä", 4), ({"body": '"'}, 14), ({"a": 1, "b": 2}, 16), ("\ud800", 5)],
)
def test_a_response_is_measured_as_the_runtime_sends_it(response, size):
    assert response_bytes(response) == size


def test_a_body_that_is_escaped_once_more_counts_twice():
    assert response_bytes({"body": '"' * (MAX_RESPONSE // 2)}) > MAX_RESPONSE


@pytest.mark.parametrize(
    ("method", "path", "kind", "size", "status"),
    [
        ("POST", "/2015-03-31/functions/f/invocations", "Event", MAX_EVENT, 202),
        ("POST", "/2015-03-31/functions/f/invocations", "Event", MAX_EVENT + 1, 413),
        ("POST", "/2015-03-31/functions/f/invocations", "RequestResponse", MAX_EVENT + 1, 202),
        ("POST", "/2015-03-31/functions", "Event", MAX_EVENT + 1, 202),
    ],
)
def test_an_invocations_payload_is_measured_and_nothing_else(method, path, kind, size, status):
    async def handle(*_request):
        return 202, {}, b""

    answer = within_payload_limits(handle)(method, path, {"x-amz-invocation-type": kind}, b"a" * size, {})

    assert asyncio.run(answer)[0] == status


def test_a_head_is_its_line_and_the_values_of_its_headers():
    assert head_bytes("GET", "/a", "b=c", {"x": "12345"}) == len("GET /a?b=c HTTP/1.1") + 5
    assert head_bytes("GET", "/ä", "", {}) == len("GET /ä HTTP/1.1") + 1


def test_an_integration_has_its_own_time_and_is_not_cancelled():
    done = asyncio.Event()

    async def slow(_integration):
        await asyncio.sleep(0.05)
        done.set()
        return 200, {}, b""

    async def ask():
        in_time = await within_its_timeout(slow)({"timeoutInMillis": 20_000})
        done.clear()
        late = await within_its_timeout(slow)({"timeoutInMillis": 1})
        await asyncio.wait_for(done.wait(), 120)
        return in_time[0], late[0]

    assert asyncio.run(ask()) == (200, 503)


def test_an_authorizer_that_takes_too_long_has_failed():
    async def slow(_authorizer):
        await asyncio.Event().wait()

    async def quick(_authorizer):
        return {"isAuthorized": True}

    async def ask(invoke, wait_s):
        return await authorized_within_its_timeout(invoke, max_wait_s=wait_s)({})

    assert asyncio.run(ask(slow, 0.01)) is None
    assert asyncio.run(ask(quick, 10)) == {"isAuthorized": True}


@pytest.mark.parametrize(
    ("result", "status"),
    [({"error": True, "body": {"errorMessage": "a secret"}}, 500), ({"throttle": True}, 503), ({"body": "x"}, 200)],
)
def test_an_http_api_answers_for_functions_in_its_own_words_and_a_rest_api_as_it_did(result, status):
    failures = Failures()
    answer_of = failures.answering(lambda _result: ({"statusCode": 200}, None))

    async def invoke():
        return answer_of(result)

    told, _ = asyncio.run(failures.invoking(invoke)())

    assert told["statusCode"] == status
    assert "secret" not in str(told)
    assert answer_of(result) == ({"statusCode": 200}, None)


def test_a_message_is_its_body_and_the_names_types_and_values_of_its_attributes():
    attributes = {
        "text": {"DataType": "String", "StringValue": "ä"},
        "raw": {"DataType": "Binary", "BinaryValue": "YWJj"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"abc"},
    }

    assert message_bytes("ä", None) == 2
    assert message_bytes("", attributes) == len("textString") + 2 + len("rawBinary") + 3 + len("bytesBinary") + 3


def test_a_batch_is_too_large_where_its_messages_are_together():
    half = {"MessageBody": "a" * (MAX_MESSAGE // 2)}

    assert batch_too_large([half, half]) is None
    assert batch_too_large([half, half, {"MessageBody": "a"}])[0] == "BatchRequestTooLong"


@pytest.mark.parametrize("text", ["\x00", "\x08", "\x0b", "\x1f", "\ud800", "\udfff", "\ufffe", "\uffff"])
def test_some_characters_are_not_allowed(text):
    assert not_allowed(f"a{text}b") == text


@pytest.mark.parametrize("text", ["\t\n\r ~\x7f\x85", "\ud7ff\ue000\ufffd", "\U00010000\U0010ffff"])
def test_all_others_are(text):
    assert not_allowed(text) is None
