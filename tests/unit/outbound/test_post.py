"""One POST over plain HTTP against real servers on 127.0.0.1: what is sent, and what is not done."""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from ipaddress import ip_network

import pytest

from tocsin.outbound import OutboundBlocked, OutboundError, OutboundPolicy, Response, Timeout, get, post

LOCAL = OutboundPolicy(allow_http=True, ports=None, allow_cidrs=(ip_network("127.0.0.0/8"),))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Listens on 127.0.0.1, reads one request a connection, and leaves the rest to `script`."""

    def __init__(self, script: Callable[["Server", socket.socket], None]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = threading.Event()
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            self._script(self, connection)

    def read_request(self, connection: socket.socket) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65536)
            if not part:
                return head
            head += part
        length = re.search(rb"(?i)content-length: (\d+)", head)
        missing = int(length[1]) - len(head.split(b"\r\n\r\n", 1)[1]) if length else 0
        while missing > 0:
            part = connection.recv(min(missing, 65536))
            if not part:
                return head
            head += part
            missing -= len(part)
        self.requests.append(head)
        return head

    def close(self) -> None:
        self.closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def serving(script: Callable[[Server, socket.socket], None]) -> Iterator[Server]:
    server = Server(script)
    try:
        yield server
    finally:
        server.close()


def answering(*parts: bytes) -> Callable[[Server, socket.socket], None]:
    """Read the request, then send these bytes, and close."""

    def script(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        for part in parts:
            connection.sendall(part)

    return script


def send(server: Server, body: bytes = b"{}", headers: Mapping[str, str] | None = None, **options: object) -> Response:
    options = {"policy": LOCAL, "timeout": Timeout(connect=30, total=30)} | options
    return post(server.url, body, headers or {}, **options)  # type: ignore[arg-type]


def headers_of(request: bytes) -> list[str]:
    return request.decode().split("\r\n\r\n")[0].split("\r\n")[1:]


def test_the_request_is_a_plain_post_with_its_headers_and_body() -> None:
    with serving(answering(OK)) as server:
        send(
            server,
            b'{"a": 1}',
            {"Content-Type": "application/json", "webhook-id": "msg_1", "User-Agent": "Tocsin/1"},
        )

    request = server.requests[0]
    assert request.startswith(b"POST /hook HTTP/1.1\r\n")
    assert request.endswith(b'\r\n\r\n{"a": 1}')
    assert sorted(headers_of(request)) == [
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Length: 8",
        "Content-Type: application/json",
        f"Host: 127.0.0.1:{server.port}",
        "User-Agent: Tocsin/1",
        "webhook-id: msg_1",
    ]


def test_an_empty_body_has_a_length_of_zero() -> None:
    with serving(answering(OK)) as server:
        send(server, b"")

    assert "Content-Length: 0" in headers_of(server.requests[0])


def test_the_answer_comes_back_with_status_headers_body_and_address() -> None:
    with serving(answering(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nwait")) as server:
        answer = send(server)

    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"wait")
    assert (answer.truncated, answer.address) == (False, "127.0.0.1")
    assert 0 < answer.elapsed_ms < 2000


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n0\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok"),
    ],
)
def test_a_body_is_read_however_its_end_is_marked(head: bytes, body: bytes) -> None:
    with serving(answering(head, body)) as server:
        answer = send(server)

    assert (answer.status, answer.body, answer.truncated) == (200, b"ok", False)


def test_an_answer_without_a_body_is_read() -> None:
    with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        answer = send(server)

    assert (answer.status, answer.body, answer.truncated) == (204, b"", False)


def test_an_answer_before_the_whole_request_was_read_is_still_heard() -> None:
    def script(_: Server, connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    with serving(script) as server:
        answer = send(server, b"x" * 4_000_000)

    assert answer.status == 413


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_given_back_and_not_followed(status: int) -> None:
    with serving(answering(OK)) as elsewhere:
        head = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        with serving(answering(head.encode())) as server:
            answer = send(server)

    assert (answer.status, answer.headers["Location"]) == (status, elsewhere.url)
    assert elsewhere.connections == 0


def test_a_redirect_to_nonsense_is_an_answer_like_any_other() -> None:
    with serving(
        answering(b"HTTP/1.1 302 Found\r\nLocation: http://[::1:99999/\r\nContent-Length: 0\r\n\r\n")
    ) as server:
        answer = send(server)

    assert answer.status == 302


def test_a_cookie_is_not_sent_back() -> None:
    with serving(answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n")) as server:
        send(server)
        send(server)

    assert b"cookie" not in server.requests[1].lower()


def test_each_request_has_its_own_connection() -> None:
    with serving(answering(OK)) as server:
        send(server)
        send(server)

    assert server.connections == 2


def test_proxies_and_netrc_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login alice password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(answering(OK)) as proxy, serving(answering(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        send(server)

    assert (server.connections, proxy.connections) == (1, 0)
    assert b"authorization" not in server.requests[0].lower()


def test_nothing_listening_is_a_connect_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/secret?token=secret"

        with pytest.raises(OutboundError) as failed:
            post(url, b"", {}, policy=LOCAL)

    assert failed.value.kind == "connect"
    assert "Connection refused" in str(failed.value)


def test_many_threads_can_post_at_once_and_each_gets_its_own_answer() -> None:
    def echo(server: Server, connection: socket.socket) -> None:
        body = server.read_request(connection).rsplit(b"\r\n", 1)[1]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with serving(echo) as server, ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: send(server, b"%d" % n), range(64)))

    assert [answer.body for answer in answers] == [b"%d" % n for n in range(64)]


@pytest.mark.parametrize("limits", [{"connect": 0}, {"total": -1}, {"total": float("nan")}])
def test_a_timeout_must_be_greater_than_zero(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Timeout(**limits)


def test_a_get_is_sent_without_a_body_and_bounded_alike() -> None:
    with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")) as server:
        answer = get(server.url, {"Accept": "application/json"}, policy=LOCAL, max_response_bytes=4)

    assert server.requests[0].startswith(b"GET /hook HTTP/1.1\r\n")
    assert server.requests[0].endswith(b"\r\n\r\n")
    assert "Accept: application/json" in headers_of(server.requests[0])
    assert (answer.status, answer.body, answer.truncated) == (200, b"0123", True)


def test_a_get_goes_nowhere_that_a_post_does_not() -> None:
    with pytest.raises(OutboundBlocked):
        get("http://127.0.0.1:9/", {})
