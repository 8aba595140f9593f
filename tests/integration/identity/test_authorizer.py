"""Who asks: API keys in the config table, the admin key in Secrets Manager."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import Client, failing, raising, throttled
from tocsin.aws import clients
from tocsin.errors import Unavailable
from tocsin.identity.api_keys import ADMIN_KEY_ID, ApiKey, bearer, hash_secret, new_key_id, new_secret
from tocsin.identity.authenticator import Authenticator, Refused
from tocsin.identity.directory import User
from tocsin.identity.principal import Scope
from tocsin.identity.store import PeopleStore
from tocsin.identity.throttle import FailedSignIns

ADDRESS = "203.0.113.9"

type Authorize = Callable[[str | None], dict[str, Any]]


@pytest.fixture
def authorize(stack: Stack, load: Callable[[str], dict[str, Any]]) -> Authorize:
    """The context that a warm authorizer gives for an Authorization header."""
    handler = stack.function("authorizer").handler

    def ask(authorization: str | None) -> dict[str, Any]:
        event = load("authorizer-no-key")
        if authorization is not None:
            event["headers"]["Authorization"] = authorization
        answer = handler(event, stack.context)
        assert answer["isAuthorized"] is True
        context: dict[str, Any] = answer["context"]
        return context

    return ask


def stored_key(stack: Stack, **fields: Any) -> str:
    """Store a key; what its holder sends after `Bearer `."""
    secret = new_secret()
    values: dict[str, Any] = {"name": "billing", "scopes": (Scope.EVENTS_WRITE, Scope.EVENTS_READ)} | fields
    key = ApiKey(id=new_key_id(), secret_hash=hash_secret(secret), **values)
    people = [] if key.user is None else [User(key.user)]
    PeopleStore(stack.dynamodb, "config").write(keys=[key], users=people)
    return bearer(key, secret)


def id_of(token: str) -> str:
    return token.removeprefix("tocsin_")[:16]


def secret_of(token: str) -> str:
    return token.removeprefix("tocsin_")[17:]


def with_other_secret(token: str) -> str:
    return token[:-1] + ("A" if token[-1] != "A" else "B")


# ── keys ─────────────────────────────────────────────────────────────────────


def test_a_key_is_known_by_name_and_scopes(stack: Stack, authorize: Authorize) -> None:
    token = stored_key(stack, user="alice", events_per_minute=60)

    facts = authorize(f"Bearer {token}")

    assert facts["key_id"] == id_of(token)
    assert {name: facts[name] for name in ("key_name", "scopes", "user", "events_per_minute")} == {
        "key_name": "billing",
        "scopes": "events:write events:read",
        "user": "alice",
        "events_per_minute": "60",
    }


@pytest.mark.parametrize(("left", "known"), [(timedelta(microseconds=1), True), (timedelta(0), False)])
def test_a_key_has_expired_at_the_moment_that_it_names(stack: Stack, left: timedelta, known: bool) -> None:
    ends = datetime(2026, 3, 1, 12, tzinfo=UTC)
    token = stored_key(stack, expires=ends)
    authenticator = Authenticator(
        PeopleStore(stack.dynamodb, "config"),
        clients.secretsmanager(),
        os.environ["ADMIN_KEY_SECRET"],
        FailedSignIns(lambda network, failures, at: None),
        clock=lambda: ends - left,
    )

    if known:
        assert authenticator.identify(f"Bearer {token}", ADDRESS)["key_id"] == id_of(token)
    else:
        with pytest.raises(Refused, match="has expired"):
            authenticator.identify(f"Bearer {token}", ADDRESS)


def test_a_key_of_nobody_in_particular_is_nobodys(stack: Stack, authorize: Authorize) -> None:
    facts = authorize(f"Bearer {stored_key(stack)}")

    assert (facts["user"], facts["events_per_minute"], facts["expires"]) == ("", "", "")


def test_the_facts_are_taken_by_the_functions(stack: Stack, authorize: Authorize) -> None:
    token = stored_key(stack)

    answer = Client(stack, "ingest").post({"action": "login"}, key=authorize(f"Bearer {token}"))

    assert answer.status == 201
    assert stack.events()[0]["app"] == "billing"


def test_the_facts_hold_text_alone(stack: Stack, authorize: Authorize) -> None:
    """API Gateway refuses an authorizer's answer whose context holds objects or lists."""
    facts = authorize(f"Bearer {stored_key(stack)}")

    assert {type(value) for value in facts.values()} == {str}


def test_a_secret_is_in_no_fact_and_in_no_table(stack: Stack, authorize: Authorize) -> None:
    token = stored_key(stack)

    facts = authorize(f"Bearer {token}")

    assert secret_of(token) not in str(facts)
    assert secret_of(token) not in str(stack.items("config"))


