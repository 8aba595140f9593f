"""The connections of a WebSocket API: what is sent to them, and that they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tocsin.aws.errors import Disconnected, as_unavailable
from tocsin.aws.retry import retry

_TRIES = 3


class Connections:
    """Connections by their ids. Methods raise Gone for one that is closed, Unavailable where it does not take it."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - no types of this service are installed
        self._client = client

    def send(self, connection_id: str, data: bytes) -> None:
        """Send a text message."""
        _at_once(
            "sending to a connection",
            lambda: self._client.post_to_connection(ConnectionId=connection_id, Data=data),
        )

    def close(self, connection_id: str) -> None:
        """End the connection."""
        _at_once("closing a connection", lambda: self._client.delete_connection(ConnectionId=connection_id))


def _at_once(what: str, call: Callable[[], object]) -> None:
    """Call, and again where the HTTP connection had ended: the client itself tries nothing again (clients.BRISK).

    There may be several such connections.
    """

    def called() -> None:
        with as_unavailable(what):
            call()

    retry(called, on=Disconnected, tries=_TRIES, first_pause=0.0)
