"""Servers and resolvers that take their time: every wait ends by the deadline."""

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest

from tests.unit.outbound.conftest import Clock
from tests.unit.outbound.test_post import LOCAL, OK, Server, answering, send, serving
from tocsin import outbound
from tocsin.outbound import OutboundError, Timeout, post
from tocsin.outbound.deadlines import Deadline

SHORT = Timeout(connect=0.2, total=0.2)
"""For what never gets any further: how soon the deadline comes makes no difference."""
LONG = Timeout(connect=30, total=30)
"""Ends by `Clock.expire`, however busy the machine is."""
DROPS = 1_500
"""Half a minute of them: whoever waits for the last one has no deadline."""


def dripping(start: bytes, drop: bytes, clock: Clock) -> Callable[[Server, socket.socket], None]:
    """Read the request, send `start`, then `drop` again and again; the deadline passes after a few of them."""

    def script(server: Server, connection: socket.socket) -> None:
        server.read_request(connection)
        connection.sendall(start)
        for sent in range(DROPS):
            if server.closed.wait(0.02):
                break
            connection.sendall(drop)
            if sent == 3:
                clock.expire()

    return script


def silent(server: Server, connection: socket.socket) -> None:
    server.read_request(connection)
    server.closed.wait(120)


def test_a_server_that_says_nothing_is_a_timeout() -> None:
    with serving(silent) as server, pytest.raises(OutboundError) as failed:
        send(server, timeout=SHORT)

    assert failed.value.kind == "timeout"


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["a status", "a header", "headers", "interim answers"],
)
def test_a_server_that_drips_and_never_finishes_its_headers_is_a_timeout(
    start: bytes, drop: bytes, clock: Clock
) -> None:
    with serving(dripping(start, drop, clock)) as server, pytest.raises(OutboundError) as failed:
        send(server, timeout=LONG)

    assert (failed.value.kind, "within 30 s" in str(failed.value)) == ("timeout", True)


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
)
def test_a_server_that_drips_its_body_has_answered_and_is_cut_off(head: bytes, drop: bytes, clock: Clock) -> None:
    with serving(dripping(head, drop, clock)) as server:
        answer = send(server, timeout=LONG)

    assert (answer.status, answer.truncated) == (200, True)
    assert set(answer.body) == set(b"x")


def test_a_server_that_never_reads_is_a_timeout() -> None:
    def script(server: Server, _: socket.socket) -> None:
        server.closed.wait(120)

    with serving(script) as server, pytest.raises(OutboundError) as failed:
        send(server, b"x" * 20_000_000, timeout=SHORT)

    assert failed.value.kind == "timeout"


def test_a_server_that_never_accepts_is_a_timeout() -> None:
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        for _ in range(3):  # fill the queue, so that the kernel answers nobody any more
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())

        with pytest.raises(OutboundError) as failed:
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"", {}, policy=LOCAL, timeout=SHORT)

    assert (failed.value.kind, "did not accept a connection" in str(failed.value)) == ("timeout", True)


def test_a_resolver_that_never_answers_is_a_dns_error() -> None:
    done = threading.Event()

    def hanging(name: str, port: int) -> Sequence[str]:
        done.wait(120)
        return ["127.0.0.1"]

    with pytest.raises(OutboundError) as failed:
        post("http://hooks.example.com/", b"", {}, policy=LOCAL, timeout=SHORT, resolver=hanging)

    done.set()
    assert (failed.value.kind, str(failed.value)) == (
        "dns",
        "hooks.example.com could not be resolved in time",
    )


def test_an_address_that_refuses_gives_way_to_the_next() -> None:
    with serving(answering(OK)) as server:
        url = f"http://hooks.example.com:{server.port}/"
        answer = post(url, b"", {}, policy=LOCAL, resolver=lambda *_: ["127.0.0.2", "127.0.0.1"])

    assert (answer.status, answer.address) == (200, "127.0.0.1")


def test_a_silent_address_leaves_time_for_the_next() -> None:
    given: list[float | None] = []

    def dial(sock: socket.socket, where: tuple[str, int]) -> None:
        given.append(sock.gettimeout())
        raise TimeoutError

    with pytest.raises(OutboundError) as failed:
        post(
            "http://hooks.example.com/",
            b"",
            {},
            policy=LOCAL,
            timeout=Timeout(connect=3, total=15),
            resolver=lambda *_: ["127.0.0.2", "127.0.0.3"],
            dial=dial,
        )

    assert given == [pytest.approx(1.5, abs=0.4), pytest.approx(3, abs=0.4)]
    assert failed.value.kind == "timeout"


def test_no_address_is_dialled_or_named_once_the_time_is_over(clock: Clock) -> None:
    """The fault: the error named an address that nobody had tried."""
    dialled: list[str] = []

    def dial(sock: socket.socket, where: tuple[str, int]) -> None:
        dialled.append(where[0])
        clock.expire()
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(OutboundError) as failed:
        post(
            "http://hooks.example.com/",
            b"",
            {},
            policy=LOCAL,
            timeout=LONG,
            resolver=lambda *_: ["127.0.0.2", "127.0.0.3"],
            dial=dial,
        )

    assert dialled == ["127.0.0.2"]
    assert str(failed.value) == "hooks.example.com (127.0.0.2) port 80 can't be connected to: Connection refused"


def test_a_host_with_many_addresses_is_dialled_a_few_times_only() -> None:
    dialled: list[str] = []

    def dial(sock: socket.socket, where: tuple[str, int]) -> None:
        dialled.append(where[0])
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(OutboundError):
        post(
            "http://hooks.example.com/",
            b"",
            {},
            policy=LOCAL,
            resolver=lambda *_: [f"127.0.0.{n}" for n in range(1, 100)],
            dial=dial,
        )

    assert dialled == ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]


def test_a_deadline_that_has_passed_lets_nobody_wait() -> None:
    with pytest.raises(TimeoutError, match="has passed"):
        Deadline.after(-1).claim()


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'put'"):
        outbound.put  # noqa: B018  (what is asked for is the error)
