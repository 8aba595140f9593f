"""The api function called as API Gateway calls it, by keys that are allowed what a test says."""

import json
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from tests.integration.conftest import Stack
from tests.integration.handler_calls import ALL_SCOPES, Answer


@dataclass
class Api:
    """The api function of one test's stack, kept warm."""

    stack: Stack
    module: ModuleType
    facts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stack: Stack, **facts: str) -> "Api":
        known = {"key_id": "0123456789abcdef", "key_name": "ops", "scopes": ALL_SCOPES}
        return cls(stack, stack.function("api"), known | facts)

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        facts: dict[str, str] | None = None,
    ) -> Answer:
        raw = body if isinstance(body, str) else None if body is None else json.dumps(body)
        given = {"content-type": "application/json"} if raw is not None else {}
        event = request_event(method, path, raw, given | (headers or {}), query, self.facts if facts is None else facts)
        answer = self.module.handler(event, self.stack.context)
        return Answer(answer["statusCode"], {k.lower(): v for k, v in answer["headers"].items()}, answer["body"] or "")


def request_event(
    method: str,
    path: str,
    body: str | None,
    headers: dict[str, str],
    query: dict[str, str] | None,
    facts: dict[str, str],
) -> dict[str, Any]:
    """A request as an HTTP API hands it over, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in (query or {}).items()),
        "headers": headers,
        "queryStringParameters": query or {},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.7", "protocol": "HTTP/1.1", "userAgent": "t"},
            "requestId": "test-request",
            "stage": "$default",
            "authorizer": {"lambda": facts},
        },
        "body": body,
        "isBase64Encoded": False,
    }
