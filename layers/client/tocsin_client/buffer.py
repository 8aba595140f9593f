"""Events that wait in memory for a thread that sends them."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from queue import Full
from typing import Any

Event = dict[str, Any]
"""An event as it is sent: JSON, with an id."""

_BATCH = 500
_PAUSE = 5.0  # seconds between two rounds of tries
_log = logging.getLogger("tocsin_client")


class Buffer:
    """A bounded queue, and a daemon thread that gives what is queued to `deliver`, which returns what to try again.

    What waits is lost only when it is refused or the buffer closed, never for an outage that ends before. A loss
    is counted in `lost`, logged as a warning (at most one a second) and told to `on_lost`. Survives os.fork.
    """

    def __init__(
        self, deliver: Callable[[list[Event]], list[Event]], size: int, on_lost: Callable[[Event, Exception], object]
    ) -> None:
        self._deliver = deliver
        self._size = size
        self._on_lost = on_lost
        self.lost = 0
        self._quiet_until = 0.0
        self._closed = self._stopped = self._hurried = False
        self.start_afresh()
        _buffers.add(self)

    def start_afresh(self) -> None:
        """Nothing queued and no thread: how it begins, also in a forked child, whose parent sends what was queued."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._queue: deque[Event] = deque()
        self._sending: list[Event] = []

    def put(self, event: Event) -> None:
        """Queue the event, or raise queue.Full."""
        with self._changed:
            if self._closed or len(self._queue) + len(self._sending) >= self._size:
                raise Full("the client is closed" if self._closed else f"{self._size:,} events wait already")
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="tocsin-client", daemon=True)
                thread.start()  # RuntimeError at the interpreter's end: then the event is not queued either
                self._thread = thread
                atexit.register(self.close)
            self._queue.append(event)
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is left to send; False where that takes more than `timeout` seconds."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._queue and not self._sending, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Take no more events, flush, and report what is left as lost."""
        self._closed = True
        self.flush(timeout)
        atexit.unregister(self.close)
        with self._changed:
            left = [*self._sending, *self._queue]
            self._sending, self._stopped = [], True
            self._queue.clear()
            self._changed.notify_all()
        for event in left:
            self.lose(event, TimeoutError("the client was closed before the API had answered"))

    def lose(self, event: Event, reason: Exception) -> None:
        """Count, log and tell a loss."""
        self.lost += 1
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + 1
            _log.warning("event %s is lost (%d so far): %s", event["id"], self.lost, reason)
        try:
            self._on_lost(event, reason)
        except Exception:  # noqa: BLE001 - theirs may raise anything, and must not end our thread
            _log.exception("on_lost failed")

    def _run(self) -> None:
        size = _BATCH
        while not self._stopped:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopped)
                self._hurried = False
                self._sending = [self._queue.popleft() for _ in range(min(size, len(self._queue)))]
            try:
                again = self._deliver(self._sending)
            except Exception as error:  # noqa: BLE001 - a fault costs these events, not all that follow
                again = []
                for event in self._sending:
                    self.lose(event, error)
            # After a failure one alone, then twice as many each time: so an event that the API fails on every
            # time ends up alone, and at the end of the queue, where it holds up no others.
            size = 1 if again else min(2 * size, _BATCH)
            with self._changed:
                self._queue.extend([] if self._stopped else again)
                self._sending = []
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopped or self._hurried, _PAUSE if again else 0)


_buffers: weakref.WeakSet[Buffer] = weakref.WeakSet()


def _start_all_afresh() -> None:  # pragma: no cover - runs in forked children
    for buffer in _buffers:
        buffer.start_afresh()


if hasattr(os, "register_at_fork"):  # pragma: no branch - there is none on Windows
    os.register_at_fork(after_in_child=_start_all_afresh)
