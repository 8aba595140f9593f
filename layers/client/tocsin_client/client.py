"""The client: events to POST /events, each stored once."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from queue import Full
from random import SystemRandom
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from tocsin_client.buffer import Buffer, Event
from tocsin_client.session import Receipt, Refused, Session, Unreachable
from tocsin_client.values import json_safe, uuid7

if TYPE_CHECKING:
    from typing import Literal, Unpack

_MAX_EVENTS = 500
_MAX_BODY = 1 << 20  # bytes
_MAX_WAIT = 60.0  # seconds
_WINDOW = 30 * 86_400  # seconds
_MAX_REMEMBERED = 10_000
_log = logging.getLogger("tocsin_client")


class Fields(TypedDict, total=False):
    """What an event may say beside its action; None says nothing."""

    user: Mapping[str, object] | None
    context: Mapping[str, object] | None
    client_ip: str | None
    app: str | None
    brand: str | None
    expires: datetime | str | None
    retention: str | None
    expiring: bool | None
    id: str | UUID | None


class Client:
    """Sends events to the API at `url`, from any thread; `app` is theirs where they name none.

    Network errors, 408, 425, 429 and 5xx are tried again, `retries` times, after pauses that double from a quarter
    of a second to 8 s; Retry-After lengthens a pause, and ends the tries where it asks for more than 60 s.
    `timeout`: seconds, to connect and for each read. `emit` lets at most `queue_size` events wait; `on_lost` is
    told of each that is not stored, and why. `session`: another way to the API. ValueError for a URL that is
    neither https nor a loopback address's, and for a key that no header can carry.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        app: str | None = None,
        timeout: float = 5.0,
        retries: int = 4,
        queue_size: int = 10_000,
        when_full: Literal["drop", "raise"] = "drop",
        on_lost: Callable[[Event, Exception], object] = lambda event, reason: None,
        session: Session | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._session = session or Session(url, key, timeout=timeout)
        self._app = app
        self._retries = retries
        self._sleep = sleep
        self._when_full = when_full
        self._buffer = Buffer(self._drain, queue_size, on_lost)
        self._deprecations: dict[str, object] = {}

    @classmethod
    def from_environment(cls, **settings: Any) -> Client:  # noqa: ANN401 - those of Client
        """A client for TOCSIN_URL and TOCSIN_KEY. KeyError where one is missing."""
        return cls(os.environ["TOCSIN_URL"], os.environ["TOCSIN_KEY"], **settings)

    def send(self, action: str, **fields: Unpack[Fields]) -> Receipt:
        """Store one event; it is stored when this returns. Raises Refused or Unreachable."""
        (outcome,) = self.send_many([{**fields, "action": action}])
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    def send_many(self, events: Iterable[Mapping[str, object]]) -> list[Receipt | Refused]:
        """Store events (`action` and Fields); what became of each, in order. Raises Unreachable."""
        return self._deliver([self._prepared(event) for event in events])

    def emit(self, action: str, **fields: Unpack[Fields]) -> str | None:
        """Queue an event for the background thread; its id, or None where the queue is full and it was dropped.

        queue.Full instead where `when_full` is "raise". A Lambda function calls `flush` before it returns: between
        invocations its threads stand still.
        """
        event = self._prepared({**fields, "action": action})
        try:
            self._buffer.put(event)
        except Full as reason:
            if self._when_full == "raise":
                raise
            self._buffer.lose(event, reason)
            return None
        return str(event["id"])

    def log_deprecation(self, identifier: str, message: str, cause: str | None = None, **context: object) -> None:
        """Emit a configuration_warning, kept 30 days: one for an identifier and cause; a repeat writes nothing.

        The event's id is a digest of the two, at the start of a window of 30 days: so the API knows a repeat that
        comes from another process.
        """
        digest = hashlib.sha256(json.dumps(json_safe([identifier, cause])).encode()).digest()
        event_id = uuid7(int(time.time()) // _WINDOW * _WINDOW * 1000, digest[:10])
        mine, queued = object(), None
        if len(self._deprecations) > _MAX_REMEMBERED:
            self._deprecations.clear()
        if self._deprecations.setdefault(event_id, mine) is not mine:  # one step, so that of two threads one emits
            return
        said = {**context, "deprecation": identifier, "message": message, "cause": cause}
        try:
            queued = self.emit("configuration_warning", context=said, retention="days=30", id=event_id)
        finally:
            if queued is None:
                self._deprecations.pop(event_id, None)

    @property
    def lost(self) -> int:
        """How many events `emit` did not get stored."""
        return self._buffer.lost

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until no emitted event is waiting; False where `timeout` seconds were too few."""
        return self._buffer.flush(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Flush, report what is left as lost, close connections. The end of the process does the first two."""
        self._buffer.close(timeout)
        self._session.close()

    def _prepared(self, event: Mapping[str, object]) -> Event:
        given = {name: value for name, value in event.items() if value is not None}
        event_id = str(given.pop("id", None) or uuid7(time.time_ns() // 1_000_000, os.urandom(10)))
        app = {} if self._app is None else {"app": self._app}
        prepared: Event = json_safe({"id": event_id, **app, **given})
        return prepared

    def _drain(self, events: list[Event]) -> list[Event]:
        """Send for the buffer; what is to be tried again."""
        results: Sequence[Receipt | Refused | None]
        try:
            results = self._deliver(events)
        except Unreachable as error:
            _log.warning("%s; they wait", error)
            results = error.results
        for event, result in zip(events, results):  # noqa: B905 - Python 3.9
            if isinstance(result, Refused) and not (result.status == 409 and event["id"] in self._deprecations):
                self._deprecations.pop(event["id"], None)
                self._buffer.lose(event, result)
        return [event for event, result in zip(events, results) if result is None]  # noqa: B905

    def _deliver(self, events: list[Event]) -> list[Receipt | Refused]:
        """What became of the events, in order, however many requests that takes. Raises Unreachable."""
        lines = [json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() for event in events]
        results: dict[int, Receipt | Refused] = {}
        waiting = deque(range(len(lines)))
        failures = 0
        while waiting:
            batch = _batch(waiting, lines)
            if len(lines[batch[0]]) > _MAX_BODY:
                results[batch[0]] = Refused(413, "Too large", f"the event has more than {_MAX_BODY:,} bytes")
                continue
            reply = self._session.post([lines[position] for position in batch])
            results.update((p, outcome) for p, outcome in zip(batch, reply.outcomes) if outcome)  # noqa: B905
            left = [position for position in batch if position not in results]
            if not left:
                failures = 0
                continue
            failures += 1
            waiting.extendleft(reversed(left))
            if failures > self._retries or reply.wait > _MAX_WAIT:
                unsent = [events[position] for position in waiting]
                raise Unreachable(reply.reason, [results.get(position) for position in range(len(events))], unsent)
            self._sleep(reply.wait + 2 ** min(failures, 6) / 8 * SystemRandom().uniform(0.5, 1))
        return [results[position] for position in range(len(lines))]


def _batch(waiting: deque[int], lines: list[bytes]) -> list[int]:
    """Takes off as many positions as go into one request, one at least."""
    batch = [waiting.popleft()]
    size = len(lines[batch[0]])
    while waiting and len(batch) < _MAX_EVENTS and size + 1 + len(lines[waiting[0]]) <= _MAX_BODY:
        size += 1 + len(lines[waiting[0]])
        batch.append(waiting.popleft())
    return batch
