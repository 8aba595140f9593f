"""Which addresses count as public, and how the deployer's exceptions are read."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.outbound import OutboundBlocked, OutboundPolicy, addresses
from tocsin.outbound.addresses import why_not_global


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0.1.2.3", "this network"),
        ("10.255.255.255", "private"),
        ("100.64.0.0", "shared address space of carriers, CGNAT"),
        ("100.127.255.255", "shared address space of carriers, CGNAT"),
        ("127.9.9.9", "loopback"),
        ("169.254.169.254", "instance metadata, link-local"),
        ("169.254.170.2", "container credentials, link-local"),
        ("169.254.0.1", "link-local"),
        ("172.16.0.0", "private"),
        ("192.0.0.8", "IETF protocol assignments"),
        ("192.0.0.9", "IETF protocol assignments"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "6to4 relay"),
        ("192.168.0.1", "private"),
        ("198.19.255.255", "benchmarking"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("224.0.0.251", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::ffff:8.8.8.8", "IPv4-mapped"),
        ("::8.8.8.8", "IPv4-compatible"),
        ("::ffff:0:8.8.8.8", "not assigned for global unicast"),
        ("64:ff9b::808:808", "NAT64"),
        ("64:ff9b:1:2::1", "local NAT64"),
        ("100::1", "discard"),
        ("2001::1", "Teredo"),
        ("2001:2::1", "IETF protocol assignments"),
        ("2001:20::1", "IETF protocol assignments"),
        ("2001:db8::1", "documentation"),
        ("2002:808:808::1", "6to4"),
        ("3fff:fff::1", "documentation"),
        ("4000::1", "not assigned for global unicast"),
        ("5f00::1", "segment routing"),
        ("fc00::1", "unique local"),
        ("fd00:ec2::254", "instance metadata, unique local"),
        ("fe80::1", "link-local"),
        ("fe80::1%2", "only valid within a zone"),
        ("2606:4700::1111%2", "only valid within a zone"),
        ("fec0::1", "site-local"),
        ("ff0e::1", "multicast"),
    ],
)
def test_a_special_address_is_not_global(address: str, kind: str) -> None:
    assert why_not_global(ip_address(address)) == kind


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2003::1",
        "2606:4700::1111",
        "2a05:d014::1",
    ],
)
def test_an_ordinary_address_is_global(address: str) -> None:
    assert why_not_global(ip_address(address)) is None


@given(st.ip_addresses())
def test_what_python_calls_private_or_special_is_never_global(address: IPv4Address | IPv6Address) -> None:
    special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )

    assert not (special and why_not_global(address) is None)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_one_is_never_global(address: IPv4Address) -> None:
    inside = int(address)
    carriers = [
        IPv6Address(inside),
        IPv6Address(0xFFFF << 32 | inside),
        IPv6Address(int(IPv6Address("64:ff9b::")) | inside),
        IPv6Address(int(IPv6Address("2002::")) | inside << 80),
        IPv6Address(int(IPv6Address("2001::")) | (inside ^ 0xFFFFFFFF)),
    ]

    assert all(why_not_global(carrier) for carrier in carriers)


def test_an_allowed_network_lets_its_addresses_through() -> None:
    policy = OutboundPolicy(allow_cidrs=(ip_network("127.0.0.0/8"), ip_network("fd12::/48")))

    policy.check_address(ip_address("127.0.0.1"), "127.0.0.1")
    policy.check_address(ip_address("fd12::7"), "fd12::7")


@pytest.mark.parametrize("address", ["fe80::1%2", "::ffff:127.0.0.1", "10.0.0.1", "fd13::1"])
def test_an_allowed_network_lets_nothing_else_through(address: str) -> None:
    policy = OutboundPolicy(allow_cidrs=(ip_network("127.0.0.0/8"), ip_network("fe80::/10"), ip_network("fd12::/48")))

    with pytest.raises(OutboundBlocked) as refused:
        policy.check_address(ip_address(address), "hooks.example.com")

    assert refused.value.reason == "address_not_global"
    assert address in str(refused.value)


def test_deploy_parameters_are_read() -> None:
    policy = OutboundPolicy.parse(allow_http=True, ports="80, 8443,", allow_cidrs="10.1.0.0/16, fd12::/48")

    assert policy == OutboundPolicy(
        allow_http=True,
        ports=frozenset({80, 443, 8443}),
        allow_cidrs=(ip_network("10.1.0.0/16"), ip_network("fd12::/48")),
    )


def test_without_deploy_parameters_the_policy_is_the_strictest() -> None:
    assert OutboundPolicy.parse() == OutboundPolicy(allow_http=False, ports=frozenset({443}), allow_cidrs=())


def test_an_asterisk_allows_any_port() -> None:
    policy = OutboundPolicy.parse(ports="*")

    policy.check_port(49152)
    assert policy.ports is None


@pytest.mark.parametrize(
    ("ports", "cidrs", "part"),
    [
        ("80,http", "", "'http'"),
        ("0", "", "'0'"),
        ("65536", "", "'65536'"),
        ("８０", "", "'８０'"),
        ("", "10.0.0.0/8, 10.0.0.1/8", "10.0.0.1/8"),
        ("", "example.com", "'example.com'"),
    ],
)
def test_a_wrong_deploy_parameter_is_named(ports: str, cidrs: str, part: str) -> None:
    with pytest.raises(ValueError, match=part.replace(".", r"\.")):
        OutboundPolicy.parse(ports=ports, allow_cidrs=cidrs)


def test_an_address_of_no_block_that_we_know_is_asked_about_in_pythons_own_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "_SPECIAL_V4", ())

    assert why_not_global(ip_address("10.0.0.1")) == "not globally reachable"