def test_the_scheme_is_taken_in_any_case(stack: Stack, authorize: Authorize, subtests: pytest.Subtests) -> None:
    token = stored_key(stack)

    for scheme in ("Bearer ", "bearer ", "BEARER  "):
        with subtests.test(scheme):
            assert "key_id" in authorize(f"{scheme}{token}")


def test_what_is_no_key_is_refused(stack: Stack, authorize: Authorize, subtests: pytest.Subtests) -> None:
    token = stored_key(stack)
    another = stored_key(stack, name="crm")
    cases = {
        "nothing": None,
        "an empty header": "",
        "a blank": " ",
        "the scheme alone": "Bearer",
        "the scheme and a blank": "Bearer ",
        "no scheme": token,
        "another scheme": f"Basic {token}",
        "a wrong secret": f"Bearer {with_other_secret(token)}",
        "another key's secret": f"Bearer {token[:24]}{secret_of(another)}",
        "an unknown id": f"Bearer tocsin_{'f' * 16}_{secret_of(token)}",
        "an id alone": f"Bearer {token[:23]}",
        "a key cut short": f"Bearer {token[:-1]}",
        "a key and more": f"Bearer {token}x",
        "two keys": f"Bearer {token} {token}",
        "a key in quotes": f'Bearer "{token}"',
        "other letters": "Bearer ключ",
        "half a surrogate pair": "Bearer \ud800",
        "very long": "Bearer " + "x" * 10_000,
        "the hash instead of the secret": f"Bearer {token[:24]}{hash_secret(secret_of(token))[:43]}",
    }
    for case, header in cases.items():
        with subtests.test(case):
            facts = authorize(header)

            assert "key_id" not in facts
            assert facts["error"]
            assert secret_of(token) not in facts["error"]


@pytest.mark.parametrize("header", [None, ""])
def test_whoever_sends_nothing_is_told_what_to_send(authorize: Authorize, header: str | None) -> None:
    assert authorize(header) == {"error": "send an API key in the header `Authorization: Bearer …`"}


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (f"Bearer {'x' * 512}", "this API key is not known"),
        (f"Bearer {'x' * 513}", "the Authorization header must be `Bearer` and an API key"),
        ("Basic x", "the Authorization header must be `Bearer` and an API key"),
        ("Bearer", "the Authorization header must be `Bearer` and an API key"),
        ("Bearer ключ", "the Authorization header must be `Bearer` and an API key"),
    ],
    ids=["an unknown key", "a longer one", "another scheme", "no key", "other letters"],
)
def test_what_has_another_form_is_told_from_what_is_unknown(authorize: Authorize, header: str, error: str) -> None:
    assert authorize(header) == {"error": error}


def test_unknown_and_wrong_are_told_alike(stack: Stack, authorize: Authorize) -> None:
    token = stored_key(stack)

    wrong = authorize(f"Bearer {with_other_secret(token)}")
    unknown = authorize(f"Bearer tocsin_{'f' * 16}_{secret_of(token)}")

    assert wrong == unknown == {"error": "this API key is not known"}


def test_a_refusal_is_a_401_of_the_functions(stack: Stack, authorize: Authorize) -> None:
    answer = Client(stack, "ingest").post({"action": "login"}, key=authorize("Bearer x"))

    assert answer.is_problem(401)
    assert answer.body["detail"] == "this API key is not known"


def test_a_key_that_is_gone_is_refused(stack: Stack, authorize: Authorize) -> None:
    token = stored_key(stack)
    assert "key_id" in authorize(f"Bearer {token}")

    PeopleStore(stack.dynamodb, "config").delete(key_ids=[id_of(token)])

    assert "key_id" not in authorize(f"Bearer {token}")


def test_where_keys_can_not_be_read_nobody_is_refused_for_it(stack: Stack, authorize: Authorize) -> None:
    """An error is answered 500 by API Gateway, and not remembered as a refusal is."""
    token = stored_key(stack)

    with failing(throttled(), "GetItem"), pytest.raises(Unavailable):
        authorize(f"Bearer {token}")

    assert "key_id" in authorize(f"Bearer {token}")


def test_a_stored_key_that_can_not_be_read_lets_nobody_in(stack: Stack, authorize: Authorize) -> None:
    token = stored_key(stack)
    (stored,) = [item for item in stack.items("config") if item["pk"]["S"] == "key"]
    stack.dynamodb.put_item(TableName="config", Item=stored | {"key": {"S": "[]"}})

    with pytest.raises(TypeError, match="no object"):
        authorize(f"Bearer {token}")


# ── the admin key ────────────────────────────────────────────────────────────


