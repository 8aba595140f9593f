"""Handshakes that fail or never end, and the deadline over TLS."""

import socket
from pathlib import Path

import pytest

from tests.unit.outbound.conftest import Clock
from tests.unit.outbound.test_deadlines import DROPS, LONG, SHORT, dripping, silent
from tests.unit.outbound.test_post import LOCAL, Server, serving
from tests.unit.outbound.test_tls import Issued, issue, over_tls, send
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
        server.closed.wait(120)

    with serving(script) as server, pytest.raises(OutboundError) as failed:
        send(server, ca=authority.pem, timeout=SHORT)

    assert (failed.value.kind, "TLS handshake" in str(failed.value)) == ("timeout", True)


def test_a_handshake_that_drips_is_a_timeout(authority: Issued) -> None:
    def script(server: Server, connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"\x16\x03\x03\x40\x00\x02")
        for _ in range(DROPS):
            if server.closed.wait(0.02):
                break
            connection.sendall(b"\x00")

    with serving(script) as server, pytest.raises(OutboundError) as failed:
        send(server, ca=authority.pem, timeout=SHORT)

    assert failed.value.kind == "timeout"


def test_a_server_that_says_nothing_over_tls_is_a_timeout(authority: Issued, endpoint: Issued, tmp_path: Path) -> None:
    with serving(over_tls(endpoint, silent, tmp_path)) as server, pytest.raises(OutboundError) as failed:
        send(server, ca=authority.pem, timeout=SHORT)

    assert failed.value.kind == "timeout"


@pytest.mark.parametrize("drop", [b"X", b"X: y\r\n"], ids=["a header", "headers"])
def test_the_deadline_holds_over_tls(
    drop: bytes, authority: Issued, endpoint: Issued, tmp_path: Path, clock: Clock
) -> None:
    drip = dripping(b"HTTP/1.1 200 OK\r\n", drop, clock)
    with serving(over_tls(endpoint, drip, tmp_path)) as server, pytest.raises(OutboundError) as failed:
        send(server, ca=authority.pem, timeout=LONG)

    assert (failed.value.kind, "within 30 s" in str(failed.value)) == ("timeout", True)


def test_a_body_that_drips_over_tls_is_cut_off(
    authority: Issued, endpoint: Issued, tmp_path: Path, clock: Clock
) -> None:
    drip = dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x", clock)
    with serving(over_tls(endpoint, drip, tmp_path)) as server:
        answer = send(server, ca=authority.pem, timeout=LONG)

    assert (answer.status, answer.truncated) == (200, True)


def test_a_server_that_never_reads_over_tls_is_a_timeout(authority: Issued, endpoint: Issued, tmp_path: Path) -> None:
    def script(server: Server, _: socket.socket) -> None:
        server.closed.wait(120)

    with serving(over_tls(endpoint, script, tmp_path)) as server, pytest.raises(OutboundError) as failed:
        url = f"https://127.0.0.1:{server.port}/"
        post(url, b"x" * 20_000_000, {}, policy=LOCAL, ca=authority.pem, timeout=SHORT)

    assert failed.value.kind == "timeout"
