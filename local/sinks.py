"""A real HTTP server that takes what Tocsin sends: webhooks and Slack posts.

POST   /webhook/<name>   kept, answered 200 with {"ok": true}
POST   /slack/<name>     kept, answered 200 with "ok", as Slack does
POST   /api/chat.*       kept, answered 200 as Slack's Web API does: {"ok": true, "channel", "ts", "message"}
GET    /received?path=…  {"received": […]}: what came, in order; all paths without the parameter
DELETE /received         forgets what came
POST   /_control         {"path": "/webhook/x", "status": 500, "times": 3, …}: misbehaves (Misbehaviour)
DELETE /_control         behaves again
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came."""

    path: str  # without the query string
    target: str  # with it
    method: str
    headers: dict[str, str]  # names in lower case
    body: str  # UTF-8; what is not, is replaced
    at: float  # when its last byte was read, in seconds since 1970
    status: int  # what it was answered; 0 where the connection was dropped

    @property
    def name(self) -> str:
        """The path's last part: which of the sinks it was."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(slots=True)
class Misbehaviour:
    """How the server treats the next requests to a path, instead of taking them well.

    `delay` seconds pass first; then the connection is dropped without an answer (`drop`), or the answer is
    `status` with `headers` and `body`. `times` bounds it; None is for ever.
    """

    path: str
    status: int = 200
    delay: float = 0.0
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    times: int | None = None


class Sinks:
    """The server, on 127.0.0.1 and a port of its own. `with Sinks.started() as sinks:` ends it."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        """Stands for the server; `started` makes it."""
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self._received: list[Received] = []
        self._misbehaviours: list[Misbehaviour] = []
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def started(cls, port: int = 0) -> Iterator[Sinks]:
        """Serves on that port, or on a free one, from a thread of this process."""

        class Handler(_Handler):
            pass

        with _Server(("127.0.0.1", port), Handler) as server:
            sinks = Handler.sinks = cls(server)
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="sinks", daemon=True)
            thread.start()
            try:
                yield sinks
            finally:
                server.shutdown()
                thread.join()

    def received(self, path: str | None = None, *, after: int = 0) -> list[Received]:
        """What came, in order, without the first `after` requests; with `path`, only what came there."""
        with self._lock:
            arrived = self._received[after:]
        return [request for request in arrived if path is None or request.path == path]

    def misbehave(self, misbehaviour: Misbehaviour) -> None:
        """Treats coming requests to that path so. Of several, the latest one that has times left rules."""
        with self._lock:
            self._misbehaviours.insert(0, misbehaviour)

    def behave(self) -> None:
        """Takes everything well again."""
        with self._lock:
            self._misbehaviours.clear()

    def forget(self) -> None:
        """Forgets what came."""
        with self._lock:
            self._received.clear()

    def keep(self, request: Received) -> None:
        """Adds a request to what came."""
        with self._lock:
            self._received.append(request)

    def treatment(self, path: str) -> Misbehaviour | None:
        """How the next request to that path is to be treated, counted as used; None for well."""
        with self._lock:
            for misbehaviour in self._misbehaviours:
                if misbehaviour.path != path or misbehaviour.times == 0:
                    continue
                if misbehaviour.times is not None:
                    misbehaviour.times -= 1
                return misbehaviour
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Passes over clients that hung up: those who were kept waiting do."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    sinks: Sinks
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path != "/received":
            self._answer(404, "not found\n")
            return
        wanted = parse_qs(address.query).get("path", [None])[0]
        self._answer_json(200, {"received": [asdict(request) for request in self.sinks.received(wanted)]})

    def do_DELETE(self) -> None:
        match urlsplit(self.path).path:
            case "/received":
                self.sinks.forget()
            case "/_control":
                self.sinks.behave()
            case _:
                self._answer(404, "not found\n")
                return
        self._answer_json(200, {"ok": True})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/_control":
            self._control(body)
        else:
            self._take(body)

    def _control(self, body: bytes) -> None:
        try:
            self.sinks.misbehave(Misbehaviour(**json.loads(body)))
        except (TypeError, ValueError) as error:
            self._answer_json(422, {"message": str(error)})
        else:
            self._answer_json(200, {"ok": True})

    def _take(self, body: bytes) -> None:
        at = time.time()
        path = urlsplit(self.path).path
        treatment = self.sinks.treatment(path)
        status = 200 if treatment is None else 0 if treatment.drop else treatment.status
        self.sinks.keep(
            Received(
                path=path,
                target=self.path,
                method=self.command,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body.decode(errors="replace"),
                at=at,
                status=status,
            )
        )
        if treatment is not None:
            time.sleep(treatment.delay)
            if treatment.drop:
                self.close_connection = True
                return
        good = '{"ok": true}'
        if path.startswith("/slack/"):
            good = "ok"
        elif path.startswith("/api/chat."):
            good = json.dumps(_taken_by_slack(json.loads(body), at))
        content = good if treatment is None or treatment.body is None else treatment.body
        self._answer(status, content, **({} if treatment is None else treatment.headers))

    def _answer_json(self, status: int, content: object) -> None:
        self._answer(status, json.dumps(content), **{"Content-Type": "application/json"})

    def _answer(self, status: int, text: str, **headers: str) -> None:
        body = text.encode()
        known = status in {member.value for member in HTTPStatus}
        self.send_response(status, None if known else "Unheard of")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Writes nothing: what came can be asked for at /received."""


def _taken_by_slack(message: dict[str, object], at: float) -> dict[str, object]:
    """What Slack says of a message that it took (https://docs.slack.dev/reference/methods/chat.postMessage)."""
    ts, channel = f"{at:.6f}", message.get("channel")
    thread = {"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}
    shown = {"type": "message", "bot_id": "B012AB3CD", "text": message.get("text"), "ts": ts, **thread}
    return {"ok": True, "channel": channel, "ts": ts, "message": shown}
