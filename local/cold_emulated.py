"""What AWS's runtime interface emulator says that an init took: the whole of it, from the start of the interpreter.

The emulator (a program for Linux that comes with SAM CLI) starts Lambda's own client of the runtime, `awslambdaric`,
with the first invocation, and prints `INIT REPORT(durationMs: …)` once the handler is loaded. That is the clock's time,
where `local.cold` takes the processor's, and holds what is the same for each function: the start of the interpreter and
of the client.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from local.processes import architecture, end_group, free_port

EMULATED_RUNTIME = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""What Lambda's runtime has besides libraries: its client, and what that needs. requests prefers simplejson to json."""

_REPORT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
_FAILED = re.compile(r"INIT RTDONE\(status: (?!success)")
_STARTS_WITHIN_S = 20.0


def emulator() -> Path:
    """The emulator's program for this machine. RuntimeError where there is none."""
    samcli = importlib.util.find_spec("samcli")
    if sys.platform != "linux" or samcli is None or samcli.origin is None:
        raise RuntimeError("the runtime interface emulator runs on Linux, and comes with SAM CLI")
    return Path(samcli.origin).parent / "local" / "rapid" / f"aws-lambda-rie-{architecture()}"


def emulated_init(function: Path, environment: dict[str, str]) -> float:
    """The seconds of one init of `app.handler` in a folder, as the emulator reports it.

    `environment` says where libraries are. RuntimeError with what was printed where the init fails.
    """
    port = free_port()
    printed: list[str] = []
    with _started(function, environment, port) as process, _invoked(port):
        for line in process.stdout or ():
            printed.append(line)
            if _FAILED.search(line):
                break
            if report := _REPORT.search(line):
                return float(report[1]) / 1000
    raise RuntimeError(f"the init in {function} fails: {''.join(printed)}")


@contextmanager
def _started(function: Path, environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    """The emulator, listening for invocations; its output is text."""
    addresses = {"runtime-interface-emulator": port, "runtime-api": free_port()}
    options = [part for name, each in addresses.items() for part in (f"--{name}-address", f"127.0.0.1:{each}")]
    with subprocess.Popen(
        [str(emulator()), *options, sys.executable, "-S", "-m", "awslambdaric", "app.handler"],
        cwd=function,
        # What the first invocation asks of AWS is refused at once: nothing listens on the port of `discard`.
        env={
            **environment,
            "PATH": os.defpath,
            "LAMBDA_TASK_ROOT": str(function),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            end_group(process, patience_s=3)


@contextmanager
def _invoked(port: int) -> Iterator[None]:
    """An invocation whose answer nobody reads, asked for as soon as the emulator listens."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        while True:
            try:
                connection.connect()
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        connection.request("POST", "/2015-03-31/functions/function/invocations", body=b"{}")
        yield
