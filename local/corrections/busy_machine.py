"""Time limits on a machine that is busy with other work: what it could not give is not counted.

On AWS a function has its share of a processor; here it waits for one, behind whatever else runs. A limit that the
clock alone keeps then ends what AWS would have let finish: an authorizer's ten seconds are over before its process has
started. Linux says how long each thread was ready to run and had no processor; elsewhere nothing is known, and limits
are the clock's.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: "Lambda allocates CPU power in proportion to the
amount of memory configured".
https://docs.kernel.org/scheduler/sched-stats.html: "/proc/<pid>/schedstat", the second number, in nanoseconds.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Concatenate, Protocol

type Waited = Callable[[], float]


class Worker(Protocol):
    """A function's process, as the emulator has it; None before its first invocation and after it died."""

    _proc: Popen[str] | None


class Lost:
    """The seconds that threads and processes waited for a processor since this was made, or since they were added."""

    def __init__(self, *waited: Waited) -> None:
        """`waited` give how long each has waited since it started."""
        self._counted = [(each, each()) for each in waited]

    def add(self, waited: Waited) -> None:
        """Counts one more, from now on."""
        self._counted.append((waited, waited()))

    @property
    def seconds(self) -> float:
        """How many they are by now; of some that wait at once, more than have passed."""
        return sum(max(0.0, waited() - before) for waited, before in self._counted)


current: ContextVar[Lost | None] = ContextVar("lost-to-a-busy-machine", default=None)
"""What the call that is under way has lost."""


def lost_by_the_emulator() -> Lost:
    """Counts what the emulator itself waits, in the thread that serves requests."""
    return Lost(partial(waited_s, os.getpid(), threading.main_thread().native_id))


def waited_s(process: int, thread: int | None = None) -> float:
    """How long a process (all its threads, or the one) has waited for a processor; 0 where nobody says."""
    tasks = Path(f"/proc/{process}/task")
    return sum(_nanoseconds(tasks.glob("*") if thread is None else (tasks / str(thread),))) / 1e9


def left_s(limit_s: float, lost: Lost) -> Callable[[], float]:
    """Gives a function that says how many seconds of the limit are left."""
    until = time.monotonic() + limit_s - lost.seconds
    return lambda: until + lost.seconds - time.monotonic()


def counting_what_it_waits[W: Worker, **P, T](
    invoke: Callable[Concatenate[W, P], T],
) -> Callable[Concatenate[W, P], T]:
    """Makes an invocation add to what its call has lost: the thread that starts the process, and the process."""

    def invoke_counted(worker: W, /, *arguments: P.args, **options: P.kwargs) -> T:
        lost = current.get() or lost_by_the_emulator()
        token = current.set(lost)
        try:
            lost.add(partial(waited_s, os.getpid(), threading.get_native_id()))
            lost.add(_waited_by(worker))
            return invoke(worker, *arguments, **options)
        finally:
            current.reset(token)

    return invoke_counted


class PatientThread(threading.Thread):
    """A thread that is joined for longer where what is waited for lost time to a busy machine."""

    def join(self, timeout: float | None = None) -> None:
        """Waits until the thread ends, or until so many seconds have passed that were not lost."""
        lost = current.get()
        if timeout is None or lost is None:
            super().join(timeout)
            return
        left = left_s(timeout, lost)
        while self.is_alive() and (seconds := left()) > 0:
            super().join(seconds)


def _nanoseconds(tasks: Iterable[Path]) -> Iterable[int]:
    for task in tasks:
        with suppress(OSError):  # it has ended, or this is no Linux
            yield int((task / "schedstat").read_text(encoding="ascii").split()[1])


def _waited_by(worker: Worker) -> Waited:
    """What the worker's process has waited: of one that is started meanwhile, since it started."""
    first = worker._proc
    at_first = 0.0 if first is None else waited_s(first.pid)

    def waited() -> float:
        process = worker._proc
        if process is None:
            return 0.0
        return waited_s(process.pid) - (at_first if process is first else 0.0)

    return waited
