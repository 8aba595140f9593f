"""Taking a customer's URL apart, strictly, before anything is looked up.

Parsers of URLs disagree on blanks, backslashes, user info, percent signs in hosts and numbers in hosts, and
each disagreement has been somebody's way around a guard. Here only the plain form passes, and what goes out
later (the name that is resolved, the Host header, the TLS server name) is made from the parts found here,
not from the URL's text.
"""

import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import NoReturn

from tocsin.outbound.addresses import Address, OutboundPolicy
from tocsin.outbound.errors import BlockReason, OutboundBlocked
from tocsin.outbound.hosts import ascii_host
from tocsin.records import dataclass

MAX_URL = 4096
"""Characters in a URL, at most."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PARTS = re.compile(r"[A-Za-z]+://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?")
_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{1,5}))?")
# Underscores are not for host names (RFC 1123), but they are out there, and mean one thing to every parser.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# A name that ends so is taken for an IPv4 address by inet_aton and by browsers (WHATWG URL, "ends in a
# number").
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_ANY = OutboundPolicy(allow_http=True, ports=None, allow_cidrs=(ip_network("0.0.0.0/0"), ip_network("::/0")))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: what to look up, what to connect to and what to say there.

    `host` is a name in lower-case A-labels without a trailing dot, or an address without brackets.
    `lookup` is the same as the resolver is asked for it: with the trailing dot that the URL gave.
    `address` is set where the URL names an address instead of a host.
    `path` holds the query too.
    """

    scheme: str
    host: str
    port: int
    path: str
    lookup: str
    address: Address | None

    @property
    def url(self) -> str:
        """The URL that is requested, made from the parts."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def check_url(url: str, policy: OutboundPolicy) -> None:
    """Refuse a URL as far as that is possible without asking the DNS: for when a transport is saved.

    Raises OutboundBlocked, with the same reasons as sending to it would give.
    """
    parse(url, policy)


def origin_of(url: str) -> str:
    """Where a URL leads: `scheme://host:port` in one spelling, whether or not a policy would allow it.

    A URL that has no plain form is its own origin, so no two of those are the same place.
    """
    try:
        target = parse(url, _ANY)
    except OutboundBlocked:
        return url
    return replace(target, path="").url


def parse(url: str, policy: OutboundPolicy) -> Target:
    """Take a URL apart, and check everything about it that needs no DNS.

    Raises OutboundBlocked: "bad_url", "scheme", "userinfo", "bad_host", "own_host", "port", or "address_not_global"
    where the host is an address, or a name that always stands for this machine.
    """
    if not 0 < len(url) <= MAX_URL:
        _refuse("bad_url", f"the URL must have 1 to {MAX_URL} characters")
    if any(char.isspace() or char == "\\" or not char.isprintable() for char in url):
        _refuse("bad_url", "the URL has a blank, a backslash, or a control or invisible character in it")
    scheme = _scheme(url, policy)
    parts = _PARTS.fullmatch(url)
    if parts is None or not parts["authority"]:
        _refuse("bad_url", f"the URL must begin with {scheme}:// and a host")
    if "@" in parts["authority"]:
        _refuse("userinfo", "the URL has a user name or password before the host")
    place = _HOST_AND_PORT.fullmatch(parts["authority"])
    if place is None:
        _refuse("bad_url", "what follows :// must be a host, and perhaps a colon and a port number")
    lookup, address = _v6(place["v6"]) if place["v6"] is not None else _name(place["name"])
    port = int(place["port"]) if place["port"] else _DEFAULT_PORTS[scheme]
    if not 1 <= port <= 65535:
        _refuse("bad_url", "the port must be a number from 1 to 65535")
    policy.check_port(port)
    host = lookup.removesuffix(".")
    policy.check_host(host)
    for known in (address,) if address else _loopback(host):
        policy.check_address(known, host)
    path = (parts["path"] or "/") + (parts["query"] or "")
    return Target(scheme, host, port, path, lookup, address)


def _scheme(url: str, policy: OutboundPolicy) -> str:
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    if scheme != "https" and not (scheme == "http" and policy.allow_http):
        allowed = "https:// or http://" if policy.allow_http else "https://"
        _refuse("scheme", f"the URL must begin with {allowed}")
    return scheme


def _v6(text: str) -> tuple[str, Address]:
    if "%" in text:
        _refuse("bad_host", "an IPv6 address with a zone is valid on one machine only")
    try:
        address = IPv6Address(text)
    except ValueError:
        _refuse("bad_host", "what stands in the brackets is not an IPv6 address")
    return str(address), address


def _name(text: str) -> tuple[str, Address | None]:
    try:
        name = ascii_host(text)
    except ValueError:
        _refuse("bad_host", "the host is not a valid international host name")
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse("bad_host", "the host is not a valid host name")
    if not _NUMBER.fullmatch(labels[-1]):
        return name, None
    try:
        address = IPv4Address(name.removesuffix("."))
    except ValueError:
        _refuse("bad_host", "an IPv4 address must be written as four decimal numbers without leading zeros")
    return str(address), address


def _loopback(host: str) -> tuple[Address, ...]:
    # RFC 6761, section 6.3: these names never leave the machine, so there is no need to ask.
    if host == "localhost" or host.endswith(".localhost"):
        return (IPv4Address("127.0.0.1"),)
    return ()


def _refuse(reason: BlockReason, text: str) -> NoReturn:
    raise OutboundBlocked(reason, text)
