"""WebSockets on moto: connections that record what they are sent, and can be gone or take nothing."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from moto.apigatewaymanagementapi.models import ApiGatewayManagementApiBackend
from moto.core.exceptions import JsonRESTError

from tests.integration.conftest import Stack


class _Refused(JsonRESTError):
    def __init__(self, code: int, word: str) -> None:
        super().__init__(word, word)
        self.code = code


@dataclass
class Sockets:
    """What API Gateway has of connections."""

    stack: Stack
    module: ModuleType
    messages: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    closed: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)

    def _event(self, kind: str, connection: str, **more: Any) -> int:
        about = {"eventType": kind, "connectionId": connection, "routeKey": "$default", "apiId": "live1"}
        answer = self.module.handler({"requestContext": about} | more, self.stack.context)
        return int(answer["statusCode"])

    def connect(self, ticket: str | None, connection: str = "c1") -> int:
        query = None if ticket is None else {"ticket": ticket}
        return self._event("CONNECT", connection, queryStringParameters=query)

    def say(self, message: Any, connection: str = "c1") -> int:
        return self._event("MESSAGE", connection, body=message if isinstance(message, str) else json.dumps(message))

    def disconnect(self, connection: str = "c1") -> int:
        return self._event("DISCONNECT", connection)

    def end_unauthorised(self) -> int:
        return int(self.module.handler({"source": "aws.events"}, self.stack.context)["ended"])

    def received(self, connection: str = "c1") -> list[Any]:
        """What it was sent since it was last asked for."""
        return self.messages.pop(connection, [])


@pytest.fixture
def sockets(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Sockets:
    made = Sockets(stack, stack.function("websocket"))

    def post(_: object, data: bytes, connection_id: str) -> None:
        if connection_id in made.gone:
            raise _Refused(410, "GoneException")
        if connection_id in made.stuck:
            raise _Refused(429, "LimitExceededException")
        made.messages[connection_id].append(json.loads(data))

    def delete(_: object, connection_id: str) -> None:
        if connection_id in made.gone:
            raise _Refused(410, "GoneException")
        made.closed.append(connection_id)

    monkeypatch.setattr(ApiGatewayManagementApiBackend, "post_to_connection", post)
    monkeypatch.setattr(ApiGatewayManagementApiBackend, "delete_connection", delete)
    return made
