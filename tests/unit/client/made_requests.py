"""HTTP requests as WSGI, ASGI and Lambda give them."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Request as AiohttpRequest
from multidict import CIMultiDict
from starlette.requests import Request as StarletteRequest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest

from tocsin_client.http_request import Reading

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


class Transport:
    """An open connection, as far as asyncio says who opened it."""

    def get_extra_info(self, name: str) -> object:
        return ("10.0.0.9", 4711) if name == "peername" else None


def aiohttp_request(
    transport: Transport | None = None, headers: Iterable[tuple[str, str]] = FORWARDED.items()
) -> AiohttpRequest:
    """A request of aiohttp; without a transport, one whose client has hung up."""
    request = make_mocked_request(
        "POST", "/login?next=/a&token=t", CIMultiDict(headers), transport=transport or Transport()
    )
    request.protocol.transport = transport
    return request


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
    "another framework over ASGI": SimpleNamespace(scope=scope()),
    "another framework over WSGI": SimpleNamespace(environ=environ(**FORWARDED)),
    "aiohttp": aiohttp_request(Transport()),
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