def rotate(stack: Stack, secret: str) -> None:
    (found,) = clients.secretsmanager().list_secrets()["SecretList"]
    clients.secretsmanager().put_secret_value(SecretId=found["ARN"], SecretString=secret)


def test_the_admin_key_has_all_scopes(stack: Stack, authorize: Authorize) -> None:
    facts = authorize(f"Bearer {stack.admin_key}")

    assert facts == {
        "key_id": ADMIN_KEY_ID,
        "key_name": ADMIN_KEY_ID,
        "scopes": " ".join(Scope),
        "user": "",
        "secret_hash": hash_secret(stack.admin_key),
    }


def test_the_admin_key_is_compared_in_constant_time(
    stack: Stack, authorize: Authorize, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr("tocsin.identity.authenticator.hmac.compare_digest", compare)

    facts = authorize(f"Bearer {stack.admin_key}")

    assert "key_id" not in facts
    assert compared == [(stack.admin_key.encode(), stack.admin_key.encode())]


def test_what_is_like_the_admin_key_is_refused(authorize: Authorize, subtests: pytest.Subtests) -> None:
    for token in ("a" * 47, "a" * 49, "A" * 48, "b" * 48):
        with subtests.test(token):
            assert authorize(f"Bearer {token}") == {"error": "this API key is not known"}


def test_the_admin_key_is_read_once_a_minute(stack: Stack, authorize: Authorize) -> None:
    with failing(lambda _: None, "GetSecretValue", service="secretsmanager") as calls:
        for _ in range(5):
            authorize(f"Bearer {stack.admin_key}")

    assert calls == ["GetSecretValue"]


@pytest.mark.parametrize("jump", [timedelta(seconds=61), timedelta(hours=9), timedelta(seconds=-5)])
def test_a_rotated_admin_key_holds_within_a_minute_and_when_the_clock_jumps(stack: Stack, jump: timedelta) -> None:
    """The fault: ages were by a clock that stands still while Lambda freezes the process."""
    now = datetime.now(UTC)
    authenticator = Authenticator(
        PeopleStore(stack.dynamodb, "config"),
        clients.secretsmanager(),
        os.environ["ADMIN_KEY_SECRET"],
        FailedSignIns(lambda network, failures, at: None),
        clock=lambda: now,
    )
    authenticator.identify(f"Bearer {stack.admin_key}", ADDRESS)
    rotate(stack, "n" * 48)
    authenticator.identify(f"Bearer {stack.admin_key}", ADDRESS)

    now += jump

    assert authenticator.identify(f"Bearer {'n' * 48}", ADDRESS)["key_id"] == ADMIN_KEY_ID
    with pytest.raises(Refused):
        authenticator.identify(f"Bearer {stack.admin_key}", ADDRESS)


def test_where_the_admin_key_can_not_be_read_nobody_is_refused_for_it(stack: Stack, authorize: Authorize) -> None:
    with (
        failing(throttled(), "GetSecretValue", service="secretsmanager"),
        pytest.raises(Unavailable),
    ):
        authorize(f"Bearer {stack.admin_key}")

    assert authorize(f"Bearer {stack.admin_key}")["key_id"] == ADMIN_KEY_ID


def test_a_key_of_the_table_does_not_need_the_admin_key(stack: Stack, authorize: Authorize) -> None:
    with failing(raising(AssertionError("Secrets Manager was asked")), service="secretsmanager"):
        assert "key_id" in authorize(f"Bearer {stored_key(stack)}")


# ── keys of people ───────────────────────────────────────────────────────────


def test_a_key_of_a_person_who_left_is_refused_and_taken_again_when_they_are_back(
    stack: Stack, authorize: Authorize
) -> None:
    token, people = stored_key(stack, user="alice"), PeopleStore(stack.dynamodb, "config")
    assert authorize(f"Bearer {token}")["user"] == "alice"

    people.write(users=[User("alice", active=False)])
    left = authorize(f"Bearer {token}")
    people.write(users=[User("alice")])

    assert left == {"error": "the user of this API key is not active"}
    assert authorize(f"Bearer {token}")["user"] == "alice"


def test_a_key_of_a_person_who_is_gone_is_refused_and_named_in_the_log(
    stack: Stack, authorize: Authorize, caplog: pytest.LogCaptureFixture
) -> None:
    token = stored_key(stack, user="alice")
    PeopleStore(stack.dynamodb, "config").delete(users=[User("alice")])

    assert authorize(f"Bearer {token}") == {"error": "the user of this API key is gone"}
    (line,) = [vars(record) for record in caplog.records if vars(record).get("code") == "KEY_REFUSED"]
    assert line["key_name"] == "billing"
