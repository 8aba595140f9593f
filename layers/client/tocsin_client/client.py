"""The client: events to POST /events, each stored once."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from queue import Full
from typing import TYPE_CHECKING, Any, TypedDict

from tocsin_client import lines, process
from tocsin_client._shared.sanitize import sanitize
from tocsin_client.ids import new_id
from tocsin_client.memory import MemoryQueue
from tocsin_client.sender import LINGER, Sender
from tocsin_client.session import MAX_BODY, MAX_EVENTS, Receipt, Refused, Session, Unreachable, spread

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Literal
    from uuid import UUID

    from typing_extensions import Unpack

    from tocsin_client.spool import Spool

_MAX_WAIT = 60.0  # seconds
_LONGEST_WINDOW = 366  # days, that the API takes
_ASK_AGAIN = 86_400.0  # seconds after which what was said is said again, for the API to decide
_MAX_REMEMBERED = 10_000
_DEPRECATION = b'"once":{"key":"deprecation:'
_log = logging.getLogger("tocsin_client")


class Fields(TypedDict, total=False):
    """What an event may say beside its action; None says nothing."""

    user: Mapping[str, object] | None
    context: Mapping[str, object] | None
    client_ip: str | None
    app: str | None
    brand: str | None
    created: datetime | str | None
    expires: datetime | str | None
    retention: str | None
    expiring: bool | None
    id: str | UUID | None
    once: Mapping[str, str] | None


class Client:
    """Sends events to the API at `url`, from any thread; `app` and `brand` are theirs where they name none.

    Network errors, 408, 425, 429 and 5xx are tried again, `retries` times, after pauses that double from a quarter
    of a second to 8 s; Retry-After lengthens a pause, and ends the tries where it asks for more than 60 s.
    `timeout`: seconds, to connect and for each read. `session`: another way to the API.

    `emit` queues: at most `queue_size` events of together `queue_bytes`, of which the oldest are dropped for new ones,
    or the new one is refused (`when_full`). With `spool`, the path of a file, they wait there, in up to
    `spool_bytes`: what a process leaves behind there is sent by the next. They are sent in batches, at the latest after
    `linger` seconds. `on_lost` is told of each event that is not stored, and why. `flush_on_sigterm`: also before
    SIGTERM ends the process, where it has no handler for that itself.

    ValueError for a URL that is neither https nor a loopback address's, and for a key that no header can carry.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        app: str | None = None,
        brand: str | None = None,
        timeout: float = 5.0,
        retries: int = 4,
        queue_size: int = 10_000,
        queue_bytes: int = 16 << 20,
        when_full: Literal["drop", "raise"] = "drop",
        spool: str | os.PathLike[str] | None = None,
        spool_bytes: int = 256 << 20,
        linger: float = LINGER,
        on_lost: Callable[[dict[str, Any], Exception], object] | None = None,
        flush_on_sigterm: bool = True,
        session: Session | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.app = app
        self._brand = brand
        self._session = session or Session(url, key, timeout=timeout)
        self._retries = retries
        self._sleep = sleep
        self._drops = when_full == "drop"
        memory = MemoryQueue(queue_size, queue_bytes)
        spooled = None if spool is None else _spool(spool, spool_bytes)
        self._on_lost = on_lost
        self._sender = Sender(self._session.post, memory, spooled, on_lost=self._tell_loss, linger=linger)
        self._said: dict[str, float] = {}  # until when a deprecation is not said again
        if flush_on_sigterm:
            process.flush_at_sigterm()

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
        """Queue an event for the background thread; its id, or None where it was lost at once.

        queue.Full instead where `when_full` is "raise". A Lambda function calls `flush` before it returns: between
        invocations its threads stand still.
        """
        event = self._prepared({**fields, "action": action})
        try:
            queued = self._sender.put(lines.line(event), drop=self._drops)
        except Full as reason:
            if not self._drops:
                raise
            self._sender.lose([lines.line(event)], reason)
            return None
        return str(event["id"]) if queued else None

    def log_deprecation(
        self, identifier: str, message: str, cause: str | None = None, expiry_days: int = 30, **context: object
    ) -> None:
        """Emit a configuration_warning that is kept `expiry_days`: one for an identifier and cause in that time.

        Of all processes with this API key, for the API remembers what was said; a repeat writes nothing.
        """
        import hashlib  # noqa: PLC0415 - the few that say one

        key = "deprecation:" + hashlib.sha256(json.dumps(sanitize([identifier, cause])).encode()).hexdigest()
        if self._said.get(key, 0.0) > time.time():
            return
        if len(self._said) >= _MAX_REMEMBERED:
            self._said.clear()
        self._said[key] = time.time() + _ASK_AGAIN
        retention = f"days={max(expiry_days, 1)}"
        once = {"key": key, "window": f"days={min(max(expiry_days, 1), _LONGEST_WINDOW)}"}
        said = {**context, "deprecation": identifier, "message": message, "cause": cause}
        try:
            self.emit("configuration_warning", context=said, retention=retention, once=once)
        except Full:
            self._said.pop(key, None)
            raise

    def _tell_loss(self, line: bytes, reason: Exception) -> None:
        if self._on_lost is None and _DEPRECATION not in line:
            return
        event = json.loads(line)
        if _DEPRECATION in line:
            self._said.pop(event["once"]["key"], None)
        if self._on_lost is not None:
            try:
                self._on_lost(event, reason)
            except Exception:  # noqa: BLE001 - theirs may raise anything, and must end nothing of ours
                _log.exception("on_lost failed")

    @property
    def lost(self) -> int:
        """How many events `emit` did not get stored, and won't."""
        return self._sender.lost

    @property
    def dropped(self) -> int:
        """How many of the lost ones were dropped because the queue was full."""
        return self._sender.dropped

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what was emitted so far is sent; False where `timeout` seconds were too few."""
        return self._sender.flush(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Flush, report what is left in memory as lost, close connections. The process's end does the first two."""
        self._sender.close(timeout)
        self._session.close()

    def _prepared(self, event: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {"app": self.app, "brand": self._brand}
        given = {name: value for name, value in event.items() if value is not None}
        return lines.prepared({**defaults, **given, "id": str(given.get("id") or new_id())})

    def _deliver(self, events: list[dict[str, Any]]) -> list[Receipt | Refused]:
        """What became of the events, in order, however many requests that takes. Raises Unreachable."""
        encoded = [lines.line(event) for event in events]
        results: dict[int, Receipt | Refused] = {}
        waiting = deque(range(len(encoded)))
        failures, most, largest = 0, MAX_EVENTS, MAX_EVENTS
        while waiting:
            batch = _batch(waiting, encoded, most)
            reply = self._session.post([encoded[position] for position in batch])
            results.update((p, outcome) for p, outcome in zip(batch, reply.outcomes, strict=True) if outcome)
            left = [position for position in batch if position not in results]
            if not left:
                failures, most = 0, min(2 * most, largest)
                continue
            waiting.extendleft(reversed(left))
            if reply.too_large:
                most = largest = max(len(batch) // 2, 1)
                continue
            failures += 1
            if reply.answered and len(left) == len(batch):  # it may be more at once than the key may send in a minute
                most = max(len(batch) // 8, 1)
            if failures > self._retries or reply.wait > _MAX_WAIT:
                unsent = [events[position] for position in waiting]
                raise Unreachable(reply.reason, [results.get(position) for position in range(len(events))], unsent)
            self._sleep(reply.wait + 2 ** min(failures, 6) / 8 * spread())
        return [results[position] for position in range(len(encoded))]


def _spool(path: str | os.PathLike[str], room: int) -> Spool:
    from tocsin_client.spool import Spool  # noqa: PLC0415 - SQLite, and locks that only POSIX has

    return Spool(path, room)


def _batch(waiting: deque[int], encoded: Sequence[bytes], most: int) -> list[int]:
    """Takes off as many positions as go into one request, one at least and `most` at most."""
    batch = [waiting.popleft()]
    size = len(encoded[batch[0]])
    while waiting and len(batch) < most and size + 1 + len(encoded[waiting[0]]) <= MAX_BODY:
        size += 1 + len(encoded[waiting[0]])
        batch.append(waiting.popleft())
    return batch
