"""Handshakes that fail or never end, and the deadline over TLS."""

import socket
from pathlib import Path

import pytest

from tests.unit.outbound.test_deadlines import SHORT, SHORT_AFTER_HEADERS, dripping, ending_in_time, silent
from tests.unit.outbound.test_post import LOCAL, Server, serving
from tests.unit.outbound.test_tls import Issued, Script, issue, over_tls, send
from tocsin.outbound import OutboundError, post


@pytest.fixture(scope="module")
def authority() -> Issued:
    return issue("Test authority", authority=True)


@pytest.fixture(scope="module")
def endpoint(authority: Issued) -> Issued:
    return issue("hooks.example.com", "127.0.0.1", by=authority)


def test_a_server_without_tls_is_a_tls_error(authority: Issued) -> None:
    def script(_: Server, connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(script) as server, pytest.raises(OutboundError) as failed:
        send(server, ca=authority.pem)

    assert failed.value.kind == "tls"
    assert "HTTP/1.1 400" not in str(failed.value)


def test_a_server_that_hangs_up_in_the_handshake_is_a_tls_error(authority: Issued) -> None:
    def script(_: Server, connection: socket.socket) -> None:
        connection.recv(1024)

    with serving(script) as server, pytest.raises(OutboundError) as failed:
        send(server, ca=authority.pem)

    assert failed.value.kind == "tls"


def test_a_handshake_that_hangs_is_a_timeout(authority: Issued) -> None:
    def script(server: Server, _: socket.socket) -> None:
        server.closed.wait(5)

    with serving(script) as server, pytest.raises(OutboundError) as failed, ending_in_time():
        send(server, ca=authority.pem, timeout=SHORT)

    assert (failed.value.kind, "TLS handshake" in str(failed.value)) == ("timeout", True)


def test_a_handshake_that_drips_is_a_timeout(authority: Issued) -> None:
    def script(server: Server, connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"\x16\x03\x03\x40\x00\x02")
        while not server.closed.wait(0.02):
            connection.sendall(b"\x00")

    with serving(script) as server, pytest.raises(OutboundError) as failed, ending_in_time():
        send(server, ca=authority.pem, timeout=SHORT)

    assert failed.value.kind == "timeout"


@pytest.mark.parametrize(
    "script",
    [silent, dripping(b"HTTP/1.1 200 OK\r\n", b"X"), dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")],
    ids=["says nothing", "drips a header", "drips headers"],
)
def test_the_deadline_holds_over_tls(script: Script, authority: Issued, endpoint: Issued, tmp_path: Path) -> None:
    with (
        serving(over_tls(endpoint, script, tmp_path)) as server,
        pytest.raises(OutboundError) as failed,
        ending_in_time(),
    ):
        send(server, ca=authority.pem, timeout=SHORT_AFTER_HEADERS)

    assert failed.value.kind == "timeout"


def test_a_body_that_drips_over_tls_is_cut_off(authority: Issued, endpoint: Issued, tmp_path: Path) -> None:
    drip = dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x")
    with serving(over_tls(endpoint, drip, tmp_path)) as server, ending_in_time():
        answer = send(server, ca=authority.pem, timeout=SHORT_AFTER_HEADERS)

    assert (answer.status, answer.truncated) == (200, True)


def test_a_server_that_never_reads_over_tls_is_a_timeout(authority: Issued, endpoint: Issued, tmp_path: Path) -> None:
    def script(server: Server, _: socket.socket) -> None:
        server.closed.wait(5)

    with (
        serving(over_tls(endpoint, script, tmp_path)) as server,
        pytest.raises(OutboundError) as failed,
        ending_in_time(),
    ):
        url = f"https://127.0.0.1:{server.port}/"
        post(url, b"x" * 20_000_000, {}, policy=LOCAL, ca=authority.pem, timeout=SHORT_AFTER_HEADERS)

    assert failed.value.kind == "timeout"
