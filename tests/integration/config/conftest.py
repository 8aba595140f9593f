"""The API of one test's stack, as an administrator; empty, or with an entry of each kind."""

from datetime import timedelta

import pytest

from tests.integration.api_calls import Api
from tests.integration.config.entries import ENTRIES
from tests.integration.conftest import Stack
from tests.integration.handler_calls import Client


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


@pytest.fixture
def client(stack: Stack) -> Client:
    """The api function asked with the headers and queries that a test gives."""
    return Client(stack, "api")


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions remember no configuration, so that the same edit makes the same calls however long they take."""
    for module in ("store", "group_scopes"):
        monkeypatch.setattr(f"tocsin.config.{module}.REFRESH", timedelta(0))


@pytest.fixture
def configured(api: Api) -> Api:
    for path, entry in ENTRIES.items():
        assert api("PUT", path, entry).status == 201, path
    api("PUT", "/groups/oncall/members/alice")
    return api
