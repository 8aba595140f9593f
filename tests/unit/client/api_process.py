"""The API's server as a process of its own, which can be killed: `python -m tests.unit.client.api_process PORT FILE`.

Each event that is acknowledged stands in FILE, a line each, before the answer goes out.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes import free_port
from local.waiting import until
from local.workspace import ROOT
from tests.unit.client.api_server import Api, Handler


class Journal(Api):
    """The API, with a file that outlives it."""

    def __init__(self, port: int, path: Path) -> None:
        super().__init__(port)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def ingest(self, handler: Handler) -> tuple[int, object]:
        """Judge, write down, answer."""
        answer = super().ingest(handler)
        os.write(self._file, "".join(f"{event_id}\n" for event_id in self.taken(handler, answer)).encode())
        return answer


class KillableApi:
    """The server's process, on one port for as long as the test is."""

    def __init__(self, path: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.client.api_process", str(self.port), str(self._path)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, *_SOURCES)))},
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    @property
    def taken(self) -> list[str]:
        """The ids of all events that were acknowledged, in order, as often as they were."""
        return self._path.read_text().split() if self._path.exists() else []

    def wait_for(self, events: int, deadline_s: float = 60) -> None:
        """Wait until so many different events were taken."""
        until(lambda: len(set(self.taken)) >= events, deadline_s, of=f"{events} events", pause_s=0.02)


_SOURCES = (ROOT / "layers/core", ROOT / "layers/client")


@contextmanager
def killable_api(path: Path) -> Iterator[KillableApi]:
    """A server that is not started yet, and is gone after the block."""
    api = KillableApi(path)
    try:
        yield api
    finally:
        api.kill()


def main() -> None:
    """Serve until killed."""
    with Journal(int(sys.argv[1]), Path(sys.argv[2])):
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        while True:
            time.sleep(3_600)


if __name__ == "__main__":
    main()
