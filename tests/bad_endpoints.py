"""Endpoints as bad as they come: servers that fail, hang, drop, limit, redirect, babble, never end, and forbid.

Each is a path of one real HTTP server (`/fails`), and what it answers is drawn with a seed. What was answered to
which `webhook-id` is kept, in the order of arrival.
"""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENDPOINTS = ("well", "fails", "hangs", "drops", "limits", "redirects", "babbles", "endless", "forbids")

BAD = {
    "fails": ("500", 0.3),
    "hangs": ("hang", 0.1),
    "drops": ("drop", 0.3),
    "limits": ("429", 0.3),
    "redirects": ("302", 1.0),
    "babbles": ("garbage", 0.3),
    "endless": ("endless", 1.0),
    "forbids": ("403", 1.0),
    "silent": ("hang", 1.0),
}
"""What an endpoint answers instead of 200, and how large a share of its requests."""
SILENT = frozenset({"hang", "drop", "garbage"})
"""Answers that are none: whoever asked can't know whether it was taken."""
SETTLING = frozenset({"200", "endless", "302", "403"})
"""Answers after which nothing is to be sent again."""

_HANGS_S = 60.0
_ENDLESS_PARTS = 1024  # of 64 KiB: far beyond what is read of it


@dataclass
class Storm:
    """The endpoints, and what they received: {webhook-id: [what it was answered]}."""

    url: str = ""
    slowness_s: float = 0.0
    """Each request takes up to so long."""
    hangs: int | None = None
    """How many requests hang at most."""
    received: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    busy: int = 0
    """Requests that are being answered now."""
    _seed: random.Random = field(default_factory=lambda: random.Random(4))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> int:
        """How many there were."""
        with self._lock:
            return sum(map(len, self.received.values()))

    def begin(self, endpoint: str, message_id: str) -> tuple[str, float]:
        """What the request is to be answered, and after how many seconds."""
        with self._lock:
            bad, share = BAD.get(endpoint, ("", 0.0))
            answer = bad if self._seed.random() < share else "200"
            if answer == "hang" and self.hangs is not None:
                answer = "hang" if self.hangs else "200"
                self.hangs = max(self.hangs - 1, 0)
            self.received[message_id].append(answer)
            self.busy += 1
            return answer, self._seed.random() * self.slowness_s

    def end(self) -> None:
        """A request is answered, or its sender is gone."""
        with self._lock:
            self.busy -= 1


class _Handler(BaseHTTPRequestHandler):
    storm: Storm

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        answer, pause_s = self.storm.begin(self.path.strip("/"), self.headers["webhook-id"])
        self.close_connection = True
        try:
            time.sleep(pause_s)
            self._give(answer)
        finally:
            self.storm.end()

    def _give(self, answer: str) -> None:
        match answer:
            case "hang":  # until the sender has had enough
                self.connection.settimeout(_HANGS_S)
                self.connection.recv(1)
            case "drop":
                return
            case "garbage":
                self.wfile.write(b"\x00\x01 garbage \xff\r\n\r\n")
            case "endless":
                self.send_response(200)
                self.end_headers()
                for _ in range(_ENDLESS_PARTS):
                    self.wfile.write(b"x" * 65536)
            case _:
                self.send_response(int(answer))
                if answer == "429":
                    self.send_header("Retry-After", "7")
                if answer == "302":
                    self.send_header("Location", "http://127.0.0.1/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Senders hang up on the endless and the hanging."""


@contextmanager
def raging() -> Iterator[Storm]:
    """The endpoints, below `url`, until the block ends."""
    storm = Storm()
    with _Server(("127.0.0.1", 0), type("Raging", (_Handler,), {"storm": storm})) as server:
        storm.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield storm
        finally:
            server.shutdown()
