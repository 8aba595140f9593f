"""The log of one test's stack."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.integration.events.filled_log import Log
from tocsin.events.search import reader
from tocsin.events.search.timeline import Budget

PATIENCE_S = 600


@pytest.fixture
def log(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Log:
    """The log, read within the deployed bounds but that of time: a busy machine may take long for a read."""
    counting = reader.counting_budget()
    monkeypatch.setattr(reader, "counting_budget", lambda: replace(counting, seconds=PATIENCE_S))
    monkeypatch.setattr(reader, "Budget", partial(Budget, seconds=PATIENCE_S))
    return Log(stack)
