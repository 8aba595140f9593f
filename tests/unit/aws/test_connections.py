"""What is sent to connections over HTTP connections that ended meanwhile."""

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tocsin.aws import clients
from tocsin.aws.connections import Connections
from tocsin.errors import Unavailable


class Gateway(BaseHTTPRequestHandler):
    """Takes one request a connection, and says nothing of its end: the next one gets no answer."""

    protocol_version = "HTTP/1.1"
    requests = 0
    asked = 0
    answers = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.requests += 1
        Gateway.asked += 1
        if self.requests > 1 or not Gateway.answers:
            self.close_connection = True
            return
        Gateway.taken.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_DELETE = do_POST  # noqa: N815 - the standard library's name
    taken: list[str] = []  # noqa: RUF012 - of all requests

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the standard library's name
        """Nothing."""


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    keys = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(Gateway, "taken", [])
    monkeypatch.setattr(Gateway, "answers", True)
    monkeypatch.setattr(Gateway, "asked", 0)
    clients.forget()
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield Connections(clients.connections(f"http://127.0.0.1:{server.server_address[1]}/live"))
        server.shutdown()
    clients.forget()


@pytest.mark.parametrize(
    ("act", "request_"),
    [
        (lambda them: them.send("c1", b"{}"), "POST /live/@connections/c1"),
        (lambda them: them.close("c1"), "DELETE /live/@connections/c1"),
    ],
    ids=["send", "close"],
)
def test_a_connection_that_ended_while_the_process_was_frozen_costs_nothing(
    connections: Connections, act: Callable[[Connections], None], request_: str
) -> None:
    act(connections)

    act(connections)

    assert Gateway.taken == [request_, request_]


def test_a_gateway_that_takes_nothing_is_asked_a_few_times_and_no_more(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gateway, "answers", False)

    with pytest.raises(Unavailable, match="sending to a connection failed: ConnectionClosedError"):
        connections.send("c1", b"{}")

    assert Gateway.asked == 3
