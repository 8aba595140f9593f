"""What events say of HTTP requests, of each kind that there is."""

from types import SimpleNamespace

import pytest
from flask import Flask
from flask import request as flask_request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.wrappers import Request as WerkzeugRequest

from tests.unit.client.made_requests import BALANCED, READING, REQUESTS, Transport, aiohttp_request, environ
from tocsin_client import Event, faults
from tocsin_client.client_ip import address, client_ip, gateway_client_ip
from tocsin_client.http_request import Reading, id_of, parsed, read


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


def test_a_path_that_the_server_has_decoded_already_is_left_as_it_is():
    assert read(environ() | {"PATH_INFO": "/Łódź"}, READING).path == "/Łódź"


def test_a_request_of_aiohttp_whose_client_has_hung_up_has_no_address():
    assert read(aiohttp_request(), Reading(0, ())).client_ip == "255.255.255.255"


@pytest.mark.parametrize(("proxies", "expected"), [(0, "10.0.0.9"), (1, "203.0.113.7"), (2, "198.51.100.1")])
def test_proxies_of_an_aiohttp_application_may_give_a_header_each(proxies, expected):
    request = aiohttp_request(Transport(), (("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.7")))

    assert read(request, Reading(proxies, ())).client_ip == expected


@pytest.mark.filterwarnings("ignore::aiohttp.web.NotAppKeyWarning")
def test_a_request_of_aiohttp_has_the_id_and_the_user_that_middleware_has_found():
    request = aiohttp_request()
    request["request_id"], request["user"] = "own-1", {"username": "alice"}

    found = read(request, READING)

    assert (found.request_id, found.user) == ("own-1", {"username": "alice"})


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


@pytest.mark.parametrize("request_", [environ(), object()], ids=["without an id", "that can't be read"])
def test_a_request_without_an_id_is_given_one(request_):
    first, second = id_of(request_), id_of(request_)

    assert len(first) == len(second) == 32
    assert first != second


def test_a_request_that_can_not_be_read_is_in_the_log(monkeypatch, caplog):
    monkeypatch.setattr(faults, "_reported", {})

    id_of(object())

    (record,) = caplog.records
    assert record.getMessage() == "a request can't be read"
    assert str(record.exc_info[1]) == "a object is no HTTP request that is known here"


def test_the_id_of_a_frameworks_own_middleware_is_the_requests():
    made = SimpleNamespace(environ=environ(), request_id="own-1")

    assert read(made, READING).request_id == "own-1"


def test_parameters_that_a_load_balancer_hands_over_are_decoded_each():
    event = {
        **BALANCED,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": {"tag%5B%5D": ["a%20b", "c+d"], "page": ["2"]},
    }

    assert read(event, READING).args == {"tag[]": ["a b", "c d"], "page": "2"}


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
