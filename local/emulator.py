"""The emulated AWS: one process on 127.0.0.1 with IAM enforced, and what only an emulator offers.

Facts of ministack 1.5.33 that shape this:

- Functions run as its child processes, with its interpreter and its environment; the environment is therefore
  short. Their unpacked code is in TMPDIR, which is ours and removed at the end. No other state is kept.
- It opens a second port for MQTT (IoT, 8883) and can open one for SFTP; both are switched off, so that two
  stacks can run at once.
- With AUTH=true each call of a function is checked against its role's policies.
- What it does otherwise than AWS, local/corrections/ corrects; local/switches.py says what of that can be switched.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import requests

from local.aws import EmulatedAws
from local.controls import LATE_READS, THROTTLES
from local.corrections.capacity import Throttle
from local.faults import PATH as FAULTS_PATH
from local.faults import Fault
from local.processes import child_environment, end_group, tail
from local.switches import Switches
from local.workspace import ROOT

PREFERRED_PORT = 4566
_START_DEADLINE_S = 60


class EmulatorError(RuntimeError):
    """The emulator did not come up. The message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail of the emulator's outbox."""

    id: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    at: float  # when SES took it, in seconds since 1970


class Emulator:
    """A running emulator. `with Emulator.started(…) as emulator:` ends it and all that it started."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        """Stands for the process; `started` makes it."""
        self.port = port
        self.aws = EmulatedAws(f"http://127.0.0.1:{port}")
        self._process = process
        self._log = log
        self._http = requests.Session()
        self._http.trust_env = False

    @classmethod
    @contextlib.contextmanager
    def started(cls, port: int, *, log: Path, scratch: Path, switches: Switches | None = None) -> Iterator[Emulator]:
        """Starts the emulator on that port and waits until it answers.

        Everything that it and the functions print goes to `log`; `scratch` is its temporary directory. Without
        `switches` the environment says which corrections are on. Raises EmulatorError where it does not come up
        within a minute.
        """
        on = Switches.from_environment() if switches is None else switches
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "local.gateway"],
                cwd=ROOT,
                env=_environment(port, scratch, on),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            emulator = cls(port, process, log)
            emulator._wait_until_up()
            yield emulator
        finally:
            _end(process)
            shutil.rmtree(scratch, ignore_errors=True)

    @property
    def endpoint_url(self) -> str:
        """Where the emulated AWS is: http://127.0.0.1:<port>."""
        return self.aws.endpoint_url

    @property
    def alive(self) -> bool:
        """Whether the emulator's process still runs."""
        return self._process.poll() is None

    def api_url(self, api_id: str) -> str:
        """The address of an HTTP API's $default stage, by numeric host: Python resolves no *.localhost."""
        return f"{self.endpoint_url}/_aws/execute-api/{api_id}/$default"

    def mail(self) -> list[Mail]:
        """All e-mail that was sent, in order."""
        answer = self._http.get(f"{self.endpoint_url}/_ministack/ses/messages", timeout=10)
        answer.raise_for_status()
        return [
            Mail(
                id=message["MessageId"],
                sender=message["Source"],
                to=tuple(message["To"]),
                subject=message["Subject"] or "",
                text=message["BodyText"] or "",
                html=message["BodyHtml"] or "",
                at=float(message["Timestamp"]),
            )
            for messages in answer.json()["messages"].values()
            for message in messages
        ]

    @contextlib.contextmanager
    def failing(self, *faults: Fault) -> Iterator[None]:
        """Fails the calls that the faults are meant for, meanwhile. See local/faults.py."""
        address = f"{self.endpoint_url}{FAULTS_PATH}"
        try:
            for fault in faults:
                settings = {name: value for name, value in asdict(fault).items() if name != "hits"}
                self._http.post(address, json=settings, timeout=10).raise_for_status()
            yield
        finally:
            self._http.delete(address, timeout=10).raise_for_status()

    def fault_hits(self) -> list[int]:
        """How often each fault that is set was hit, in the order of setting."""
        answer = self._http.get(f"{self.endpoint_url}{FAULTS_PATH}", timeout=10)
        answer.raise_for_status()
        return [int(fault["hits"]) for fault in answer.json()["faults"]]

    @contextlib.contextmanager
    def late_reads(self, bound_s: float) -> Iterator[None]:
        """Has eventually consistent reads be up to so many seconds behind, meanwhile. See corrections/late_reads.py.

        Not those of the emulator's root user, as who tests look at tables.
        """
        address = f"{self.endpoint_url}{LATE_READS}"
        before = self._http.get(address, timeout=10).json()
        self._http.put(address, json={"bound_s": bound_s}, timeout=10).raise_for_status()
        try:
            yield
        finally:
            self._http.put(address, json=before, timeout=10).raise_for_status()

    @contextlib.contextmanager
    def throttling(self, *throttles: Throttle) -> Iterator[None]:
        """Has DynamoDB keep to these limits, meanwhile. See corrections/capacity.py."""
        address = f"{self.endpoint_url}{THROTTLES}"
        try:
            for throttle in throttles:
                settings = {name: value for name, value in asdict(throttle).items() if name != "hits"}
                self._http.post(address, json=settings, timeout=10).raise_for_status()
            yield
        finally:
            self._http.delete(address, timeout=10).raise_for_status()

    def throttle_hits(self) -> list[int]:
        """How many requests each throttle that is set has refused, in the order of setting."""
        answer = self._http.get(f"{self.endpoint_url}{THROTTLES}", timeout=10)
        answer.raise_for_status()
        return [int(throttle["hits"]) for throttle in answer.json()["throttles"]]

    @contextlib.contextmanager
    def mail_sandbox(self) -> Iterator[None]:
        """Has SES be in its sandbox, meanwhile: it takes mail for verified recipients only."""
        account = {"MailType": "TRANSACTIONAL", "WebsiteURL": "https://example.com"}
        self.aws.sesv2.put_account_details(**account, ProductionAccessEnabled=False)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self.aws.sesv2.put_account_details(**account, ProductionAccessEnabled=True)  # type: ignore[arg-type]

    def function_processes(self, function: str) -> list[int]:
        """The ids of the processes that are that function's environments, for tests that kill them."""
        listing = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,pgid=,args="], capture_output=True, text=True, check=True
        ).stdout
        processes = [line.split(maxsplit=2) for line in listing.splitlines()]
        return [
            int(pid)
            for pid, group, command in processes
            if int(group) == self._process.pid and f"/ministack-lambda-{function}-" in command
        ]

    def broken_functions(self) -> list[str]:
        """Functions that could not even start, each with its reason, as the emulator's log tells."""
        log = self._log.read_text(encoding="utf-8", errors="replace")
        return sorted(set(re.findall(r"execution error for (\S+: Worker init failed: .*)", log)))

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_DEADLINE_S
        while time.monotonic() < deadline and self.alive:
            with contextlib.suppress(requests.ConnectionError, requests.Timeout):
                if self._http.get(f"{self.endpoint_url}/_ministack/ready", timeout=2).ok:
                    return
            time.sleep(0.05)
        status = self._process.poll()
        how = "did not answer within a minute" if status is None else f"ended with status {status}"
        raise EmulatorError(f"The emulator {how}. The end of {self._log}:\n{tail(self._log)}")


def _environment(port: int, scratch: Path, switches: Switches) -> dict[str, str]:
    return child_environment(
        **switches.to_environment(),
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        AUTH="true",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        TMPDIR=str(scratch),
        PYTHONUNBUFFERED="1",
        TZ="UTC",
        # Away from a Docker daemon that may be there: it looks for containers to clear away.
        DOCKER_HOST="unix:///nonexistent",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the emulator and the functions' processes: closing its input makes it kill its whole group."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        end_group(process, patience_s=0)
