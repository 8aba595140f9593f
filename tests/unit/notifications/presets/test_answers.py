"""What a service answers, and what a delivery makes of it: by its documents' examples, and where they are odd."""

import json
from typing import Any

import pytest

from tests.unit.notifications.presets.test_requests import DOCUMENTED, preset_of
from tocsin.notifications.outcome import MAX_RETRY_AFTER, State
from tocsin.notifications.presets import read_answer
from tocsin.outbound import Response

ANSWERS = [(name, answer) for name, documented in DOCUMENTED.items() for answer in documented["answers"]]


def response(status: int, body: str, headers: dict[str, str] | None = None, *, truncated: bool = False) -> Response:
    return Response(status, headers or {}, body.encode(), truncated, 1.0, "127.0.0.1")


@pytest.mark.parametrize(("name", "answer"), ANSWERS, ids=[f"{name}-{a['status']}" for name, a in ANSWERS])
def test_an_answer_is_read_as_its_service_means_it(name: str, answer: dict[str, Any]) -> None:
    body = answer["text"] if "text" in answer else json.dumps(answer["json"])

    outcome = read_answer(preset_of(name).answer, response(answer["status"], body, answer.get("headers")))

    assert (outcome.state, outcome.reason) == (answer["state"], answer["reason"])
    assert answer.get("says", "") in outcome.detail
    assert outcome.retry_after == answer.get("retry_after")
    assert outcome.remote_id == answer.get("remote_id")
    assert outcome.status == answer["status"]
    assert outcome.disables == answer.get("disables", False)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_service_has_an_answer_that_is_good_one_to_retry_and_one_that_is_final(name: str) -> None:
    assert {answer["state"] for answer in DOCUMENTED[name]["answers"]} == {"delivered", "retrying", "failed"}


@pytest.mark.parametrize("name", DOCUMENTED)
@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{", '"a"', "\0\ud800".encode("utf-8", "replace").decode(), "<html>"]
)
@pytest.mark.parametrize("status", [200, 202, 204, 400, 404, 413, 429, 500, 503])
def test_no_answer_breaks_the_reading(name: str, body: str, status: int) -> None:
    outcome = read_answer(preset_of(name).answer, response(status, body))

    expected = {State.DELIVERED, State.FAILED} if status < 300 else {State.RETRYING, State.FAILED}
    assert outcome.state in expected


def test_a_list_of_errors_without_any_says_nothing_and_the_message_is_read() -> None:
    body = json.dumps({"status": "invalid event", "message": "Event object is invalid", "errors": []})

    outcome = read_answer(preset_of("pagerduty").answer, response(400, body))

    assert outcome.detail == "the endpoint answered 400; which is final: Event object is invalid"


def test_a_secret_that_an_error_repeats_is_masked() -> None:
    body = json.dumps({"status": "invalid event", "errors": ["no such key: 0123456789abcdef0123456789abcdef"]})

    outcome = read_answer(preset_of("pagerduty").answer, response(400, body), ["0123456789abcdef0123456789abcdef"])

    assert "0123456789" not in f"{outcome.detail}{outcome.answer}"
    assert "no such key" in outcome.detail


def test_an_id_that_repeats_a_secret_is_masked() -> None:
    body = json.dumps({"status": "success", "dedup_key": "of 0123456789abcdef0123456789abcdef"})

    outcome = read_answer(preset_of("pagerduty").answer, response(202, body), ["0123456789abcdef0123456789abcdef"])

    assert (outcome.state, outcome.remote_id) == ("delivered", "of ********************")


def test_a_good_answer_that_was_cut_is_good() -> None:
    outcome = read_answer(preset_of("pagerduty").answer, response(202, '{"status": "succ', truncated=True))

    assert outcome.state is State.DELIVERED


def test_a_web_page_is_no_service_s_word() -> None:
    outcome = read_answer(preset_of("ntfy").answer, response(502, "<html><body>Bad gateway</body></html>"))

    assert outcome.detail == "the endpoint answered 502"


def test_a_long_wait_is_bounded() -> None:
    outcome = read_answer(preset_of("ntfy").answer, response(429, "{}", {"Retry-After": "9999999"}))

    assert outcome.retry_after == MAX_RETRY_AFTER
