"""Answers of the DNS that try to lead inside, and the promise that there is only one answer."""

import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from tests.unit.outbound.test_post import OK, answering, serving
from tocsin.outbound import OutboundBlocked, OutboundError, OutboundPolicy, post

PUBLIC = "93.184.216.34"
WEB = OutboundPolicy(allow_http=True, ports=frozenset({80, 443}))


def no_dial(sock: socket.socket, where: tuple[str, int]) -> None:
    raise AssertionError(f"{where} was dialled")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (["127.0.0.1"], "address_not_global"),
        (["10.0.0.1"], "address_not_global"),
        (["169.254.169.254"], "address_not_global"),
        (["100.64.0.1"], "address_not_global"),
        (["0.0.0.0"], "address_not_global"),
        ([PUBLIC, "10.0.0.1"], "address_not_global"),
        (["192.168.0.1", PUBLIC], "address_not_global"),
        ([PUBLIC, "::1"], "address_not_global"),
        (["2606:4700::1111", "fd00:ec2::254"], "address_not_global"),
        (["::1"], "address_not_global"),
        (["::"], "address_not_global"),
        (["::ffff:127.0.0.1"], "address_not_global"),
        (["::ffff:a9fe:a9fe"], "address_not_global"),
        (["::7f00:1"], "address_not_global"),
        (["64:ff9b::a9fe:a9fe"], "address_not_global"),
        (["64:ff9b:1::1"], "address_not_global"),
        (["2002:a9fe:a9fe::1"], "address_not_global"),
        (["2001:0:53aa:64c::1"], "address_not_global"),
        (["fe80::1"], "address_not_global"),
        (["fe80::1%eth0"], "address_not_global"),
        (["2606:4700::1111%eth0"], "address_not_global"),
        (["ff02::1"], "address_not_global"),
        (["fc00::1"], "address_not_global"),
        (["224.0.0.1"], "address_not_global"),
        ([], "bad_answer"),
        ([""], "bad_answer"),
        ([PUBLIC, ""], "bad_answer"),
        (["internal.example.com"], "bad_answer"),
        (["2130706433"], "bad_answer"),
        (["0177.0.0.1"], "bad_answer"),
        (["127.1"], "bad_answer"),
        ([f"{PUBLIC}/24"], "bad_answer"),
        ([f" {PUBLIC}"], "bad_answer"),
    ],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_hostile_answer_is_refused_and_nothing_is_dialled(answer: list[str], reason: str, scheme: str) -> None:
    with pytest.raises(OutboundBlocked) as refused:
        post(f"{scheme}://hooks.example.com/", b"", {}, policy=WEB, resolver=lambda *_: answer, dial=no_dial)

    assert refused.value.reason == reason
    assert str(refused.value).startswith("hooks.example.com resolves to ")


def test_a_refused_answer_names_the_address_and_its_kind() -> None:
    with pytest.raises(OutboundBlocked) as refused:
        post("https://hooks.example.com/x?y", b"", {}, resolver=lambda *_: [PUBLIC, "10.1.2.3"], dial=no_dial)

    assert str(refused.value) == "hooks.example.com resolves to 10.1.2.3, which is not a public address (private)"


def test_a_name_that_changes_its_answer_is_asked_once_and_dialled_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["169.254.169.254"]])
    asked: list[tuple[str, int]] = []
    dialled: list[tuple[str, int]] = []

    def rebinding(name: str, port: int) -> Sequence[str]:
        asked.append((name, port))
        return next(answers)

    def dial(sock: socket.socket, where: tuple[str, int]) -> None:
        dialled.append(where)
        sock.connect(("127.0.0.1", server.port))  # stands in for the public address

    def no_getaddrinfo(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"looked up again: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", no_getaddrinfo)
    with serving(answering(OK)) as server:
        answer = post("http://rebind.example.com/", b"", {}, policy=WEB, resolver=rebinding, dial=dial)

    assert (asked, dialled) == ([("rebind.example.com", 80)], [(PUBLIC, 80)])
    assert answer.address == PUBLIC
    assert b"\r\nHost: rebind.example.com\r\n" in server.requests[0]


