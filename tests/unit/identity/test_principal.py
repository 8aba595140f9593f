"""Who sent a request, and what they may do, by the facts that the authorizer gave."""

import time

import pytest

from tocsin.errors import Forbidden, TooManyFailedSignIns, Unauthenticated
from tocsin.http.request import Request
from tocsin.identity.principal import Principal, Scope, authenticate, authorize

ADDRESS = "203.0.113.9"
KEY = {"key_id": "0011223344556677", "key_name": "billing", "scopes": "events:write events:read"}


def request(facts: dict[str, str]) -> Request:
    return Request("GET", "/events", {}, {}, b"", ADDRESS, "1", facts)


def test_all_that_is_known_of_a_key_is_the_principals() -> None:
    ends = int(time.time()) + 60
    facts = KEY | {"user": "alice", "events_per_minute": "60", "expires": str(ends), "secret_hash": "ab"}

    assert authenticate(request(facts)) == Principal(
        "0011223344556677",
        "billing",
        frozenset({"events:write", "events:read"}),
        user="alice",
        events_per_minute=60,
        expires=ends,
        secret_hash="ab",
    )


def test_blanks_are_what_is_not_known() -> None:
    facts = KEY | {"user": "", "person": "", "events_per_minute": "", "expires": ""}

    known = authenticate(request(facts))

    assert known == Principal("0011223344556677", "billing", frozenset({"events:write", "events:read"}))


def test_whoever_is_known_by_an_id_alone_may_nothing() -> None:
    assert authenticate(request({"key_id": "0011223344556677"})) == Principal(
        "0011223344556677", "0011223344556677", frozenset()
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, "this needs the scope config:read; key 'billing' has events:read, events:write"),
        ({"scopes": ""}, "this needs the scope config:read; key 'billing' has none"),
        (
            {"key_id": "oidc-1"},
            "this needs the scope config:read; access token 'billing' has events:read, events:write",
        ),
    ],
    ids=["a key", "a key without scopes", "a token"],
)
def test_whoever_lacks_a_scope_is_told_which_and_what_they_have(facts: dict[str, str], said: str) -> None:
    with pytest.raises(Forbidden) as refused:
        authorize(request(KEY | facts), Scope.CONFIG_READ)

    assert refused.value.detail == said


@pytest.mark.parametrize(
    ("key_id", "said"), [("0011", "this API key has expired"), ("oidc-1", "this access token has expired")]
)
def test_what_has_expired_is_called_by_its_name(key_id: str, said: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        authenticate(request(KEY | {"key_id": key_id, "expires": str(int(time.time()))}))

    assert refused.value.detail == said


def test_nobody_is_told_why_or_else_what_to_send() -> None:
    said = []
    for facts in ({"error": "this API key is not known"}, {}):
        with pytest.raises(Unauthenticated) as refused:
            authenticate(request(facts))
        said.append(refused.value.detail)

    assert said == ["this API key is not known", "send an API key in the header `Authorization: Bearer …`"]


def test_an_address_that_fails_too_often_is_told_how_long_to_wait() -> None:
    with pytest.raises(TooManyFailedSignIns, match="too many unknown keys") as refused:
        authenticate(request({"error": "not known", "retry_after": "7", "throttled": ADDRESS}))

    assert refused.value.retry_after == 7
