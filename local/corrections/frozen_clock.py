"""Makes a process's monotonic clock stand still while it waits for its next invocation, as Lambda's freezing does.

The source of this file is put before the emulator's worker for Python, which reads one invocation a line from its
standard input: the time that a `readline` takes is time that the process does not see pass. It runs before anything
imports `time.monotonic`, so that threading, asyncio and libraries go by the same clock. The wall clock goes on.

That the clock stands, people report: github.com/hashicorp/vault-lambda-extension/pull/150 ("the monotonic clock is
also suspended"), github.com/mbeher2200/DarkHours/pull/204. AWS says that "processes are frozen":
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import sys
import time
from typing import Any


def freeze_clocks_between_lines() -> None:
    """Replaces standard input by one that stops the process's monotonic clocks while it waits for a line."""
    clocks: Any = time
    now_ns, clock_gettime, stdin = time.monotonic_ns, time.clock_gettime, sys.stdin
    monotonic = {getattr(time, name) for name in ("CLOCK_MONOTONIC", "CLOCK_BOOTTIME") if hasattr(time, name)}
    frozen_ns = 0

    class Freezing:
        def readline(self) -> str:
            nonlocal frozen_ns
            began = now_ns()
            line = stdin.readline()
            frozen_ns += now_ns() - began
            return line

    def seen_ns() -> int:
        return now_ns() - frozen_ns

    def seen() -> float:
        return seen_ns() / 1e9

    def seen_gettime(clock: int) -> float:
        return seen() if clock in monotonic else clock_gettime(clock)

    replaced: Any = Freezing()
    sys.stdin = replaced
    clocks.monotonic = clocks.perf_counter = seen
    clocks.monotonic_ns = clocks.perf_counter_ns = seen_ns
    clocks.clock_gettime = seen_gettime


if __name__ == "__main__":
    freeze_clocks_between_lines()
