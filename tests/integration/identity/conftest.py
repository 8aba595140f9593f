"""An issuer of access tokens, and a stack that takes them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.identity.token_holders import SETTINGS
from tests.token_issuer import AUDIENCE, Issuer, issuing
from tocsin.identity import throttle as attempts


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as up:
        yield up


@pytest.fixture
def authorizer(stack: Stack, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("OIDC_ISSUER", issuer.url)
    monkeypatch.setenv("OIDC_AUDIENCE", f"{AUDIENCE}, console")
    return stack.function("authorizer")


@pytest.fixture
def api(stack: Stack) -> Api:
    """The API, by an administrator's key; alice and bob are users, ivy is an inactive one."""
    up = Api.of(stack)
    assert up("PUT", "/settings", SETTINGS).status == 200
    for username in ("alice", "bob"):
        up("PUT", f"/users/{username}", {"email": f"{username}@example.com"})
    up("PUT", "/users/ivy", {"active": False})
    return up


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock whose windows do not end while a test runs."""
    monkeypatch.setattr(attempts, "_number", lambda now, length: 1)
    monkeypatch.setattr(attempts, "WINDOW", timedelta(seconds=datetime.now(UTC).timestamp()))
