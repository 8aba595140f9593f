"""What servers answer with, honestly or not: endless, broken, compressed and malformed answers."""

import gzip
import logging
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.outbound.test_post import LOCAL, Server, answering, send, serving
from tocsin.outbound import OutboundError, post


@pytest.fixture
def fuzzed() -> Iterator[tuple[Server, list[bytes]]]:
    """A server, and the bytes that it answers with."""
    reply: list[bytes] = []

    def script(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(b"".join(reply))

    with serving(script) as server:
        yield server, reply


def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    with serving(answering(head.encode(), bomb)) as server:
        answer = send(server, max_response_bytes=1000)

    assert (answer.body, answer.truncated) == (bomb[:1000], True)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
    ],
)
def test_an_endless_body_is_cut_at_the_limit(head: bytes) -> None:
    def script(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(head)
        while not server.closed.is_set():
            connection.sendall(b"x" * 65536)

    with serving(script) as server:
        answer = send(server, max_response_bytes=10_000)

    assert (answer.body, answer.truncated) == (b"x" * 10_000, True)


def test_a_body_of_just_the_limit_is_whole() -> None:
    with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as server:
        answer = send(server, max_response_bytes=2)

    assert (answer.body, answer.truncated) == (b"ok", False)


def test_a_body_in_endless_tiny_chunks_is_cut() -> None:
    extension = b"1;" + b"x" * 5000 + b"\r\na\r\n"

    def script(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not server.closed.is_set():
            connection.sendall(extension)

    with serving(script) as server:
        answer = send(server, max_response_bytes=10_000)

    assert (answer.status, answer.truncated) == (200, True)
    assert set(answer.body) == set(b"a")


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100\r\n\r\nhalf",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n9\r\n",
    ],
)
def test_a_body_that_breaks_off_is_an_answer_cut_short(rest: bytes) -> None:
    with serving(answering(b"HTTP/1.1 200 OK\r\n" + rest)) as server:
        answer = send(server)

    assert (answer.status, answer.body, answer.truncated) == (200, b"half", True)


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99 No\r\n\r\n",
        b"HTTP/3 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 20",
        b"",
    ],
)
def test_what_is_not_an_http_answer_is_a_protocol_error(sent: bytes) -> None:
    with serving(answering(sent)) as server, pytest.raises(OutboundError) as failed:
        send(server)

    assert failed.value.kind == "protocol"
    assert "SSH" not in str(failed.value)


@pytest.mark.parametrize(
    "interim",
    [
        [b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"],
        [b"HTTP/1.1 102 Processing\r\n\r\n"] * 30,
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 199 x\r\n\r\n"],
    ],
    ids=["one", "many", "of each kind"],
)
@pytest.mark.parametrize("final", [200, 410, 503])
def test_interim_answers_are_skipped(interim: list[bytes], final: int) -> None:
    """The fault: an interim answer was read as none at all, and what had been taken was sent ten times."""
    last = f"HTTP/1.1 {final} So\r\nContent-Length: 2\r\n\r\nok".encode()
    with serving(answering(b"".join(interim) + last)) as server:
        answer = send(server)

    assert (answer.status, answer.body) == (final, b"ok")


@pytest.mark.parametrize("status", [100, 102, 103])
def test_endless_interim_answers_are_a_protocol_error(status: int) -> None:
    def script(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        while not server.closed.is_set():
            connection.sendall(f"HTTP/1.1 {status} So\r\n\r\n".encode() * 100)

    with serving(script) as server, pytest.raises(OutboundError) as failed:
        send(server)

    assert failed.value.kind == "protocol"


def test_a_connection_that_is_reset_is_a_protocol_error() -> None:
    def script(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with serving(script) as server, pytest.raises(OutboundError) as failed:
        send(server)

    assert (failed.value.kind, "closed the connection" in str(failed.value)) == ("protocol", True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
    st.binary(),
)
@example(b"HTTP/1.1 200 OK\r\n", b"Content-Length: \xb2\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\n", b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: \xff, chunked\r\nSet-Cookie: \x00=\xff\r\n\r\n")
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"-5\r\nabc")
def test_whatever_a_server_sends_is_an_answer_or_an_outbound_error(
    fuzzed: tuple[Server, list[bytes]], start: bytes, rest: bytes
) -> None:
    server, reply = fuzzed
    reply[:] = [start + rest]

    try:
        answer = send(server)
    except OutboundError as error:
        assert error.kind == "protocol"
    else:
        assert answer.status >= 200


@pytest.mark.parametrize("sent", [b"garbage", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"])
def test_an_error_says_nothing_of_the_path_and_query(sent: bytes) -> None:
    with serving(answering(sent)) as server, pytest.raises(OutboundError) as failed:
        post(server.url + "/hunter2?token=hunter2", b"", {}, policy=LOCAL)

    chain = [failed.value, failed.value.__cause__]
    assert "hunter2" not in " ".join(repr(link) for link in chain)
    assert failed.value.__suppress_context__


def test_malformed_headers_of_a_server_put_no_url_into_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(answering(b"HTTP/1.1 200 OK\r\nno colon here\r\nX: y\r\nContent-Length: 0\r\n\r\n")) as server:
        post(server.url + "/hunter2", b"", {}, policy=LOCAL)

    assert "hunter2" not in caplog.text