def test_a_name_that_is_an_alias_of_a_private_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(name: str, port: int, **_: object) -> list[tuple[object, ...]]:
        alias = "ip-10-0-0-5.ec2.internal"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, alias, ("10.0.0.5", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(OutboundBlocked) as refused:
        post("https://alias.example.com/", b"", {}, dial=no_dial)

    assert refused.value.reason == "address_not_global"


def test_ipv6_answers_of_the_system_are_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(name: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%eth0", port, 0, 2)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(OutboundBlocked) as refused:
        post("https://dual.example.com/", b"", {}, dial=no_dial)

    assert "fe80::1%eth0" in str(refused.value)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://example.com/", "example.com"),
        ("https://EXAMPLE.com./", "example.com."),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://ｅｘａｍｐｌｅ。com/", "example.com"),
    ],
)
def test_the_resolver_is_asked_for_the_plain_name(url: str, asked: str) -> None:
    names: list[str] = []

    def resolver(name: str, port: int) -> Sequence[str]:
        names.append(name)
        return ["10.0.0.1"]

    with pytest.raises(OutboundBlocked):
        post(url, b"", {}, resolver=resolver, dial=no_dial)

    assert names == [asked]


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        OSError("no resolver"),
        UnicodeError("label too long"),
    ],
)
def test_a_resolver_that_fails_is_a_dns_error_and_nothing_is_dialled(error: Exception) -> None:
    def failing(name: str, port: int) -> Sequence[str]:
        raise error

    with pytest.raises(OutboundError) as failed:
        post("https://hooks.example.com/x?y", b"", {}, resolver=failing, dial=no_dial)

    assert failed.value.kind == "dns"
    assert str(failed.value).startswith("hooks.example.com could not be resolved: ")


def test_a_fault_in_a_resolver_is_not_hidden() -> None:
    def broken(name: str, port: int) -> Sequence[str]:
        raise KeyError(name)

    with pytest.raises(KeyError):
        post("https://hooks.example.com/", b"", {}, resolver=broken, dial=no_dial)


def test_an_address_in_the_url_is_not_looked_up() -> None:
    dialled: list[tuple[str, int]] = []

    def no_resolver(name: str, port: int) -> Sequence[str]:
        raise AssertionError(f"{name} was looked up")

    def dial(sock: socket.socket, where: tuple[str, int]) -> None:
        dialled.append(where)
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(OutboundError):
        post(f"http://{PUBLIC}./", b"", {}, policy=WEB, resolver=no_resolver, dial=dial)

    assert dialled == [(PUBLIC, 80)]


def test_an_ipv6_address_is_dialled_with_its_family() -> None:
    families: list[socket.AddressFamily] = []

    def dial(sock: socket.socket, where: tuple[str, int]) -> None:
        families.append(sock.family)
        raise OSError(101, "Network is unreachable")

    with pytest.raises(OutboundError) as failed:
        post("http://[2606:4700::1111]/", b"", {}, policy=WEB, dial=dial)

    assert families == [socket.AF_INET6]
    assert (failed.value.kind, "Network is unreachable" in str(failed.value)) == ("connect", True)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
def test_an_ipv6_address_stands_in_brackets_in_the_host_header() -> None:
    def dial(sock: socket.socket, where: tuple[str, int]) -> None:
        sock.connect(("::ffff:127.0.0.1", server.port))  # stands in for the public address

    with serving(answering(OK)) as server:
        answer = post("http://[2606:4700:0:0::1111]/", b"", {}, policy=WEB, dial=dial)

    assert answer.address == "2606:4700::1111"
    assert b"\r\nHost: [2606:4700::1111]\r\n" in server.requests[0]


def test_an_allowed_network_is_reached_by_name() -> None:
    policy = OutboundPolicy(allow_http=True, ports=None, allow_cidrs=(ip_network("127.0.0.0/8"),))
    with serving(answering(OK)) as server:
        url = f"http://receiver.internal:{server.port}/"
        answer = post(url, b"", {}, policy=policy, resolver=lambda *_: ["127.0.0.1"])

    assert answer.address == "127.0.0.1"
