"""Freezing a function's process between its invocations, as Lambda freezes execution environments.

Two things, each of which can be switched: the process is stopped (SIGSTOP), so that its threads do nothing between
invocations; and its monotonic clock stands (local/corrections/frozen_clock.py), which stopping alone does not do: the
kernel's clock goes on for a stopped process, where a frozen virtual machine has no such clock.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html: "Lambda freezes the execution
environment when the runtime and each extension have completed and there are no pending events"; "background
processes or callbacks that were initiated by your Lambda function and did not complete when the function ended
resume if Lambda reuses the execution environment".
"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Concatenate, Protocol

_CLOCK = Path(__file__).with_name("frozen_clock.py")


class Worker(Protocol):
    """A function's process, as the emulator has it; None before its first invocation and after it died."""

    _proc: Popen[str] | None


def frozen_between_invocations[W: Worker, **P, T](
    invoke: Callable[Concatenate[W, P], T],
) -> Callable[Concatenate[W, P], T]:
    """Makes a worker's process run only while it has an invocation.

    WebSocket routes give a worker its next invocation while it has one, which then waits: it is not stopped in between.
    """
    lock = threading.Lock()
    invocations: Counter[int] = Counter()

    def invoke_thawed(worker: W, /, *arguments: P.args, **options: P.kwargs) -> T:
        with lock:
            invocations[id(worker)] += 1
            _send(worker._proc, signal.SIGCONT)
        try:
            return invoke(worker, *arguments, **options)
        finally:
            with lock:
                invocations[id(worker)] -= 1
                if not invocations[id(worker)]:
                    del invocations[id(worker)]
                    _send(worker._proc, signal.SIGSTOP)

    return invoke_thawed


def ended_though_frozen(ask_to_end: Callable[[Popen[str] | None], None]) -> Callable[[Popen[str] | None], None]:
    """Makes a process that is asked to end (SIGTERM) get to see it."""

    def thaw_too(process: Popen[str] | None) -> None:
        ask_to_end(process)
        _send(process, signal.SIGCONT)

    return thaw_too


def with_a_clock_that_stands(worker_script: str) -> str:
    """The emulator's worker for Python, with a monotonic clock that stands while it waits for an invocation."""
    return f"{_CLOCK.read_text(encoding='utf-8')}\n{worker_script}"


def _send(process: Popen[str] | None, number: signal.Signals) -> None:
    """Sends the signal, unless the process has ended."""
    if process is not None and process.poll() is None:
        process.send_signal(number)
