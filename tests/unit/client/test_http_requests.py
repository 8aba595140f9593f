"""What events say of HTTP requests, of each kind that there is."""

from typing import Any

import pytest
from flask import Flask
from flask import request as flask_request
from hypothesis import given
from hypothesis import strategies as st
from starlette.authentication import SimpleUser, UnauthenticatedUser
from starlette.requests import Request as StarletteRequest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest

from tocsin_client import Event
from tocsin_client.client_ip import address, client_ip, gateway_client_ip
from tocsin_client.http_request import Reading, id_of, parsed, read
from tocsin_client.users import as_user

READING = Reading(1, ("X-Request-ID", "X-Amzn-Trace-Id"))


def environ(path: str = "/login", query: str = "next=/a&token=t", **headers: str) -> dict[str, Any]:
    builder = EnvironBuilder(path=path, query_string=query, method="POST", headers=headers)
    return builder.get_environ() | {"REMOTE_ADDR": "10.0.0.9"}


FORWARDED = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7", "User-Agent": "curl/8", "X-Request-ID": "r-1"}


def scope(path: str = "/login", query: bytes = b"next=/a&token=t", **more: Any) -> dict[str, Any]:
    headers = [(name.lower().encode(), value.encode()) for name, value in FORWARDED.items()]
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": query,
        "headers": headers,
        "client": ("10.0.0.9", 4711),
    } | more


# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
PAYLOAD_2 = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/login",
    "rawQueryString": "next=/a&token=t",
    "headers": {"x-forwarded-for": "198.51.100.1, 203.0.113.7, 10.0.0.9", "user-agent": "curl/8"},
    "requestContext": {
        "http": {"method": "POST", "path": "/login", "sourceIp": "10.0.0.9", "userAgent": "curl/8"},
        "requestId": "r-1",
    },
}
PAYLOAD_1 = {
    "version": "1.0",
    "resource": "/{proxy+}",
    "path": "/login",
    "httpMethod": "POST",
    "headers": {"X-Forwarded-For": "198.51.100.1, 203.0.113.7, 10.0.0.9", "User-Agent": "curl/8"},
    "queryStringParameters": {"next": "/a", "token": "t"},
    "multiValueQueryStringParameters": {"next": ["/a"], "token": ["t"]},
    "requestContext": {"identity": {"sourceIp": "10.0.0.9", "userAgent": "curl/8"}, "requestId": "r-1"},
}
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
BALANCED = {
    "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…"}},
    "httpMethod": "POST",
    "path": "/login",
    "queryStringParameters": {"next": "%2Fa", "token": "t"},
    "headers": {
        "x-forwarded-for": "198.51.100.1, 203.0.113.7, 10.0.0.9",
        "user-agent": "curl/8",
        "x-request-id": "r-1",
    },
}

