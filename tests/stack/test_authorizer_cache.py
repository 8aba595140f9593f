"""What a key may do does not leak from one route to another through API Gateway's memory of the authorizer's answers.

The local stack runs without that memory; here it is switched on, as it is deployed to AWS, and off again.
"""

import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from local.api import TocsinApi
from local.stack import LocalStack
from local.waiting import until
from tests.stack.probes.stage import client
from tests.token_issuer import Issuer

REMEMBERED_S = 60
EVENT = {"action": "probe"}


@pytest.fixture(scope="module")
def remembered(stack: LocalStack) -> Iterator[None]:
    """The API remembers the authorizer's answer to an Authorization header for a minute."""
    gateway = client(stack, "apigatewayv2")
    api_id = stack.deployed.outputs["HttpApiId"]
    (authorizer,) = gateway.get_authorizers(ApiId=api_id)["Items"]
    place = {"ApiId": api_id, "AuthorizerId": authorizer["AuthorizerId"]}
    gateway.update_authorizer(
        **place, AuthorizerResultTtlInSeconds=REMEMBERED_S, IdentitySource=["$request.header.Authorization"]
    )
    yield
    gateway.update_authorizer(**place, AuthorizerResultTtlInSeconds=0, IdentitySource=[])
    assert gateway.get_authorizer(**place)["AuthorizerResultTtlInSeconds"] == 0


@pytest.fixture
def new_key(stack: LocalStack, api: TocsinApi, remembered: None) -> Callable[..., TocsinApi]:
    """Makes a key with those scopes, of which nothing is remembered yet, and gives the API asked with it."""

    def make(*scopes: str, name: str = "") -> TocsinApi:
        key = {"name": name or f"remembered-{uuid4()}", "scopes": list(scopes)}
        answer = api.ask("POST", "/keys", json=key)
        assert answer.status_code == 201, answer.text
        return stack.api(answer.json()["key"])

    return make


def identified(stack: LocalStack) -> int:
    """How often the authorizer ran: its log has a REPORT of each invocation."""
    group = f"/aws/lambda/{stack.deployed.stack_name}-authorizer"
    pages = stack.aws.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return sum(event["message"].startswith("REPORT") for page in pages for event in page["events"])


def test_a_route_that_was_allowed_first_opens_no_other(new_key: Callable[..., TocsinApi]) -> None:
    writer = new_key("events:write")

    statuses = [
        writer.ask("POST", "/events", json=EVENT).status_code,
        writer.ask("GET", "/events").status_code,
        writer.ask("GET", "/blueprint").status_code,
        writer.ask("PUT", "/blueprint", json={}).status_code,
        writer.ask("POST", "/events", json=EVENT).status_code,
    ]

    assert statuses == [201, 403, 403, 403, 201]


def test_a_route_that_was_refused_first_closes_no_other(new_key: Callable[..., TocsinApi]) -> None:
    reader = new_key("events:read")

    statuses = [
        reader.ask("POST", "/events", json=EVENT).status_code,
        reader.ask("GET", "/events").status_code,
        reader.ask("PUT", "/blueprint", json={}).status_code,
        reader.ask("GET", "/events/actions").status_code,
    ]

    assert statuses == [403, 200, 403, 200]


def test_one_key_is_not_taken_for_another(new_key: Callable[..., TocsinApi]) -> None:
    writer, reader = new_key("events:write"), new_key("events:read")

    posted = [asking.ask("POST", "/events", json=EVENT).status_code for asking in (writer, reader, writer)]
    read = [asking.ask("GET", "/events").status_code for asking in (writer, reader, writer)]

    assert (posted, read) == ([201, 403, 201], [403, 200, 403])


def test_what_is_remembered_is_not_asked_for_again(stack: LocalStack, new_key: Callable[..., TocsinApi]) -> None:
    writer = new_key("events:write")
    writer.ask("POST", "/events", json=EVENT)
    before = until(lambda: identified(stack), 120, of="an invocation of the authorizer in its log")

    statuses = [writer.ask("POST", "/events", json=EVENT).status_code for _ in range(5)]
    statuses.append(writer.ask("GET", "/events").status_code)

    assert statuses == [201] * 5 + [403]
    assert identified(stack) == before


def test_a_deleted_key_lives_on_while_it_is_remembered_and_a_new_header_is_looked_up(
    api: TocsinApi, new_key: Callable[..., TocsinApi]
) -> None:
    names = [f"deleted-{uuid4()}" for _ in range(2)]
    known, unknown = (new_key("events:write", name=name) for name in names)
    known.ask("POST", "/events", json=EVENT)

    deleted = [api.ask("DELETE", f"/keys/{name}").status_code for name in names]

    assert deleted == [200, 200]
    assert known.ask("POST", "/events", json=EVENT).status_code == 201
    assert unknown.ask("POST", "/events", json=EVENT).status_code == 401


def test_a_token_ends_at_its_second_although_it_is_remembered(
    stack: LocalStack, issuer: Issuer, remembered: None
) -> None:
    stack.api(issuer.token(groups=["auditors"])).ask("GET", "/events")  # what starts, starts before the time is short
    ends = int(time.time()) + 5
    grace = stack.api(issuer.token(preferred_username="grace", groups=["auditors"], exp=ends))
    assert grace.ask("GET", "/events").status_code == 200
    before = until(lambda: identified(stack), 120, of="an invocation of the authorizer in its log")

    until(lambda: grace.ask("GET", "/events").status_code == 401, 120, of="a refusal")

    assert grace.ask("GET", "/events").json()["detail"] == "this access token has expired"
    assert time.time() >= ends
    assert identified(stack) == before


def test_a_request_without_a_key_is_refused_by_the_gateway_itself(stack: LocalStack, remembered: None) -> None:
    before = identified(stack)

    asking = stack.api("none")
    del asking.session.headers["Authorization"]
    answer = asking.ask("GET", "/events")

    assert answer.status_code == 401
    assert identified(stack) == before
