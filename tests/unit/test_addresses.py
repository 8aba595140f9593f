"""IP addresses and networks: one address has one spelling."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.addresses import forwarded_address, parse_address, parse_network


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_the_ipv4_address_in_each_spelling(address: IPv4Address) -> None:
    mapped = IPv6Address((0xFFFF << 32) | int(address))

    for text in (str(address), f"::ffff:{address}", f"::FFFF:{address}", mapped.compressed, mapped.exploded):
        assert parse_address(text) == address
        assert parse_network(text) == parse_network(str(address))


@given(st.ip_addresses(v=6))
def test_any_other_address_is_itself_in_each_spelling(address: IPv6Address) -> None:
    if address.ipv4_mapped is None:
        for text in (address.compressed, address.exploded, address.exploded.upper()):
            assert parse_address(text) == address


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_a_network_of_mapped_addresses_is_the_ipv4_network(address: IPv4Address, length: int) -> None:
    assert parse_network(f"::ffff:{address}/{96 + length}") == parse_network(f"{address}/{length}")


def test_a_network_that_holds_more_than_mapped_addresses_stays_what_it_is() -> None:
    assert str(parse_network("::/0")) == "::/0"
    assert str(parse_network("::ffff:0:0/95")) == "::fffe:0:0/95"


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.1/8", "fe80::1%eth0", "::1%", "localhost", " 10.0.0.1"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize("text", ["fe80::1%eth0", "fe80::%eth0/64", "10.0.0.1/33", "x"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_network(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_a_hop_is_read_as_proxies_write_it(address: IPv4Address | IPv6Address, port: int) -> None:
    wanted = parse_address(str(address))
    bracketed = f"[{address}]" if address.version == 6 else str(address)

    for text in (str(address), bracketed, f"{bracketed}:{port}", f'"{bracketed}:{port}"', f" {bracketed} "):
        assert forwarded_address(text) == wanted
