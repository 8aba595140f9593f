"""POST /events on 127.0.0.1 for the client's tests: a real HTTP server that judges events with the API's own code."""

import dataclasses
import datetime
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import tocsin_client
from local.waiting import until
from tocsin.errors import Conflict, Invalid, TocsinError, Unauthenticated, Unavailable
from tocsin.events.draft import Terms, finish, once_of
from tocsin.events.model import Event
from tocsin.events.redact import Secrets
from tocsin.events.store import Earlier, digest_of
from tocsin.http import response
from tocsin.http.json_body import JSON_TYPE, MAX_BODY
from tocsin.http.request import Request
from tocsin.ingest.body import NDJSON_TYPE, read_body
from tocsin.ingest.service import event_result
from tocsin_client import Client

KEY = "tocsin_0123456789abcdef_the-secret-of-the-key-that-nobody-may-see"
LIBRARY = Path(tocsin_client.__file__).parent
DAY = datetime.timedelta(days=1)

type Fault = Callable[[Handler], None]


@dataclasses.dataclass
class Received:
    """A request as it came in."""

    path: str
    peer: tuple[str, int]
    headers: dict[str, str]
    wire: bytes
    body: bytes
    """Inflated, where it was compressed."""


class Handler(BaseHTTPRequestHandler):
    """Serves `Api`: a fault of its script if one is left, else as the API does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: "Api"
    content_type: str
    body: bytes

    def do_POST(self) -> None:
        wire = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.content_type, self.body = _request(headers, wire).content(MAX_BODY, JSON_TYPE, NDJSON_TYPE)
        self.api.requests.append(Received(self.path, self.client_address, headers, wire, self.body))
        fault = self.api.faults.popleft() if self.api.faults else None
        if fault is None:
            self.reply(*self.api.ingest(self))
        else:
            fault(self)

    def reply(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: pytest's output is for failures."""


class Api:
    """POST /events with the API's reading, checking and comparing, and a dict where it has DynamoDB."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Received] = []
        self.faults: deque[Fault | None] = deque()
        self.stored: dict[str, Event] = {}
        self.unavailable: set[str] = set()
        self.once: dict[str, tuple[Event, datetime.datetime]] = {}
        """The event that was stored for a `once` key, and until when it stands for it."""
        self.released = threading.Event()
        self._digests: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", port), type("BoundHandler", (Handler,), {"api": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.002})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Api":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def always_fails_on(self, piece: bytes) -> None:
        """Answer 500 to each request whose body holds `piece`, from now on."""

        def fails(handler: Handler) -> None:
            self.faults.append(fails)
            if piece in handler.body:
                handler.reply(500, {"message": "Internal Server Error"})
            else:
                handler.reply(*self.ingest(handler))

        self.faults.append(fails)

    def admits_at_most(self, events: int) -> None:
        """Answer 429 to each request with more events, from now on, as for a key with fewer `events_per_minute`."""

        def admits(handler: Handler) -> None:
            self.faults.append(admits)
            if len(handler.body.splitlines()) > events:
                handler.reply(429, {"title": "Too many requests", "status": 429}, {"retry-after": "17"})
            else:
                handler.reply(*self.ingest(handler))

        self.faults.append(admits)

    def takes_at_most(self, events: int) -> None:
        """Answer 413, as a proxy with a limit of its own, to each request with more events, from now on."""

        def limits(handler: Handler) -> None:
            self.faults.append(limits)
            if len(handler.body.splitlines()) > events:
                handler.reply(413, b"<html>Request Entity Too Large</html>")
            else:
                handler.reply(*self.ingest(handler))

        self.faults.append(limits)

    def serve_tls(self, context: ssl.SSLContext) -> None:
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def ingest(self, handler: Handler) -> tuple[int, object]:
        if handler.headers["authorization"] != f"Bearer {KEY}":
            return _problem(Unauthenticated("no such key"))
        terms = Terms(
            now=datetime.datetime.now(datetime.UTC),
            app="the-key",
            brand="default",
            retention=365 * DAY,
            secrets=Secrets(),
            source_ip="127.0.0.1",
        )
        try:
            body = read_body(handler.body, handler.content_type)
        except TocsinError as error:
            return _problem(error)
        results = [item if isinstance(item, TocsinError) else self._store(item, terms) for item in body.items]
        if body.single:
            (result,) = results
            return _problem(result) if isinstance(result, TocsinError) else (_status(result), event_result(result))
        shown = [
            result.problem() if isinstance(result, TocsinError) else {"status": _status(result), **event_result(result)}
            for result in results
        ]
        if any(isinstance(result, Unavailable) for result in results):
            return 503, {**Unavailable("some are not stored").problem(), "results": shown}
        if all(isinstance(result, TocsinError) for result in results):
            return 422, {**Invalid([], "none is accepted").problem(), "results": shown}
        return 200, {"accepted": 0, "rejected": 0, "results": shown}

    def taken(self, handler: Handler, answer: tuple[int, object]) -> list[str]:
        """The ids of the events that an answer acknowledges."""
        status, body = answer
        results = body.get("results", [body | {"status": status}])
        return [result["id"] for result in results if result["status"] < 300]

    def _store(self, item: dict[str, object], terms: Terms) -> Event | Earlier | TocsinError:
        try:
            event = finish(item, terms)
        except TocsinError as error:
            return error
        if event.id in self.unavailable:
            self.unavailable.remove(event.id)
            return Unavailable("DynamoDB is throttling")
        once = once_of(item)
        if once is not None:
            first, until = self.once.setdefault(once.key, (event, terms.now + once.window))
            if first.id != event.id and until > terms.now:
                return Earlier(first.id, first.expires)
            if until <= terms.now:
                self.once[once.key] = event, terms.now + once.window
        if self._digests.setdefault(event.id, digest_of(item)) != digest_of(item):
            return Conflict("there is another event with this id")
        return self.stored.setdefault(event.id, event)


def _request(headers: dict[str, str], body: bytes) -> Request:
    return Request("POST", "/events", headers, {}, body, "127.0.0.1", "r1", {})


def _status(result: Event | Earlier) -> int:
    return 201 if isinstance(result, Event) else 200


def _problem(error: TocsinError) -> tuple[int, object]:
    return error.status, json.loads(response.problem(error)["body"])


def answers(status: int, body: object = b"", **headers: str) -> Fault:
    return lambda handler: handler.reply(
        status, body, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def drops(handler: Handler) -> None:
    """Closes the connection without having read the events."""
    handler.close_connection = True


def drops_after_storing(handler: Handler) -> None:
    """Stores the events, and closes the connection instead of answering."""
    handler.api.ingest(handler)
    handler.close_connection = True


def hangs(handler: Handler) -> None:
    """Does not answer before the test's end."""
    handler.api.released.wait(120)
    handler.close_connection = True


def waits(handler: Handler) -> None:
    """Answers as the API does, once the test has released it."""
    handler.api.released.wait(120)
    handler.reply(*handler.api.ingest(handler))


def under_way(api: Api, sender: Client) -> None:
    """Emit an event, and wait until the API has it before it."""
    sender.emit("first")
    sender.flush(timeout=0)
    until(lambda: api.requests, 120, of="a request", pause_s=0.001)
