"""The log of one test's stack."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.events.filled_log import Log


@pytest.fixture
def log(stack: Any) -> Iterator["Log"]:
    yield Log(stack)
