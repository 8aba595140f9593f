"""A receiver's credentials as it gets them: headers with secret values, and URLs that are secrets."""

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.api_calls import Api
from tests.integration.delivery_world import World

MAPPING = "{'x-api-key': event.user.username, 'X-Who': event.user.username}"


def delivered(world: World) -> dict[str, str]:
    """The one attempt at telling by the transport `hook`."""
    message = world.message()
    world.send(message)
    world.pump(world.worker())
    (attempt,) = world.delivery(message)["attempts"]
    return {key: str(value) for key, value in attempt.items()}


@pytest.fixture
def url(world: World, sinks: Sinks) -> str:
    """The URL of a webhook that is saved over HTTP, with a token in its path."""
    url = f"{sinks.url}/webhook/in-SECRETVAL9"
    api = Api.of(world.stack)
    api("PUT", "/mappings/who", {"expression": MAPPING})
    hook = {"mode": "webhook", "url": url, "headers": {"X-Api-Key": "SECRETVAL8"}, "headers_mapping": "who"}
    assert api("PUT", "/transports/hook", hook).status == 201
    return url


@pytest.mark.usefixtures("url")
def test_an_endpoint_gets_the_headers_and_the_whole_url(world: World, sinks: Sinks) -> None:
    attempt = delivered(world)

    (received,) = sinks.received()
    assert attempt["reason"] == "http_200"
    assert received.path == "/webhook/in-SECRETVAL9"
    assert received.headers["x-api-key"] == "SECRETVAL8"
    assert received.headers["x-who"] == "mallory"
    assert received.headers["webhook-signature"].startswith("v1,")


def test_an_endpoint_that_repeats_them_has_them_masked(world: World, sinks: Sinks, url: str) -> None:
    answer = f"no access for SECRETVAL8 at {url}"
    sinks.misbehave(Misbehaviour("/webhook/in-SECRETVAL9", status=403, body=answer))

    attempt = delivered(world)

    assert attempt["reason"] == "http_403"
    assert "no access for" in attempt["answer"]
    assert "SECRETVAL" not in str(attempt)
