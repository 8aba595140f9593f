"""What Slack's Web API answers, and what a delivery makes of it."""

import json

import pytest

from tocsin.notifications.slack_bot import told_by_slack
from tocsin.outbound import Response


def response(status: int, body: object, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, headers, content, False, 1.0, "127.0.0.1")


def refusal(word: str) -> dict[str, object]:
    return {"ok": False, "error": word}


@pytest.mark.parametrize(
    "word",
    [
        *("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"),
        *("channel_not_found", "not_in_channel", "is_archived", "restricted_action", "no_permission"),
        *("msg_too_long", "msg_blocks_too_long", "invalid_blocks", "no_text", "too_many_attachments"),
        "a_word_that_slack_has_from_tomorrow_on",
    ],
)
def test_what_slack_refuses_is_final_and_disables_nothing(word: str) -> None:
    outcome = told_by_slack(response(200, refusal(word)))

    assert (outcome.state, outcome.reason, outcome.disables) == ("failed", f"slack_{word}", False)
    assert word in outcome.detail


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("token_revoked", "give the transport another bot token"),
        ("missing_scope", "the app needs the scope chat:write"),
        ("not_in_channel", "invite the app to the channel"),
    ],
)
def test_what_a_person_can_mend_is_said(word: str, hint: str) -> None:
    assert told_by_slack(response(200, refusal(word))).detail.endswith(f"{word}; {hint}")


@pytest.mark.parametrize(
    ("status", "body", "headers", "reason", "asked"),
    [
        (429, refusal("ratelimited"), {"Retry-After": "30"}, "slack_ratelimited", 30),
        (200, refusal("ratelimited"), {"Retry-After": "30"}, "slack_ratelimited", 30),
        (200, refusal("rate_limited"), {}, "slack_rate_limited", None),
        (200, refusal("internal_error"), {}, "slack_internal_error", None),
        (200, refusal("fatal_error"), {}, "slack_fatal_error", None),
        (503, refusal("service_unavailable"), {}, "slack_service_unavailable", None),
        (200, refusal("request_timeout"), {}, "slack_request_timeout", None),
        (502, b"<html>Bad gateway</html>", {}, "http_502", None),
    ],
)
def test_what_time_heals_is_tried_again(
    status: int, body: object, headers: dict[str, str], reason: str, asked: float | None
) -> None:
    outcome = told_by_slack(response(status, body, **headers))

    assert (outcome.state, outcome.reason, outcome.retry_after) == ("retrying", reason, asked)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"ok", "error_in_answer"),
        (b"[]", "error_in_answer"),
        ({"ok": False}, "error_in_answer"),
        ({"ok": False, "error": {"a": 1}}, "error_in_answer"),
        (refusal("Transport disabled!"), "error_in_answer"),
    ],
)
def test_what_is_no_answer_of_slacks_is_a_failure_with_a_reason_of_ours(body: object, reason: str) -> None:
    outcome = told_by_slack(response(200, body))

    assert (outcome.state, outcome.reason) == ("failed", reason)


def test_what_slack_took_has_its_ts_and_is_not_repeated() -> None:
    outcome = told_by_slack(response(200, {"ok": True, "ts": "1503435956.000247", "message": {"text": "secret"}}))

    assert (outcome.state, outcome.remote_id, outcome.answer) == ("delivered", "1503435956.000247", None)
