"""The local endpoint: takes POSTs on 127.0.0.1, and answers what the receiver behind it answers."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tocsin_cli.errors import CliError
from tocsin_cli.listening.message import Desk, Message

MAX_BODY = 4 << 20
_LENGTH = re.compile("[0-9]{1,15}")
_PASSED_BACK = ("content-type", "retry-after")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the standard library's
        """Say nothing of a sender that has gone, where it would print a traceback among the messages."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def endpoint(desk: Desk, port: int) -> Iterator[str]:
    """Serve on a port of 127.0.0.1 (0: a free one) from a thread; gives the URL. Raises CliError where it is taken."""

    class Handler(_Handler):
        pass

    Handler.desk = desk
    try:
        server = _Server(("127.0.0.1", port), Handler)
    except OSError as error:
        raise CliError(f"port {port} can't be listened at: {error.strerror}") from None
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="listen", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    desk: Desk
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        written = self.headers.get("content-length", "0")
        length = int(written) if _LENGTH.fullmatch(written) else MAX_BODY + 1
        if length > MAX_BODY:
            self.close_connection = True
            self._answer(413, b"")
            return
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answered = self.desk.take(Message("POST", self.path, headers, body))
        if answered is None:
            self._answer(200, b'{"ok": true}', **{"Content-Type": "application/json"})
        elif answered.status == 0:
            self._answer(502, b"the receiver does not answer\n")
        else:
            kept = {name: value for name, value in answered.headers.items() if name.lower() in _PASSED_BACK}
            self._answer(answered.status, answered.body, **kept)

    def do_GET(self) -> None:
        self._answer(405, b"webhooks are POSTed here\n", Allow="POST")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Writes nothing: each message is shown as it comes."""
