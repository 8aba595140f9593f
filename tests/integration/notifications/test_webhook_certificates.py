"""A transport's own CA and client certificate, from the API that takes them to an endpoint that asks for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.delivery_world import World
from tests.unit.outbound.test_post import OK, Server, answering, serving
from tests.unit.outbound.test_tls import Issued, issue, over_tls
from tocsin.models import as_json


@pytest.fixture(scope="module")
def authority() -> Issued:
    """Who vouches for the endpoint."""
    return issue("Customer authority", authority=True)


@pytest.fixture(scope="module")
def clients() -> Issued:
    """Whose certificates the endpoint takes."""
    return issue("Client authority", authority=True)


@pytest.fixture(scope="module")
def client(clients: Issued) -> Issued:
    return issue("tocsin.example.com", by=clients)


@pytest.fixture
def endpoint(authority: Issued, clients: Issued, tmp_path: Path) -> Iterator[Server]:
    """An HTTPS server on 127.0.0.1 that nobody public vouches for, and that asks who is there."""
    identity = issue("127.0.0.1", by=authority)
    with serving(over_tls(identity, answering(OK), tmp_path, clients=clients.pem)) as server:
        yield server


def url(server: Server, path: str = "hook") -> str:
    return f"https://127.0.0.1:{server.port}/{path}"


def saved(world: World, name: str, **entry: Any) -> None:
    """Save a transport as somebody does who has the certificates at hand."""
    answer = Api.of(world.stack)("PUT", f"/transports/{name}", entry)
    assert answer.status == 201, answer.text


def identity_of(who: Issued) -> dict[str, str]:
    """The fields of a transport that shows who it is."""
    return {"client_certificate": who.pem, "client_key": who.key_pem()}


def delivered(world: World, name: str, mode: str = "webhook") -> tuple[str, dict[str, Any]]:
    """The state of a new delivery by that transport, and its only attempt."""
    message = world.message(name, mode)
    world.send(message)
    world.pump(world.worker(mode), mode)
    delivery = world.delivery(message)
    (attempt,) = delivery["attempts"]
    return delivery["state"], attempt


def test_an_endpoint_that_asks_for_a_certificate_is_shown_the_transports_own(
    world: World, endpoint: Server, authority: Issued, client: Issued
) -> None:
    saved(world, "hook", mode="webhook", url=url(endpoint), ca=authority.pem, **identity_of(client))

    state, attempt = delivered(world, "hook")

    assert (state, attempt["reason"]) == ("delivered", "http_200")
    assert endpoint.requests[0].startswith(b"POST /hook HTTP/1.1")
    assert b"webhook-signature" in endpoint.requests[0]


def test_without_a_client_certificate_such_an_endpoint_takes_nothing(
    world: World, endpoint: Server, authority: Issued
) -> None:
    saved(world, "hook", mode="webhook", url=url(endpoint), ca=authority.pem)

    state, attempt = delivered(world, "hook")

    assert (state, attempt["reason"]) == ("retrying", "tls")
    assert endpoint.requests == []


def test_a_client_certificate_of_somebody_else_is_not_taken(world: World, endpoint: Server, authority: Issued) -> None:
    stranger = issue("stranger.example.com", by=issue("Stranger authority", authority=True))
    saved(world, "hook", mode="webhook", url=url(endpoint), ca=authority.pem, **identity_of(stranger))

    state, attempt = delivered(world, "hook")

    assert (state, attempt["reason"]) == ("retrying", "tls")
    assert endpoint.requests == []


def test_without_its_ca_an_endpoint_is_not_trusted(world: World, endpoint: Server, client: Issued) -> None:
    saved(world, "hook", mode="webhook", url=url(endpoint), **identity_of(client))

    state, attempt = delivered(world, "hook")

    assert (state, attempt["reason"]) == ("retrying", "tls")
    assert "certificate that does not hold" in attempt["detail"]


def test_a_client_key_is_nowhere_but_among_the_secrets(
    world: World, endpoint: Server, authority: Issued, client: Issued
) -> None:
    saved(world, "hook", mode="webhook", url=url(endpoint), ca=authority.pem, **identity_of(client))
    delivered(world, "hook")

    _, configuration = world.configuration.current(fresh=True)
    transport = configuration.transports_by_name["hook"]
    shown = Api.of(world.stack)("GET", "/transports/hook").text
    secret = client.key_pem().splitlines()[1]
    assert secret not in str(as_json(transport))
    assert secret not in shown
    assert secret not in str(world.all())


def test_a_chat_services_own_ca_is_trusted_too(world: World, authority: Issued, tmp_path: Path) -> None:
    with serving(over_tls(issue("127.0.0.1", by=authority), answering(OK), tmp_path)) as server:
        saved(world, "chat", mode="webhook_slack", url=url(server, "slack"), ca=authority.pem)

        state, attempt = delivered(world, "chat", "webhook_slack")

    assert (state, attempt["reason"]) == ("delivered", "http_200")
    assert server.requests[0].startswith(b"POST /slack HTTP/1.1")


def test_without_it_a_chat_service_is_not_trusted(world: World, authority: Issued, tmp_path: Path) -> None:
    with serving(over_tls(issue("127.0.0.1", by=authority), answering(OK), tmp_path)) as server:
        saved(world, "chat", mode="webhook_slack", url=url(server, "slack"))

        state, attempt = delivered(world, "chat", "webhook_slack")

    assert (state, attempt["reason"]) == ("retrying", "tls")
    assert server.requests == []
