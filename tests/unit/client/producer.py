"""Processes of their own that save events."""

import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress

from tests.unit.client.api_server import KEY, LIBRARY

PREAMBLE = """
import json, os, signal, sys, time
from tocsin_client import Event, configure, flush
"""


class Producer:
    """A process of its own that saves events. What it prints tells the test how far it is."""

    def __init__(self, script: str, url: str, spool: str = "", *arguments: str) -> None:
        environment = {
            "PYTHONPATH": str(LIBRARY.parent),
            "TOCSIN_URL": url,
            "TOCSIN_KEY": KEY,
            "PATH": os.environ["PATH"],
        }
        if spool:
            environment["TOCSIN_SPOOL"] = spool
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-W", "ignore", "-c", PREAMBLE + script, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self, line: str) -> None:
        """Wait until it prints the line."""
        assert self.process.stdout is not None
        for printed in self.process.stdout:
            if printed.rstrip("\n") == line:
                return
        raise AssertionError(f"it ended without saying {line!r}")

    def line(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def go_on(self) -> None:
        """Let it go on from `input()`."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def terminate(self) -> None:
        """End it by SIGTERM, however busy this machine is.

        One that comes while its main thread is between two instructions of Python and a call that blocks is seen after
        that call only (https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers). So another
        is sent, as who ends a service does.
        """
        for _ in range(12):
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
                return

    def ends(self, *, by: int = 0) -> None:
        """Wait for its end: an exit status, or a negative signal."""
        assert self.process.wait(timeout=180) == by
        self.forget()

    def forget(self) -> None:
        """End it, if that has not happened yet."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def actions(api) -> Counter:
    return Counter(event.action.removeprefix("custom_") for event in api.stored.values())


def arrivals(api) -> int:
    """How many events came to the API, also those that came again."""
    return sum(len(request.body.splitlines()) for request in api.requests)
