"""API Gateway's WebSocket APIs: where what is sent to their connections goes.

On AWS a client of connections is given the address of its API. AWS_ENDPOINT_URL stands before that address, as before
every other, so that a connection's id is all that is left to find its API by.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

PATH = "/@connections/"

type App = Callable[[Any, Any, Any], Awaitable[None]]


class ConnectionsByTheirIds:
    """An ASGI application before the emulator's: hands `/@connections/<id>` on as a path of the connection's API."""

    def __init__(self, app: App, stage_of: Callable[[str], str | None]) -> None:
        """`stage_of` is `<api>/<stage>` of a connection, or of the one WebSocket API for an id that is not known."""
        self._app = app
        self._stage_of = stage_of

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        """Serve one connection of the server."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(PATH):
            stage = self._stage_of(path.removeprefix(PATH))
            if stage is not None:
                moved = f"/_aws/execute-api/{stage}{path}"
                scope = {**scope, "path": moved, "raw_path": moved.encode()}
        await self._app(scope, receive, send)
