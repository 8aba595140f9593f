"""Whoever an access token is shown for, by the authorizer."""

from types import ModuleType
from typing import Any

from tests.integration.api_calls import request_event
from tests.integration.conftest import Stack

ADDRESS = "203.0.113.9"
SETTINGS = {"group_scopes": [{"group": "oncall", "scopes": ["events:read"]}]}


def identify(stack: Stack, authorizer: ModuleType, token: str, address: str = ADDRESS) -> dict[str, Any]:
    event = request_event("GET", "/events", None, {"authorization": f"Bearer {token}"}, None, {})
    event["requestContext"]["http"]["sourceIp"] = address
    answer = authorizer.handler(event, stack.context)
    assert answer["isAuthorized"] is True
    facts: dict[str, Any] = answer["context"]
    return facts
