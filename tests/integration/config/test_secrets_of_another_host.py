"""A webhook that moves to another host, over HTTP: its secrets do not move with it."""

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tocsin.config.secret_store import SecretStore
from tocsin.config.store import ConfigurationStore
from tocsin.notifications.signing import new_secret

HOOK = {"mode": "webhook", "url": "http://127.0.0.1:9/hook"}
MOVED = HOOK | {"url": "http://127.0.0.2:9/hook"}


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


def signing(stack: Stack) -> tuple[str, ...]:
    _, configuration = ConfigurationStore(stack.dynamodb, "config").current(fresh=True)
    return SecretStore(stack.dynamodb, "config").of(configuration.transports_by_name["hook"]).signing


def test_a_masked_secret_is_refused_by_name(api: Api, stack: Stack) -> None:
    secret = new_secret()
    api("PUT", "/transports/hook", HOOK | {"secret": secret})
    shown = api("GET", "/transports/hook").body

    alone = api("PUT", "/transports/hook", shown | {"url": MOVED["url"]})
    whole = api("PUT", "/blueprint", {"transports": [shown_of(shown) | {"url": MOVED["url"]}]})

    assert (alone.status, whole.status) == (422, 422)
    assert [error["path"] for error in alone.body["errors"]] == ["secret"]
    assert [error["path"] for error in whole.body["errors"]] == ["transports[0].secret"]
    assert secret not in alone.text + whole.text
    assert signing(stack) == (secret,)


def test_a_secret_that_is_left_out_is_made_anew_and_shown_once(api: Api, stack: Stack) -> None:
    secret = new_secret()
    api("PUT", "/transports/hook", HOOK | {"secret": secret})

    moved = api("PUT", "/transports/hook", MOVED)
    back = api("PUT", "/blueprint", {"transports": [HOOK | {"name": "hook"}]})

    assert moved.body["secret"].startswith("whsec_")
    assert moved.body["secret"] != secret
    (made,) = back.body["created"]["secrets"]
    assert made["secret"] not in {secret, moved.body["secret"]}
    assert signing(stack) == (made["secret"],)


def test_a_stored_secret_that_no_host_has_any_more_is_deleted(api: Api, stack: Stack) -> None:
    api("PUT", "/transports/hook", HOOK | {"secret": new_secret()})
    api("PUT", "/transports/hook", HOOK | {"secret": new_secret()})

    moved = api("PUT", "/transports/hook", MOVED)

    stored = [item for item in stack.items("config") if item["pk"]["S"] == "secret"]
    assert len(stored) == 1
    assert moved.body["secret"] in str(stored)


def shown_of(shown: dict[str, object]) -> dict[str, object]:
    """A transport as a blueprint has it: without what only the answer of the transport itself says."""
    return {name: value for name, value in shown.items() if name != "secrets_version"}
