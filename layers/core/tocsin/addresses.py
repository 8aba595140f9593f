"""IP addresses and networks as people and proxies write them. One address has one spelling here.

An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2: `::ffff:10.0.0.1`), as dual-stack sockets give it, is the IPv4
address, and a network of such addresses is the IPv4 network.
"""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

_HOST_AND_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?|([^:]*):[0-9]{1,5}")
_FORWARDED_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;\s]*)', re.IGNORECASE)


def parse_address(text: str) -> Address | None:
    """Return the address; None for what is none, or means something on one machine only (a zone, `fe80::1%eth0`)."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id is not None else address.ipv4_mapped or address
    return address


def parse_network(text: str, *, strict: bool = False) -> Network:
    """Return the network of an address or a CIDR block. ValueError for others; if `strict` also for bits of a host."""
    if "%" in text:
        raise ValueError(f"{text[:60]!r} has a zone, which means something on one machine only")
    network = ipaddress.ip_network(text, strict=strict)
    if isinstance(network, IPv6Network):
        start = network.network_address.ipv4_mapped  # None of a network that holds others too: it begins before them
        if start is not None:
            return IPv4Network((start, network.prefixlen - 96))
    return network


def forwarded_address(text: str) -> Address | None:
    """Return the address of a hop as proxies write it: bare, with a port, in brackets, in quotes. None for others."""
    text = text.strip().strip('"').strip()
    host = _HOST_AND_PORT.fullmatch(text) if text.startswith("[") or text.count(":") == 1 else None
    return parse_address(text if host is None else host[1] or host[2] or "")


def first_forwarded_for(header: str) -> Address | None:
    """Return the address in the first element of a `Forwarded` header (RFC 7239); None where it names none."""
    found = _FORWARDED_FOR.search(header.split(",", 1)[0].strip())
    return None if found is None else forwarded_address(found[1])


def network_of(address: str) -> str:
    """Return what one caller has: an IPv4 address, the /64 of an IPv6 one; any other text as it is."""
    parsed = parse_address(address)
    if parsed is None:
        return address
    return str(parsed) if parsed.version == 4 else str(IPv6Network((int(parsed), 64), strict=False))
