"""Keys over their lives: made, used, rotated, expired, revoked; and guessed."""

import json
import logging
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from local.corrections.late_reads import LateReads
from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import Stack
from tests.integration.handler_calls import Answer, Client, request
from tocsin.errors import Unavailable
from tocsin.http.request import Request
from tocsin.identity import throttle as attempts
from tocsin.identity.api_keys import hash_secret
from tocsin.identity.principal import Scope, authorize

ADDRESS = "203.0.113.9"


@pytest.fixture
def authorizer(stack: Stack) -> ModuleType:
    return stack.function("authorizer")


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


def identify(stack: Stack, authorizer: ModuleType, key: str | None, address: str = ADDRESS) -> dict[str, Any]:
    event = request_event("GET", "/events", None, {} if key is None else {"authorization": f"Bearer {key}"}, None, {})
    event["requestContext"]["http"]["sourceIp"] = address
    answer = authorizer.handler(event, stack.context)
    assert answer["isAuthorized"] is True
    facts: dict[str, Any] = answer["context"]
    return facts


def made(api: Api, **fields: Any) -> str:
    key: str = api("PUT", "/keys/shop", {"scopes": ["events:write"]} | fields).body["key"]
    return key


def test_a_revoked_key_is_refused_at_once(stack: Stack, api: Api, authorizer: ModuleType) -> None:
    key = made(api)
    assert identify(stack, authorizer, key)["key_name"] == "shop"

    api("DELETE", "/keys/shop")

    assert identify(stack, authorizer, key) == {"error": "this API key is not known"}


def test_an_expired_key_is_refused(stack: Stack, api: Api, authorizer: ModuleType) -> None:
    key = made(api)
    api("PUT", "/keys/shop", {"scopes": ["events:write"], "expires": "2020-01-01T00:00:00Z"})

    assert identify(stack, authorizer, key) == {"error": "this API key has expired"}


