"""Access tokens that are refused, issuers that can't be reached, and failures that count."""

import base64
import json
import logging
from types import ModuleType
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, raising, throttled
from tests.integration.identity.token_holders import ADDRESS, identify
from tests.token_issuer import DISCOVERY, Issuer, signing_key
from tocsin.aws import clients
from tocsin.aws.environment import MissingSetting
from tocsin.aws.logging import Code
from tocsin.errors import Unavailable
from tocsin.identity import throttle as attempts
from tocsin.identity.principal import Scope

# ── refusals ─────────────────────────────────────────────────────────────────


def test_a_refused_token_is_a_401_with_its_reason_and_is_not_in_the_log(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    token = issuer.token(exp=1)

    facts = identify(stack, authorizer, token)
    answer = api("GET", "/events", facts=facts)

    assert answer.status == 401
    assert answer.body["type"] == "urn:tocsin:problem:unauthenticated"
    assert answer.body["detail"] == "this access token has expired"
    written = "".join(capfd.readouterr())
    assert not [part for part in token.split(".") if part in written or part in answer.text]


def test_no_fetch_and_no_read_is_made_for_a_token_that_no_signature_would_save(
    stack: Stack, issuer: Issuer, authorizer: ModuleType
) -> None:
    _, claims, signature = issuer.token().split(".")
    extended = base64.urlsafe_b64encode(b'{"alg": "RS256", "kid": "RS256-1", "crit": ["exp"]}').decode().rstrip("=")
    hopeless = (
        issuer.token(iss="https://evil.example.com"),
        "eyJhbGciOiJub25lIn0.e30.",
        f"{extended}.{claims}.{signature}",
    )

    with failing(raising(AssertionError("a table was read"))):
        for token in hopeless:
            assert "error" in identify(stack, authorizer, token)

    assert issuer.asked == []


def test_a_token_that_ends_within_the_gateways_memory_is_refused_by_the_function(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = identify(stack, authorizer, issuer.token())
    assert api("GET", "/events", facts=facts).status == 200

    monkeypatch.setattr("tocsin.identity.principal.time.time", lambda: int(facts["expires"]))

    answer = api("GET", "/events", facts=facts)
    assert (answer.status, answer.body["detail"]) == (401, "this access token has expired")


def test_without_an_issuer_a_token_is_an_unknown_key(stack: Stack, issuer: Issuer) -> None:
    token = issuer.token(groups=["x" * 20])[:500]

    assert identify(stack, stack.function("authorizer"), token) == {"error": "this API key is not known"}
    assert issuer.asked == []


def test_a_token_that_is_longer_than_a_header_may_be_is_refused(
    stack: Stack, issuer: Issuer, authorizer: ModuleType
) -> None:
    token = issuer.token(groups=["x" * 8_192])

    assert identify(stack, authorizer, token) == {
        "error": "the Authorization header must be `Bearer` and an API key or an access token"
    }


@pytest.mark.parametrize(("more", "error"), [(0, "this access token can't be read"), (1, "must be `Bearer`")])
def test_a_token_has_8192_characters_at_most(stack: Stack, authorizer: ModuleType, more: int, error: str) -> None:
    token = f"eyJ.{'x' * (8_192 - len('eyJ..') + more)}."

    assert error in identify(stack, authorizer, token)["error"]


def test_an_issuer_without_an_audience_takes_no_token(
    stack: Stack, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDC_ISSUER", issuer.url)

    with pytest.raises(MissingSetting, match="OIDC_AUDIENCE"):
        identify(stack, stack.function("authorizer"), issuer.token())


def test_keys_work_beside_tokens(stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api) -> None:
    key = api("PUT", "/keys/shop", {"scopes": ["events:write"]}).body["key"]
    issuer.stop()

    assert identify(stack, authorizer, key)["key_name"] == "shop"
    assert set(identify(stack, authorizer, stack.admin_key)["scopes"].split()) == set(Scope)


# ── where the issuer or the table is down ────────────────────────────────────


def test_where_the_issuers_keys_can_not_be_had_nobody_is_refused_for_it(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    """An error is answered 500 by API Gateway, and not remembered as a refusal is."""
    issuer.answers[DISCOVERY] = 503

    with pytest.raises(Unavailable):
        identify(stack, authorizer, issuer.token())

    codes = [getattr(record, "code", None) for record in caplog.records]
    assert Code.ISSUER_KEYS_UNREAD in codes
    assert Code.KEY_REFUSED not in codes


@pytest.mark.usefixtures("still")
def test_an_outage_of_the_issuer_throttles_nobody(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    issuer.answers[DISCOVERY] = 503
    for _ in range(attempts.ALLOWED + 5):
        with pytest.raises(Unavailable):
            identify(stack, authorizer, issuer.token())

    key = api("PUT", "/keys/shop", {"scopes": ["events:write"]}).body["key"]

    assert identify(stack, authorizer, key)["key_name"] == "shop"


def test_where_the_table_can_not_be_read_nobody_is_refused_for_it(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    with failing(throttled(), "GetItem"), pytest.raises(Unavailable):
        identify(stack, authorizer, issuer.token())

    assert identify(stack, authorizer, issuer.token())["user"] == "alice"


def test_all_that_is_read_for_a_token_is_given_up_within_the_gateways_time(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    with failing(lambda _: None, client=clients.dynamodb(clients.HURRIED)) as calls:
        identify(stack, authorizer, issuer.token())

    assert calls == ["GetItem"] * 2  # the user, and what groups may


def fail(stack: Stack, issuer: Issuer, authorizer: ModuleType, times: int) -> list[dict[str, Any]]:
    logging.disable(logging.CRITICAL)
    try:
        forged = issuer.token("EdDSA-1", key=signing_key("EdDSA", 1))
        return [identify(stack, authorizer, forged) for _ in range(times)]
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("still")
def test_forged_tokens_are_throttled(stack: Stack, issuer: Issuer, authorizer: ModuleType) -> None:
    answers = fail(stack, issuer, authorizer, attempts.ALLOWED + 1)

    assert "retry_after" not in answers[attempts.ALLOWED - 1]
    assert "retry_after" in answers[-1]


@pytest.mark.usefixtures("still")
def test_a_good_token_is_taken_from_a_throttled_address(
    stack: Stack, issuer: Issuer, authorizer: ModuleType, api: Api
) -> None:
    token = issuer.token()

    fail(stack, issuer, authorizer, attempts.ALLOWED + 1)

    assert identify(stack, authorizer, token)["user"] == "alice"


@pytest.mark.usefixtures("still")
def test_forged_tokens_are_an_event_without_the_token(stack: Stack, issuer: Issuer, authorizer: ModuleType) -> None:
    fail(stack, issuer, authorizer, attempts.TOLD_AT[0])

    (event,) = stack.events()
    assert (event["action"], event["client_ip"]) == ("suspicious_request", ADDRESS)
    assert event["context"]["failures"] == attempts.TOLD_AT[0]
    assert "eyJ" not in json.dumps(event)
