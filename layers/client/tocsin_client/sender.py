"""What waits to be sent, and the thread that sends it: in batches, and again after failures."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Full

from tocsin_client import process
from tocsin_client.memory import Entry, MemoryQueue
from tocsin_client.session import MAX_BODY, MAX_EVENTS, Refused, Reply, spread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tocsin_client.spool import Spool

LINGER = 1.0
"""Seconds that an event waits for others to go with."""

_POLL = 1.0  # seconds after which what other processes have left in a spool is looked for
_LONGEST_PAUSE = 30.0  # seconds, doubling from a quarter of one
_LONGEST_WAIT = 600.0  # seconds, of what the API asks for
_QUIET = 60.0  # seconds between two warnings of a kind
_OF_KEY = frozenset({401, 403})  # what the API answers where it refuses the key itself
_SLICE = 0.05  # seconds between two looks at whether another process has sent what is ours
_log = logging.getLogger("tocsin_client")


class Sender:
    """Queues lines of JSON, and sends them with `post` in a daemon thread that the first one starts.

    `lost` counts the events that will never be stored: those that were `dropped` for newer ones, were refused, or were
    left in memory at the end. A loss is logged as a warning, at most one a minute, with the number of events since the
    last, and told to `on_lost`.
    """

    def __init__(
        self,
        post: Callable[[Sequence[bytes]], Reply],
        memory: MemoryQueue,
        spool: Spool | None,
        *,
        on_lost: Callable[[bytes, Exception], object],
        linger: float,
    ) -> None:
        self._post = post
        self._memory = memory
        self._spool = spool
        self._on_lost = on_lost
        self._linger = linger
        self._closed = False
        self._begin()
        process.forks_with(self)
        if spool is not None:  # an earlier process may have left something
            self._start()

    def _begin(self) -> None:
        self.lost = self.dropped = self._unlogged = 0
        self._logged_at = float("-inf")
        self._complained: dict[str, float] = {}  # when each warning was given last
        self._key_refusals = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._fresh = 0  # lines that were put since the thread has last taken some
        self._hurried = self._stopped = self._more = False
        self._size, self._failures = MAX_EVENTS, 0
        self._settled: list[Entry] = []  # of the spool, which could not be deleted there yet

    # Any thread

    def put(self, line: bytes, *, drop: bool = True) -> bool:
        """Queue a line; False where it is itself dropped, as where all that the queue holds is being sent.

        queue.Full where it does not fit and nothing may be dropped for it, and after `close`.
        """
        if self._closed:
            raise Full("the client is closed")
        if self._thread is None:
            self._start()
        dropped = self._put(line, drop)
        if dropped is None:
            raise Full("the queue is full")
        with self._changed:
            self._fresh += 1
            self.dropped += len(dropped)
            if self._fresh in {1, MAX_EVENTS}:
                self._changed.notify_all()
        if dropped:
            self.lose(dropped, Full("the queue is full"))
        return not dropped or dropped[-1] is not line

    def _put(self, line: bytes, drop: bool) -> list[bytes] | None:
        if self._spool is None:
            return self._memory.put(line, drop=drop)
        try:
            return self._spool.put(line, drop=drop)
        except OSError as error:
            self._spool_fails(error)
            return self._memory.put(line, drop=drop)

    def flush(self, timeout: float) -> bool:
        """Wait until what was put is stored or refused; False where that takes more than `timeout` seconds.

        False at once where the API refuses the key: that takes longer than anybody waits.
        """
        key_refusals = self._key_refusals
        marks = self._memory.mark(), 0 if self._spool is None else self._spool.mark()
        deadline = time.monotonic() + timeout
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
        while not (done := self._reached(*marks)) and self._thread is not None:
            left = deadline - time.monotonic()
            if left <= 0 or self._key_refusals != key_refusals:
                break
            with self._changed:
                self._changed.wait_for(lambda: self._reached(*marks), min(left, _SLICE))
        return done

    def _reached(self, memory: int, spool: int) -> bool:
        if not self._memory.reached(memory):
            return False
        try:
            return self._spool is None or self._spool.reached(spool) or (self._closed and not self._spool.leads())
        except OSError:
            return False

    def close(self, timeout: float = process.AT_EXIT) -> None:
        """Take no more lines, flush, and report what is left in memory as lost.

        What another process is sending from the spool is not waited for.
        """
        self._closed = True
        process.forget_exit(self)
        self.flush(timeout)
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        left = self._memory.close()
        if self._spool is not None:
            self._spool.close()
        if left:
            self.lose(left, TimeoutError("the client was closed before the API had answered"))
        self._say_losses()

    def before_fork(self) -> None:
        """Let go of what can't be forked."""
        if self._spool is not None:
            self._spool.before_fork()

    def after_fork(self) -> None:
        """Go on in the parent."""
        if self._spool is not None:
            self._spool.after_fork()

    def begin_in_child(self) -> None:  # pragma: no cover - runs in forked children
        """Begin anew in a forked child: its parent sends what was put before."""
        self._memory.forget()
        if self._spool is not None:
            self._spool.forget()
        self._begin()

    # The thread

    def _start(self) -> None:
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="tocsin-client", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is ending
                    if self._spool is None:
                        raise Full("no thread can be started any more") from None
                    return
                self._thread = thread
                process.close_at_exit(self)

    def _run(self) -> None:
        self._more = self._spool is not None
        while self._wait():
            try:
                self._round()
            except Exception:  # noqa: BLE001 - a bug of ours, which must not end all sending
                _log.exception("a batch could not be sent")
                self._failures, self._more = self._failures + 1, True  # what waits does so for no other event
                self._pause(_pause_after(self._failures))

    def _round(self) -> None:
        queue, batch = self._take(self._size)
        self._more = len(batch) == self._size or sum(len(line) for _, line in batch) > MAX_BODY // 2
        if not batch:
            return
        reply = self._posted([line for _, line in batch])
        again = self._settle(queue, batch, reply)
        if reply.too_large:
            self._size, self._more = max(len(batch) // 2, 1), True
        elif again:
            # It may be one event's own fault. Sent alone, then twice as many each time, the one that the API fails on
            # every time is found, and put where it holds up no others.
            self._size, self._failures, self._more = 1 if reply.answered else self._size, self._failures + 1, True
            _log.info("%s; events that wait: %d", reply.reason, len(again))
            self._pause(max(min(reply.wait, _LONGEST_WAIT), _pause_after(self._failures)))
        else:
            self._size, self._failures = min(2 * self._size, MAX_EVENTS), 0
            self._tidy()

    def _wait(self) -> bool:
        """Wait until there may be something to send, and a while for others to go with it; False when all is over.

        Where there is more than the last round took, that is now. In a spool it may be another process's.
        """
        with self._changed:
            if not self._more:
                self._changed.wait_for(lambda: self._is_due(1), None if self._spool is None else _POLL)
                self._changed.wait_for(lambda: self._is_due(MAX_EVENTS), self._linger if self._fresh else 0)
            self._hurried, self._fresh = False, 0
            return not self._stopped

    def _is_due(self, events: int) -> bool:
        return self._stopped or self._hurried or self._fresh >= events

    def _take(self, size: int) -> tuple[MemoryQueue | Spool, list[Entry]]:
        batch = self._memory.take(size, MAX_BODY)
        if batch or self._spool is None:
            return self._memory, batch
        try:
            if self._settled:  # they would be taken again
                self._spool.done(self._settled)
                self._settled = []
            return self._spool, self._spool.take(size, MAX_BODY)
        except OSError as error:
            self._spool_fails(error)
            self._pause(_POLL)
            return self._spool, []

    def _posted(self, lines: Sequence[bytes]) -> Reply:
        try:
            reply = self._post(lines)
            if len(reply.outcomes) == len(lines):
                return self._waiting_for_key(reply) if _refuses_key(reply) else reply
            failure = f"{len(reply.outcomes)} outcomes for {len(lines)} events"
        except OSError as error:  # as too many open files
            return Reply([None] * len(lines), f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a fault costs these events, not all that follow
            failure = f"{type(error).__name__}: {error}"
        return Reply([Refused(0, "The client failed", failure)] * len(lines), failure)

    def _waiting_for_key(self, reply: Reply) -> Reply:
        """The reply as one of which the events are tried again: keys are mended, by who can, without these events."""
        self._complain("the API refuses the key; events wait until it takes one", reply.reason)
        with self._changed:
            self._key_refusals += 1
            self._changed.notify_all()
        return Reply([None] * len(reply.outcomes), reply.reason, reply.wait)

    def _settle(self, queue: MemoryQueue | Spool, batch: Sequence[Entry], reply: Reply) -> list[Entry]:
        """Forget what is settled; what is to be sent again."""
        outcomes = list(zip(batch, reply.outcomes, strict=True))
        again = [entry for entry, outcome in outcomes if outcome is None]
        settled = [entry for entry, outcome in outcomes if outcome is not None]
        try:
            if again:
                queue.again(again, last=reply.answered and len(batch) == 1)
            queue.done(settled)
        except OSError as error:  # as on a full disk; should this process end first, the API knows them
            self._spool_fails(error)
            self._settled = settled
        for (_, line), outcome in outcomes:
            if isinstance(outcome, Refused):
                self.lose([line], outcome)
        with self._changed:
            self._changed.notify_all()
        return again

    def _tidy(self) -> None:
        if self._spool is not None:
            try:
                self._spool.tidy()
            except OSError as error:
                self._spool_fails(error)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._tidy()  # what is put meanwhile, which nobody else may
            with self._changed:
                if self._changed.wait_for(lambda: self._stopped or self._hurried, min(left, _POLL)):
                    return

    # What goes wrong

    def lose(self, lines: Sequence[bytes], reason: Exception) -> None:
        """Count, log and tell the loss of lines."""
        with self._changed:
            self.lost += len(lines)
            self._unlogged += len(lines)
        if time.monotonic() - self._logged_at >= _QUIET:
            self._say_losses(reason)
        for line in lines:
            self._on_lost(line, reason)

    def _say_losses(self, reason: Exception | None = None) -> None:
        if self._unlogged:
            events, self._unlogged, self._logged_at = self._unlogged, 0, time.monotonic()
            _log.warning("events lost: %d; in all: %d%s", events, self.lost, "" if reason is None else f": {reason}")

    def _spool_fails(self, error: Exception) -> None:
        if not self._closed:
            self._complain("the spool can't be used; events wait in memory", error)

    def _complain(self, what: str, why: object) -> None:
        if time.monotonic() - self._complained.get(what, float("-inf")) >= _QUIET:
            self._complained[what] = time.monotonic()
            _log.warning("%s: %s", what, why)


def _refuses_key(reply: Reply) -> bool:
    return all(isinstance(outcome, Refused) and outcome.status in _OF_KEY for outcome in reply.outcomes)


def _pause_after(failures: int) -> float:
    """Seconds: from a quarter of one, doubling, spread so that not all producers come back at once."""
    return min(2.0 ** min(failures, 10) / 8, _LONGEST_PAUSE) * spread()
