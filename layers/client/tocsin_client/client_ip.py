"""Whose address a request came from, behind a number of proxies that are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

UNDETERMINED = "255.255.255.255"
"""Where no address can be told."""

_MOST_HOPS = 64


def client_ip(forwarded_for: str, peer: str | None, trusted_proxies: int) -> str:
    """The address of the client, in its usual form.

    `peer` is who opened the connection to this process. Each proxy adds the one that it was called by to the end of
    X-Forwarded-For, so behind n of one's own the client is the n-th from the end; what stands before that was sent by
    the client, who can write what it likes. A request that has not come through that many came from `peer`.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",")[-_MOST_HOPS:]] if forwarded_for.strip() else []
    if 0 < trusted_proxies <= len(hops):
        return address(hops[-trusted_proxies]) or UNDETERMINED
    return address(peer or "") or UNDETERMINED


def gateway_client_ip(forwarded_for: str, peer: str | None, trusted_proxies: int) -> str:
    """As `client_ip`, of a request that AWS hands over: its gateway has put its own peer into X-Forwarded-For too."""
    hops = [hop.strip() for hop in forwarded_for.split(",")[-_MOST_HOPS:]] if forwarded_for.strip() else []
    if peer in hops:  # an edge-optimized REST API names its own CloudFront behind it
        hops = _before_last(hops, peer)
    elif peer is None and hops:
        peer = hops.pop()
    return client_ip(",".join(hops), peer, trusted_proxies)


def address(text: str) -> str | None:
    """An IP address as text, without a port or a zone, IPv4 where it is an IPv4-mapped IPv6 one; None for others."""
    text = text.strip().strip('"')
    if text.startswith("["):  # [::1]:8080
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 10.0.0.1:8080
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def _before_last(hops: Sequence[str], peer: str | None) -> list[str]:
    last = len(hops) - 1 - [*reversed(hops)].index(str(peer))
    return list(hops[:last])
