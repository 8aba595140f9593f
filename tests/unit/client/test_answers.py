"""Answers that are not the API's own: of proxies on the way, and of servers that say more, or less, than one."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.unit.client.api_server import KEY
from tocsin_client import Session, session
from tocsin_client.ids import new_id

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
LINE = json.dumps({"id": new_id(), "action": "login"}).encode()


def answer(status: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(content), content)


STORED = answer("201 Created", {"id": new_id(), "created": "2026-03-01T12:00:00Z", "expires": None})


def head_of(connection: socket.socket) -> bytes:
    """What comes up to the end of a request's headers, or of the connection."""
    read = b""
    while b"\r\n\r\n" not in read and (more := connection.recv(1)):
        read += more
    return read


def read_request(connection: socket.socket) -> bool:
    """Read a request whole; whether there was one."""
    head = head_of(connection).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
    while length and (more := connection.recv(length)):
        length -= len(more)
    return bool(head)


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Gives each connection to a function; the URL."""
    listeners = []

    def at(served: Callable[[socket.socket], None]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    served(connection)

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield at
    for each in listeners:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """Answers the requests of a connection with these bytes, in turn."""

    def served(connection: socket.socket) -> None:
        for each in answers:
            if not read_request(connection):
                return
            connection.sendall(each)

    return served


@pytest.mark.parametrize("interim", [HINTS, HINTS * 3, b"HTTP/1.1 102 Processing\r\n\r\n"])
def test_an_interim_answer_is_not_the_answer(serve, interim):
    """The fault: it counted as one that acknowledges nothing, and the answer was read as that of the next request."""
    refused = answer("422 Unprocessable Content", {"title": "no"})
    url = serve(answering(interim + STORED, refused))
    to_api = Session(url, KEY)

    first, second = to_api.post([LINE]), to_api.post([LINE])
    to_api.close()

    assert isinstance(first.outcomes[0], session.Receipt)
    assert isinstance(second.outcomes[0], session.Refused)


def test_a_server_that_gives_interim_answers_alone_is_tried_again(serve):
    url = serve(answering(HINTS * 200))
    to_api = Session(url, KEY, timeout=0.5)

    reply = to_api.post([LINE])
    to_api.close()

    assert (reply.outcomes, reply.answered) == ([None], False)


def test_a_proxy_that_closes_the_connection_with_its_413_is_sent_less(serve):
    """The fault: what the client had not sent yet failed, and the same events were sent again for ever."""

    def served(connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(answer("413 Content Too Large", {"message": "too large"}))

    url = serve(served)
    to_api = Session(url, KEY)
    to_api._compresses = False
    large = json.dumps({"id": new_id(), "action": "login", "context": {"text": "x" * 20_000_000}}).encode()

    reply = to_api.post([large, large])
    to_api.close()

    assert reply.too_large


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_a_retry_after_in_the_oldest_form_of_date_is_utc(monkeypatch, zone):
    """The fault: it was taken for local time. RFC 9110, 5.6.7."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        seconds = session._seconds(time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(time.time() + 30)))
    finally:
        monkeypatch.undo()
        time.tzset()

    assert 25 < seconds <= 30


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://[2001:db8::1]/prod", "2001:db8::1", 443),
        ("http://[::1]", "::1", 80),
        ("https://[2001:db8::1]:8443", "2001:db8::1", 8443),
    ],
)
def test_an_ipv6_address_needs_no_port(url, host, port):
    """The fault: what stands behind its last colon was taken for the port."""
    connection = Session(url, KEY)._connection()

    assert (connection.host, connection.port) == (host, port)
