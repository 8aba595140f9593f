"""Child processes that end with us, whatever ends us; and ports that nobody has."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.workspace import ROOT

# What a child may see of our environment: enough to find programs, its home and the package index, and
# nothing of AWS, so that no developer's profile or keys reach the emulator or the functions in it.
_INHERITED = (
    *("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"),
    *("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
)
_INHERITED_PREFIXES = ("PIP_", "XDG_")
_LOOPBACK = "127.0.0.1,::1,localhost"


def child_environment(**more: str) -> dict[str, str]:
    """A child's environment: a short list of ours, this interpreter's programs first on the PATH, `more`."""
    ours = {
        name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    programs = os.pathsep.join([str(Path(sys.executable).parent), ours.get("PATH", os.defpath)])
    return {**ours, "PATH": programs, "NO_PROXY": _LOOPBACK, "no_proxy": _LOOPBACK, **more}


def architecture() -> str:
    """This machine's instruction set, in Lambda's words: x86_64 or arm64."""
    return "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"


def free_port(preferred: int = 0) -> int:
    """The preferred TCP port of 127.0.0.1, or where that is taken, one that the system picks."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free TCP port on 127.0.0.1")


def end_group(process: subprocess.Popen[str] | subprocess.Popen[bytes], patience_s: float) -> None:
    """Ends a child and all of its children: asks, waits `patience_s` seconds for the child, kills them all.

    The child leads its own process group. It is not reaped before the group is killed, so that the group's
    number can't be somebody else's by then.
    """
    if process.returncode is not None:
        return
    _signal_group(process.pid, signal.SIGTERM)
    try:
        _wait_unreaped(process.pid, patience_s)
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def run_logged(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str],
    on_line: Callable[[str], None] = lambda _line: None,
) -> int:
    """Runs a program to its end in its own process group, its output to `log`; gives its exit status.

    Each line is shown to `on_line` as it comes. Whatever ends this call early also ends the program.
    """
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                file.write(line)
                on_line(line.rstrip())
            return process.wait()
        finally:
            end_group(process, patience_s=3)


def tail(log: Path, lines: int = 25) -> str:
    """The last lines of a log, or nothing where there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # PermissionError is macOS's word for a group of which only the unreaped leader is left.
        return


def _wait_unreaped(pid: int, patience_s: float) -> None:
    """Waits until the child has ended, at most `patience_s` seconds, and leaves it to be reaped."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.02)
