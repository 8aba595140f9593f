"""Sends messages to connections. Whoever pushes is never held up or failed by a connection that is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import orjson

from tocsin.aws.connections import Connections
from tocsin.aws.errors import Gone
from tocsin.aws.logging import Code, note
from tocsin.errors import Unavailable
from tocsin.live.store import LiveStore
from tocsin.times import utc_now
from tocsin.ttl_cache import TTLCache
from tocsin.types import JsonObject

_AT_ONCE = 16
_LEFT_ALONE = timedelta(seconds=30)
"""How long a connection that did not take a message is sent none."""


class Pusher:
    """Sends messages; what can't be sent is noted and dropped, for clients ask for what they missed."""

    def __init__(self, store: LiveStore, connections: Connections, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._connections = connections
        self._clock = clock
        self._slow: TTLCache[str, bool] = TTLCache(_LEFT_ALONE, clock=clock)

    def tell(self, username: str, message: JsonObject) -> None:
        """Send `message` to each connection that is told of the person's notifications."""
        try:
            ids = self._store.of_person(username, now=self._clock())
        except Unavailable as error:
            note(Code.PUSH_FAILED, error.detail, level=logging.WARNING, user=username)
            return
        if not ids:
            return
        data = orjson.dumps(message)
        with ThreadPoolExecutor(min(_AT_ONCE, len(ids))) as pool:
            list(pool.map(lambda id_: self.send(id_, data, username=username), ids))

    def send(self, connection_id: str, data: bytes, *, username: str | None = None) -> bool:
        """Send to one connection; whether it took the message. One that is gone, and was open, is forgotten."""
        if self._slow.get(connection_id) is not None:
            return False
        try:
            self._connections.send(connection_id, data)
        except Gone:
            self._forget(connection_id, username)
            return False
        except Unavailable as error:
            self._slow.put(connection_id, True)
            note(Code.PUSH_LEFT, error.detail, level=logging.WARNING, connection_id=connection_id)
            return False
        return True

    def _forget(self, connection_id: str, username: str | None) -> None:
        try:
            if username is None:
                self._store.forget(connection_id)
            else:
                self._store.forget_of_person(connection_id, username, now=self._clock())
        except Unavailable as error:
            note(Code.CONNECTION_KEPT, error.detail, level=logging.WARNING, connection_id=connection_id)
