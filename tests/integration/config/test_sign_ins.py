"""Tickets that sign in: each gives one person a key, once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.identity.test_key_lifecycle import identify
from tocsin.config.lock import ConfigurationLock
from tocsin.config.resources import Keys, sign_ins
from tocsin.errors import Unavailable
from tocsin.identity.principal import Scope


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


def made(api: Api, **fields: Any) -> str:
    key: str = api("PUT", "/keys/desk", {"scopes": ["events:read"]} | fields).body["key"]
    return key


def ticket(api: Api, **given: str) -> str:
    answer = api("POST", "/keys/desk/ticket", given)
    assert answer.status == 201, answer.text
    text: str = answer.body["ticket"]
    return text


def sign_in(api: Api, brought: str) -> Any:
    """The answer to whoever brings a ticket, and no key."""
    return api("POST", "/sign-in", {"ticket": brought}, facts={})


def test_a_ticket_gives_the_key_once_and_ends_the_secret_that_was_known_before(stack: Stack, api: Api) -> None:
    before, authorizer = made(api), stack.function("authorizer")
    brought = ticket(api)
    assert identify(stack, authorizer, before)["key_name"] == "desk"

    first, second = sign_in(api, brought), sign_in(api, brought)

    assert (first.status, second.status) == (200, 404)
    assert first.body["name"] == "desk"
    assert identify(stack, authorizer, first.body["key"])["scopes"] == "events:read"
    assert "error" in identify(stack, authorizer, before)
    assert "key" not in second.body


def test_who_signed_in_by_whose_ticket_is_in_the_log(stack: Stack, api: Api) -> None:
    made(api)

    sign_in(api, ticket(api))

    rotations = [event for event in stack.events() if event["action"] == "secret_rotate"]
    assert [event["context"]["by"] for event in rotations] == ["ops"]


def test_nothing_that_a_table_keeps_signs_in(stack: Stack, api: Api) -> None:
    made(api)

    brought = ticket(api)

    assert brought not in str(stack.items("deliveries") + stack.items("config"))


@pytest.mark.parametrize(
    ("lasts", "within", "after"), [({}, 4, 6), ({"lasts": "minutes=30"}, 29, 31)], ids=["by default", "as asked"]
)
def test_a_ticket_is_taken_for_as_long_as_it_lasts(
    api: Api, frozen: Any, lasts: dict[str, str], within: int, after: int
) -> None:
    made(api)
    early, late = ticket(api, **lasts), ticket(api, **lasts)

    frozen(minutes=within)
    assert sign_in(api, early).status == 200
    frozen(minutes=after)
    assert sign_in(api, late).status == 404


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has sign-ins look at the clock as it will be in so many minutes."""

    def forward(*, minutes: int) -> None:
        later = datetime.now(UTC) + timedelta(minutes=minutes)
        monkeypatch.setattr(sign_ins, "utc_now", lambda: later)

    return forward


@pytest.mark.parametrize("lasts", ["hours=2", "", "minutes=-1"])
def test_a_ticket_lasts_an_hour_at_most(api: Api, lasts: str) -> None:
    made(api)

    answer = api("POST", "/keys/desk/ticket", {"lasts": lasts})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == "lasts"


def test_a_ticket_of_a_key_that_was_made_anew_is_refused(api: Api) -> None:
    made(api)
    brought = ticket(api)
    api("DELETE", "/keys/desk")
    made(api, scopes=[*Scope])

    assert sign_in(api, brought).status == 404


def test_a_ticket_of_a_key_that_has_expired_is_refused(api: Api) -> None:
    made(api)
    brought = ticket(api)
    api("PUT", "/keys/desk", {"scopes": ["events:read"], "expires": "2020-01-01T00:00:00Z"})

    assert sign_in(api, brought).status == 404


def test_a_ticket_whose_key_could_not_be_given_is_still_good(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made(api)
    brought = ticket(api)

    def busy(*_: object) -> None:
        raise Unavailable("somebody else is changing the configuration")

    with monkeypatch.context() as patch:
        patch.setattr(Keys, "rotate", busy)
        assert sign_in(api, brought).status == 503

    assert sign_in(api, brought).status == 200


def test_a_ticket_is_still_good_when_somebody_else_was_changing_the_configuration(
    stack: Stack, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 409 said to try again soon, and the ticket was gone."""
    made(api)
    brought = ticket(api)
    monkeypatch.setattr("tocsin.config.resources.editor._WAITS", 1)
    lock = ConfigurationLock(stack.dynamodb, "config")
    held = lock.take("a blueprint", now=datetime.now(UTC))

    while_it_is_applied = sign_in(api, brought)
    lock.release(held, forget=True)
    afterwards = sign_in(api, brought)

    assert (while_it_is_applied.status, afterwards.status) == (409, 200)


@pytest.mark.parametrize("body", [{}, {"ticket": 1}, {"ticket": "x", "more": 1}])
def test_what_is_no_claim_is_refused_by_name(api: Api, body: dict[str, Any]) -> None:
    answer = api("POST", "/sign-in", body, facts={})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] in {"ticket", "more"}


def test_a_ticket_takes_the_right_to_make_keys(stack: Stack, api: Api) -> None:
    made(api)
    reader = Api.of(stack, scopes="config:read events:read notifications")

    assert reader("POST", "/keys/desk/ticket").status == 403
    assert api("POST", "/keys/nobody/ticket").status == 404
