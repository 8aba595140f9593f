"""The errors that lines of functions' logs tell of."""

from datetime import UTC, datetime

import orjson
import pytest

from tocsin.status.log_errors import UNCODED, _error

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        "[ERROR] KeyError: 'a secret'\nTraceback (most recent call last)",
        orjson.dumps(
            {"level": "ERROR", "errorType": "KeyError", "message": "'a secret'", "stackTrace": ["a secret"]}
        ).decode(),
    ],
    ids=["text", "json"],
)
def test_of_what_the_runtime_wrote_nothing_is_repeated(line: str) -> None:
    error = _error("api", line, NOW)

    assert error is not None
    assert error.code == UNCODED
    assert "secret" not in error.message


def test_of_our_own_error_the_code_the_message_and_the_event_are_told() -> None:
    line = orjson.dumps({"level": "ERROR", "code": "RECORD_LEFT", "message": "sending failed", "event_id": "e1"})

    error = _error("matcher", line.decode(), NOW)

    assert error is not None
    assert (error.code, error.message, error.event_id) == ("RECORD_LEFT", "sending failed", "e1")