REQUESTS = {
    "WSGI": environ(**FORWARDED),
    "werkzeug": WerkzeugRequest(environ(**FORWARDED)),
    "ASGI": scope(),
    "starlette": StarletteRequest(scope()),
    "API Gateway, payload 2.0": PAYLOAD_2,
    "API Gateway, payload 1.0": PAYLOAD_1,
    "load balancer": BALANCED,
    "load balancer, several values": {
        **BALANCED,
        "headers": None,
        "multiValueHeaders": {name: [value] for name, value in BALANCED["headers"].items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": {"next": ["%2Fa"], "token": ["t"]},
    },
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_of_each_kind_says_the_same(request_):
    event = Event.new("login").from_http(request_, trusted_proxies=1)

    assert event.context["http_request"] == {
        "path": "/login",
        "method": "POST",
        "args": {"next": "/a", "token": "t"},
        "user_agent": "curl/8",
        "request_id": "r-1",
    }
    assert event.client_ip == "203.0.113.7"


def test_the_current_request_of_flask_is_one():
    app = Flask(__name__)

    with app.test_request_context("/päth?a=1", environ_base={"REMOTE_ADDR": "10.0.0.9"}):
        found = read(flask_request, READING)

    assert (found.path, found.args, found.client_ip) == ("/päth", {"a": "1"}, "10.0.0.9")


def test_a_path_is_text_below_where_the_application_is_mounted():
    mounted = environ() | {"SCRIPT_NAME": "/shop", "PATH_INFO": "/löß".encode().decode("latin-1")}

    assert read(mounted, READING).path == "/shop/löß"
    assert read(WerkzeugRequest(mounted), READING).path == "/shop/löß"


@pytest.mark.parametrize("other", [{}, {"requestContext": {}}, {"Records": []}, object(), None, "GET /"])
def test_what_is_no_request_is_said_to_be_none(other):
    with pytest.raises(TypeError):
        read(other, READING)


def test_an_event_of_something_that_is_no_request_says_the_rest(caplog):
    event = Event.new("login", reason="x").from_http(object())

    assert event.context == {"reason": "x"}


# Queries


@pytest.mark.parametrize(
    ("query", "args"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a=%C3%A9+%26", {"a": "é &"}),
        ("a=%FF", {"a": "�"}),
        ("a", {"a": ""}),
        ("&".join(f"k{n}=v" for n in range(1_000)), {f"k{n}": "v" for n in range(500)}),
    ],
)
def test_a_query_is_taken_apart(query, args):
    assert parsed(query) == args


@given(st.text())
def test_any_query_is_taken_apart(query):
    parsed(query)


@pytest.mark.parametrize(
    ("path", "query", "args"),
    [
        ("/api/v3/flows/executor/login/", "query=next%3D%252Fa%26b%3D1", {"next": "/a", "b": "1"}),
        ("/api/v3/flows/executor/login/", "query=", {"query": ""}),
        ("/api/v3/flows/executor/login/", "query=a%3D1&page=2", {"query": "a=1", "page": "2"}),
        ("/search", "query=a%3D1", {"query": "a=1"}),
    ],
)
def test_the_query_that_a_flow_wraps_is_unwrapped(path, query, args):
    event = Event.new("login").from_http(environ(path, query))

    assert event.context["http_request"]["args"] == args


# Addresses


@pytest.mark.parametrize(
    ("forwarded_for", "peer", "proxies", "expected"),
    [
        ("", "10.0.0.9", 0, "10.0.0.9"),
        ("203.0.113.7", "10.0.0.9", 0, "10.0.0.9"),
        ("203.0.113.7", "10.0.0.9", 1, "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "10.0.0.9", 1, "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "10.0.0.9", 2, "198.51.100.1"),
        ("203.0.113.7", "10.0.0.9", 2, "10.0.0.9"),
        ("", "10.0.0.9", 1, "10.0.0.9"),
        ("unknown", "10.0.0.9", 1, "255.255.255.255"),
        ("203.0.113.7:4711", "10.0.0.9", 1, "203.0.113.7"),
        ("[2001:db8::1]:4711", "10.0.0.9", 1, "2001:db8::1"),
        ("::ffff:203.0.113.7", "10.0.0.9", 1, "203.0.113.7"),
        ("", "fe80::1%eth0", 0, "fe80::1"),
        ("", "", 0, "255.255.255.255"),
        ("", None, 0, "255.255.255.255"),
        ("", "unix:", 0, "255.255.255.255"),
        (", ,", "10.0.0.9", 1, "255.255.255.255"),
    ],
)
def test_the_client_is_behind_as_many_proxies_as_are_trusted(forwarded_for, peer, proxies, expected):
    assert client_ip(forwarded_for, peer, proxies) == expected


def test_a_header_that_a_client_has_written_is_not_believed():
    forged = ", ".join(["127.0.0.1"] * 10_000)

    assert client_ip(f"{forged}, 203.0.113.7", "10.0.0.9", 1) == "203.0.113.7"


@pytest.mark.parametrize(
    ("forwarded_for", "peer", "proxies", "expected"),
    [
        ("203.0.113.7", "203.0.113.7", 0, "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7", 0, "203.0.113.7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7", 1, "198.51.100.1"),
        ("203.0.113.7, 130.176.1.2", "203.0.113.7", 0, "203.0.113.7"),  # edge-optimized: behind its own CloudFront
        ("203.0.113.7", None, 0, "203.0.113.7"),  # load balancer
        ("198.51.100.1, 203.0.113.7", None, 1, "198.51.100.1"),
        ("", None, 0, "255.255.255.255"),
        ("", "203.0.113.7", 0, "203.0.113.7"),
    ],
)
def test_a_gateway_of_aws_has_named_its_peer_itself(forwarded_for, peer, proxies, expected):
    assert gateway_client_ip(forwarded_for, peer, proxies) == expected


@given(st.text())
def test_any_text_is_an_address_or_none(text):
    address(text)


# Ids


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-Request-ID": "r-1", "X-Amzn-Trace-Id": "Root=1"}, "r-1"),
        ({"X-Amzn-Trace-Id": "Root=1"}, "Root=1"),
        ({"X-Request-ID": " r-1 "}, "r-1"),
        ({"X-Request-ID": "r" * 1_000}, "r" * 128),
        ({"X-Request-ID": ""}, None),
        ({}, None),
    ],
)
def test_a_requests_id_is_the_one_that_it_came_with(headers, expected):
    assert read(environ(**headers), READING).request_id == expected


def test_a_request_without_an_id_is_given_one():
    first, second = id_of(environ()), id_of(environ())

    assert len(first) == len(second) == 32
    assert first != second


# People


class DjangoLike:
    pk = 7
    email = "old@example.com"
    contact = "alice@example.com"
    is_anonymous = False

    def get_username(self):
        return "alice"

    @classmethod
    def get_email_field_name(cls):
        return "contact"


class FlaskLoginLike:
    is_authenticated = True
    is_anonymous = False
    name = "alice"

    def get_id(self):
        return "7"


class Inactive(FlaskLoginLike):
    is_authenticated = False


