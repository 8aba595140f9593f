"""What happens to the process that events wait in: it ends, it is told to end, it forks."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

AT_EXIT = 5.0
"""Seconds for a last try."""

_TO_TELL = 1.0  # seconds to tell of what is lost, which may need a lock that the interrupted thread holds


class Sender(Protocol):
    """What is told of it."""

    def flush(self, timeout: float) -> bool:
        """Send what waits."""

    def close(self, timeout: float = AT_EXIT) -> None:
        """Send what waits, for there will be no other time, and tell of what could not be sent."""

    def before_fork(self) -> None:
        """Let go of what can't be forked."""

    def after_fork(self) -> None:
        """Go on in the parent."""

    def begin_in_child(self) -> None:
        """Begin anew in the child."""


_senders: weakref.WeakSet[Sender] = weakref.WeakSet()


def forks_with(sender: Sender) -> None:
    """Tell the sender of forks, and of SIGTERM where `flush_at_sigterm` was called."""
    _senders.add(sender)


def close_at_exit(sender: Sender) -> None:
    """Close the sender when the process ends by itself."""
    atexit.register(sender.close)
    process = sys.modules.get("multiprocessing.process")
    # A child of multiprocessing leaves without atexit.
    if process is not None and process.parent_process() is not None:  # pragma: no cover - in test_forks.py's children
        from multiprocessing.util import Finalize  # noqa: PLC0415 - only there

        Finalize(None, sender.close, exitpriority=100)


def forget_exit(sender: Sender) -> None:
    """Take back `close_at_exit`."""
    atexit.unregister(sender.close)


def flush_at_sigterm() -> None:
    """Flush all senders at SIGTERM, tell of what is lost, then end by it as before.

    Nothing where the process has a handler of its own: who handles it ends by `sys.exit` as a rule, and so with
    `atexit`. The main thread alone can set handlers.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: object) -> None:
    deadline = time.monotonic() + AT_EXIT
    senders = tuple(_senders)
    for sender in senders:
        sender.flush(max(deadline - time.monotonic(), 0))
    signal.signal(number, signal.SIG_DFL)
    if os.getpid() != 1:  # that of a container lives on: without a handler the kernel keeps SIGTERM from it
        telling = threading.Thread(target=_close, args=(senders,), name="tocsin-client-end", daemon=True)
        with suppress(RuntimeError):  # the interpreter is ending, and closes them by itself
            telling.start()
            telling.join(_TO_TELL)
    os.kill(os.getpid(), number)


def _close(senders: Iterable[Sender]) -> None:
    for sender in senders:
        sender.close(0)


_fork_lock = threading.Lock()
_forking: list[Sender] = []  # who was told of the fork under way
_import_lock = threading.Lock()
_holds_imports = False  # whoever forks
_IMPORTED_WITHIN = 30.0  # seconds that a fork waits at most


@contextmanager
def importing() -> Iterator[None]:
    """Within, what a sender's thread imports: nobody forks meanwhile.

    A child would have the module as far as it was loaded, and its lock closed, by a thread that the child has not.
    """
    with _import_lock:
        yield


def _before_fork() -> None:
    global _holds_imports  # noqa: PLW0603 - guarded by _fork_lock
    _fork_lock.acquire()  # threads may fork at once
    _forking[:] = _senders
    for sender in _forking:
        sender.before_fork()
    _holds_imports = _import_lock.acquire(timeout=_IMPORTED_WITHIN)


def _in_parent() -> None:
    if _holds_imports:
        _import_lock.release()
    for sender in _forking:
        sender.after_fork()
    _forking.clear()
    _fork_lock.release()


def _in_child() -> None:  # pragma: no cover - runs in forked children
    global _fork_lock, _import_lock  # its parent's are held for the parent
    _fork_lock, _import_lock = threading.Lock(), threading.Lock()
    for sender in _forking:
        sender.begin_in_child()
    _forking.clear()


if hasattr(os, "register_at_fork"):  # pragma: no branch - Windows has no forks
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
