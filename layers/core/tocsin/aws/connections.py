"""The connections of a WebSocket API: what is sent to them, and that they end."""

from __future__ import annotations

from typing import Any

from tocsin.aws.errors import as_unavailable


class Connections:
    """Connections by their ids. Methods raise Gone for one that is closed, Unavailable where it does not take it."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - no types of this service are installed
        self._client = client

    def send(self, connection_id: str, data: bytes) -> None:
        """Send a text message."""
        with as_unavailable("sending to a connection"):
            self._client.post_to_connection(ConnectionId=connection_id, Data=data)

    def close(self, connection_id: str) -> None:
        """End the connection."""
        with as_unavailable("closing a connection"):
            self._client.delete_connection(ConnectionId=connection_id)
