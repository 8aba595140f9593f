"""The functions held to docs/openapi.json by schemathesis, over HTTP on this machine.

The deployed stack is held to it as well, and longer: tests/stack/test_contract.py.
"""

import base64
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from tests import openapi_contract
from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import Stack

KEY = "the-key-of-this-test"

CONFIGURED: dict[str, dict[str, Any]] = {
    "/users/alice": {},
    "/groups/oncall": {},
    "/policies/logins": {"kind": "event_matcher", "action": "login"},
    "/rules/logins": {"bindings": [{"policy": "logins"}], "destination_group": "oncall"},
    "/transports/inbox": {"mode": "local"},
    "/keys/shop": {"scopes": ["events:write"]},
}


@pytest.fixture
def url(stack: Stack) -> Iterator[str]:
    """Where the api and ingest functions answer as API Gateway would let them."""
    api, ingest = Api.of(stack, user="alice"), stack.function("ingest")
    for path, entry in CONFIGURED.items():
        api("PUT", path, entry)
    turn = threading.Lock()

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing: pytest shows what schemathesis found."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = urlsplit(self.path)
            query: dict[str, str] = {}
            for name, value in parse_qsl(asked.query, keep_blank_values=True):
                query[name] = f"{query[name]},{value}" if name in query else value
            headers = {name.lower(): value for name, value in self.headers.items()}
            is_known = headers.get("authorization") == f"Bearer {KEY}"
            event = request_event(
                self.command,
                unquote(asked.path),
                base64.b64encode(body).decode() if body else None,
                headers,
                query,
                api.facts if is_known else {"error": "this API key is not known"},
            ) | {"isBase64Encoded": bool(body)}
            module = ingest if (self.command, asked.path) == ("POST", "/events") else api.module
            with turn:
                given = module.handler(event, stack.context)
            content = (given["body"] or "").encode()
            self.send_response(given["statusCode"])
            for name, value in given["headers"].items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD" and given["statusCode"] != 304:
                self.wfile.write(content)

    for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "QUERY"):
        setattr(Gateway, f"do_{method}", Gateway.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    logging.disable(logging.WARNING)
    yield f"http://127.0.0.1:{server.server_port}"
    logging.disable(logging.NOTSET)
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_functions_do_as_the_document_says(url: str, tmp_path: Path) -> None:
    print(openapi_contract.hold(url, KEY, tmp_path))
