"""The log's lines with all their facts."""

import logging
from typing import Any

import pytest

_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


def said_since(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines with a code that were written since the last time, with all facts, `message` and `level` among them."""
    found = [
        {"level": line.levelname, "message": line.getMessage()}
        | {name: value for name, value in vars(line).items() if name not in _PLAIN}
        for line in caplog.records
        if hasattr(line, "code")
    ]
    caplog.clear()
    return found