class Anonymous:
    is_anonymous = True
    pk = None
    username = ""


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (None, {}),
        ("", {}),
        ("alice", {"username": "alice"}),
        (DjangoLike(), {"pk": 7, "username": "alice", "email": "alice@example.com"}),
        (FlaskLoginLike(), {"pk": "7", "username": "alice"}),
        (Inactive(), {"pk": "7", "username": "alice"}),
        (Anonymous(), {"is_anonymous": True}),
        (SimpleUser("alice"), {"username": "alice"}),
        (UnauthenticatedUser(), {"is_anonymous": True}),
        ({"pk": 0, "username": "root"}, {"pk": 0, "username": "root"}),
        ({"id": 7, "name": "alice", "password": "x"}, {"pk": 7, "username": "alice"}),
        (
            {"sub": "8f", "cognito:username": "alice", "email": "a@example.com"},
            {"pk": "8f", "username": "alice", "email": "a@example.com"},
        ),
        ({"username": "alice", "is_anonymous": False}, {"username": "alice"}),
        ({}, {}),
    ],
)
def test_a_user_is_told_alike_of_whatever_framework(user, expected):
    assert as_user(user) == expected


def test_a_request_is_by_the_user_that_its_framework_has_found():
    assert Event.new("x").from_http(environ() | {"REMOTE_USER": "alice"}).user == {"username": "alice"}
    assert Event.new("x").from_http(scope(user=SimpleUser("alice"))).user == {"username": "alice"}
    assert Event.new("x").from_http(scope(user=UnauthenticatedUser())).user == {"is_anonymous": True}


def test_a_user_that_is_said_takes_precedence():
    event = Event.new("x").from_http(environ() | {"REMOTE_USER": "alice"}, {"username": "bob"})

    assert event.user == {"username": "bob"}


def test_a_request_by_nobody_leaves_the_user_that_was_set():
    assert Event.new("x").set_user("alice").from_http(environ()).user == {"username": "alice"}


@pytest.mark.parametrize(
    ("authorizer", "identity", "expected"),
    [
        ({"jwt": {"claims": {"sub": "8f", "username": "alice"}}}, {}, {"pk": "8f", "username": "alice"}),
        ({"claims": {"sub": "8f", "cognito:username": "alice"}}, {}, {"pk": "8f", "username": "alice"}),
        ({"iam": {"userArn": "arn:aws:iam::1:user/alice"}}, {}, {"username": "arn:aws:iam::1:user/alice"}),
        ({}, {"userArn": "arn:aws:iam::1:user/alice"}, {"username": "arn:aws:iam::1:user/alice"}),
        ({"principalId": "alice"}, {}, {"username": "alice"}),
        ({}, {}, {}),
        (None, None, {}),
    ],
)
def test_a_lambda_event_is_by_whoever_the_authorizer_has_found(authorizer, identity, expected):
    context = {"http": {"method": "GET"}, "authorizer": authorizer, "identity": identity}

    event = Event.new("x").from_http({"version": "2.0", "rawPath": "/", "requestContext": context})

    assert event.user == expected


def test_an_impersonator_is_the_user_and_acts_on_behalf_of_the_other():
    request = read(environ() | {"REMOTE_USER": "bob"}, READING)
    request.impersonator = {"pk": 1, "username": "admin"}

    event = Event.new("x").from_http(request)

    assert event.user == {"pk": 1, "username": "admin", "on_behalf_of": {"username": "bob"}}


@pytest.mark.parametrize(
    ("signed_in", "pending", "expected"),
    [
        (
            {"pk": 1, "username": "admin"},
            {"pk": 2, "username": "bob"},
            {"pk": 2, "username": "bob", "authenticated_as": {"pk": 1, "username": "admin"}},
        ),
        ({"pk": 1, "username": "admin"}, {"pk": 1, "username": "admin"}, {"pk": 1, "username": "admin"}),
        (
            {"pk": 1, "username": "admin"},
            {"username": "newcomer"},
            {"username": "newcomer", "authenticated_as": {"pk": 1, "username": "admin"}},
        ),
        (Anonymous(), {"pk": 2}, {"pk": 2, "authenticated_as": {"is_anonymous": True}}),
    ],
)
def test_a_user_who_is_pending_in_a_flow_is_told_with_who_is_signed_in(signed_in, pending, expected):
    request = read(environ(), READING)
    request.user, request.pending_user = signed_in, pending

    assert Event.new("x").from_http(request).user == expected


@pytest.mark.parametrize(
    ("brand", "expected"),
    [
        ("Example", "Example"),
        ({"name": "Example", "x": 1}, "Example"),
        ({"domain": "a.example"}, "a.example"),
        (type("Brand", (), {"domain": "a.example"})(), "a.example"),
        (None, None),
        ({}, None),
        (object(), None),
    ],
)
def test_a_brand_is_a_text(brand, expected):
    request = read(environ(), READING)
    request.brand = brand

    assert Event.new("x").from_http(request).brand == expected