def test_the_log_names_the_key_that_expired_and_none_that_was_guessed(
    stack: Stack, api: Api, authorizer: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fault: whose events were refused was told by an address alone."""
    key = made(api)
    api("PUT", "/keys/shop", {"scopes": ["events:write"], "expires": "2020-01-01T00:00:00Z"})
    capsys.readouterr()

    identify(stack, authorizer, key)
    identify(stack, authorizer, key[:-4] + "xxxx")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "KEY_REFUSED" in line]
    assert [line.get("key_name") for line in lines] == ["shop", None]


def test_a_key_that_expires_within_the_gateways_memory_is_refused_by_the_function() -> None:
    ends = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp())
    facts = {"key_id": "1", "scopes": "events:read", "expires": str(ends)}

    with pytest.raises(Exception, match="has expired"):
        authorize(Request.parse(request_event("GET", "/events", None, {}, None, facts)), Scope.EVENTS_READ)


@pytest.mark.parametrize("expires", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2999-01-01T00:00:00"])
def test_an_end_that_no_clock_shows_is_refused(api: Api, expires: str) -> None:
    answer = api("PUT", "/keys/shop", {"scopes": ["events:write"], "expires": expires})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == "expires"


def test_a_key_over_http_is_held_to_what_a_blueprint_is_held_to(api: Api) -> None:
    answer = api("PUT", "/keys/shop", {"scopes": ["events:write"] * 11})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == "scopes"


def test_both_secrets_are_taken_while_a_rotation_overlaps(stack: Stack, api: Api, authorizer: ModuleType) -> None:
    old = made(api)

    answer = api("POST", "/keys/shop/rotate", {"overlap": "hours=1"})

    new = answer.body["key"]
    assert new != old
    assert identify(stack, authorizer, new)["expires"] == ""
    until = datetime.fromtimestamp(int(identify(stack, authorizer, old)["expires"]), UTC)
    assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(hours=1)
    assert answer.body["old_secret_until"] is not None


def test_what_is_known_of_a_request_says_by_which_secret_it_came(
    stack: Stack, api: Api, authorizer: ModuleType
) -> None:
    first = made(api)
    second = api("POST", "/keys/shop/rotate", {"overlap": "hours=1"}).body["key"]

    hashes = [identify(stack, authorizer, key)["secret_hash"] for key in (first, second, stack.admin_key)]

    assert hashes == [hash_secret(secret) for secret in (first.split("_", 2)[2], second.split("_", 2)[2], "a" * 48)]


def test_only_the_last_secret_is_taken_beside_the_new_one(stack: Stack, api: Api, authorizer: ModuleType) -> None:
    first = made(api)
    api("POST", "/keys/shop/rotate", {})

    api("POST", "/keys/shop/rotate", {})

    assert "error" in identify(stack, authorizer, first)


def test_a_rotation_without_overlap_ends_the_old_secret(stack: Stack, api: Api, authorizer: ModuleType) -> None:
    old = made(api)

    new = api("POST", "/keys/shop/rotate", {"overlap": "none"}).body["key"]

    assert "error" in identify(stack, authorizer, old)
    assert identify(stack, authorizer, new)["key_name"] == "shop"


@pytest.mark.parametrize("overlap", ["days=31", "soon", "", 5])
def test_an_overlap_that_is_none_is_refused(api: Api, overlap: Any) -> None:
    made(api)

    answer = api("POST", "/keys/shop/rotate", {"overlap": overlap})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == "overlap"


def test_a_rotation_is_an_event_without_the_secret(stack: Stack, api: Api) -> None:
    made(api)

    key = api("POST", "/keys/shop/rotate", {}).body["key"]

    (event,) = [event for event in stack.events() if event["action"] == "secret_rotate"]
    assert event["context"]["message"] == "ops rotated the secret of key shop"
    assert key.split("_", 2)[2] not in str(event)


def test_a_secret_that_is_shown_is_an_event(stack: Stack, api: Api) -> None:
    made(api)

    assert {event["action"] for event in stack.events()} == {"model_created", "secret_view"}


def test_a_key_is_made_by_post_as_well_but_not_twice(api: Api) -> None:
    first = api("POST", "/keys", {"name": "shop", "scopes": ["events:write"]})
    second = api("POST", "/keys", {"name": "shop", "scopes": ["events:write"]})

    assert (first.status, first.headers["location"]) == (201, "/keys/shop")
    assert first.body["key"].startswith("tocsin_")
    assert second.status == 409


def test_a_secret_is_not_shown_again(api: Api) -> None:
    secret = made(api).rpartition("_")[2]

    later = api("GET", "/keys/shop").text + api("GET", "/keys").text + api("GET", "/blueprint").text

    assert secret not in later
    assert "hash" not in later


def test_a_blueprint_keeps_expiry_and_a_running_overlap(stack: Stack, api: Api, authorizer: ModuleType) -> None:
    old = made(api, expires="2999-01-01T00:00:00Z")
    api("POST", "/keys/shop/rotate", {})
    blueprint = api("GET", "/blueprint").body
    blueprint["keys"][0]["scopes"] = ["events:read"]

    answer = api("PUT", "/blueprint", blueprint)

    assert answer.status == 200, answer.text
    assert api("GET", "/keys/shop").body["expires"] == "2999-01-01T00:00:00Z"
    assert identify(stack, authorizer, old)["scopes"] == "events:read"


def test_the_key_that_asks_does_not_revoke_itself(stack: Stack, api: Api) -> None:
    made(api)
    key_id = api("GET", "/keys/shop").body["id"]

    answer = Api.of(stack, key_id=key_id)("DELETE", "/keys/shop")

    assert answer.status == 409


def test_the_last_use_is_shown_by_the_hour(stack: Stack, api: Api, authorizer: ModuleType) -> None:
    key = made(api)
    before = api("GET", "/keys/shop")

    identify(stack, authorizer, key)

    shown = api("GET", "/keys/shop")
    assert before.body["last_used"] is None
    assert shown.body["last_used"].endswith(":00Z")
    assert shown.etag == before.etag


def test_a_use_is_written_once_an_hour(
    stack: Stack, api: Api, authorizer: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(api)
    written: list[str] = []
    monkeypatch.setattr(authorizer.authenticator._people, "note_use", lambda key_id, hour: written.append(hour))

    for _ in range(5):
        identify(stack, authorizer, key)

    assert len(set(written)) == len(written) <= 2  # two where the hour ends meanwhile


def test_a_use_that_can_not_be_written_is_logged_and_does_not_refuse_the_request(
    stack: Stack, api: Api, authorizer: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = made(api)

    def fails(key_id: str, hour: str) -> None:
        raise Unavailable("throttled")

    monkeypatch.setattr(authorizer.authenticator._people, "note_use", fails)

    facts = identify(stack, authorizer, key)

    assert facts["key_name"] == "shop"
    (line,) = [record for record in caplog.records if vars(record).get("code") == "KEY_USE_UNRECORDED"]
    assert (line.levelname, line.getMessage(), vars(line)["key_id"]) == ("WARNING", "throttled", facts["key_id"])


def guess(stack: Stack, authorizer: ModuleType, times: int, address: str = ADDRESS) -> list[dict[str, Any]]:
    logging.disable(logging.CRITICAL)
    try:
        return [identify(stack, authorizer, f"tocsin_{n:016x}_{'x' * 43}", address) for n in range(times)]
    finally:
        logging.disable(logging.NOTSET)


def asked_from(stack: Stack, address: str, facts: dict[str, Any]) -> Answer:
    """The API's answer to a request from `address` with an authorizer's facts, its own or of API Gateway's memory."""
    event = request("GET", "/events", content_type=None, key=facts)
    event["requestContext"]["http"]["sourceIp"] = address
    return Client(stack, "api").send(event)


@pytest.mark.usefixtures("still")
def test_an_address_that_fails_too_often_is_throttled(stack: Stack, authorizer: ModuleType) -> None:
    answers = guess(stack, authorizer, attempts.ALLOWED + 1)

    assert "retry_after" not in answers[attempts.ALLOWED - 1]
    assert int(answers[-1]["retry_after"]) >= 1
    answer = asked_from(stack, ADDRESS, answers[-1])
    assert (answer.status, answer.body["type"]) == (429, "urn:tocsin:problem:too-many-attempts")
    assert answer.headers["retry-after"] == answers[-1]["retry_after"]


@pytest.mark.usefixtures("still")
def test_what_is_remembered_of_a_throttled_address_throttles_no_other(stack: Stack, authorizer: ModuleType) -> None:
    """API Gateway remembers an answer for a key, and shows it to all addresses that send this key."""
    answers = guess(stack, authorizer, attempts.ALLOWED + 1)

    elsewhere = asked_from(stack, "203.0.113.10", answers[-1])

    assert elsewhere.status == 401
    assert "not known" in elsewhere.body["detail"]
    assert asked_from(stack, f"::ffff:{ADDRESS}", answers[-1]).status == 429


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("used_before", [True, False])
def test_whoever_shares_the_address_with_an_attacker_is_let_in(
    stack: Stack, api: Api, authorizer: ModuleType, used_before: bool
) -> None:
    key = made(api)
    if used_before:
        identify(stack, authorizer, key)

    guess(stack, authorizer, attempts.ALLOWED + 5)

    assert identify(stack, authorizer, key)["key_name"] == "shop"
    assert "error" not in identify(stack, authorizer, stack.admin_key)


def test_a_key_that_is_used_at_once_is_known_although_reads_are_late(
    stack: Stack, api: Api, authorizer: ModuleType, late_reads: LateReads
) -> None:
    """A miss would be remembered by API Gateway for a minute."""
    key = made(api)

    assert identify(stack, authorizer, key)["key_name"] == "shop"


@pytest.mark.usefixtures("still")
def test_guessing_is_an_event_now_and_then_whoever_counts(stack: Stack, authorizer: ModuleType) -> None:
    guess(stack, authorizer, 25)
    guess(stack, stack.function("authorizer"), 25)

    (event,) = stack.events()
    assert (event["action"], event["client_ip"]) == ("suspicious_request", ADDRESS)
    assert event["context"]["failures"] == 10


@pytest.mark.usefixtures("still")
def test_events_of_many_addresses_are_bounded(stack: Stack, authorizer: ModuleType) -> None:
    for number in range(attempts.MAX_TOLD + 5):
        guess(stack, authorizer, attempts.TOLD_AT[0], f"203.0.113.{number}")

    assert len(stack.events()) == attempts.MAX_TOLD


def test_a_request_without_any_key_is_no_guess(stack: Stack, authorizer: ModuleType) -> None:
    for _ in range(20):
        identify(stack, authorizer, None)

    assert stack.events() == []


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("not an address", "not an address"),
    ],
)
def test_an_ipv6_caller_is_its_network(address: str, network: str) -> None:
    assert attempts.network_of(address) == network
