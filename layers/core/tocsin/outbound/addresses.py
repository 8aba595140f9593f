"""Which addresses may be connected to: global unicast ones, and those that the deployer allows.

The special blocks and their names are those of the IANA IPv4 and IPv6 Special-Purpose Address Registries
(RFC 6890, RFC 8190) and of the IPv4 and IPv6 multicast registries. `ipaddress.is_global` alone would not do:
it takes multicast, site-local, 6to4 and NAT64 addresses for global ones. It is asked last all the same, so
that a block that Python learns about is refused here too.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self

from tocsin.outbound.errors import OutboundBlocked
from tocsin.records import dataclass

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

# The narrow blocks stand before the wide ones that hold them: the first that matches gives the name.
_SPECIAL_V4 = tuple(
    (IPv4Network(block), name)
    for block, name in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared address space of carriers, CGNAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.169.254/32", "instance metadata, link-local"),
        ("169.254.170.2/32", "container credentials, link-local"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "IETF protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_SPECIAL_V6 = tuple(
    (IPv6Network(block), name)
    for block, name in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard"),
        ("2001::/32", "Teredo"),
        ("2001::/23", "IETF protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fd00:ec2::254/128", "instance metadata, unique local"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
# All that IANA has given out for global unicast (its IPv6 address space registry).
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")


def why_not_global(address: Address) -> str | None:
    """Say what kind of special address this is, or None when it is an ordinary global unicast address.

    An IPv6 address that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) is special
    whatever it carries: which IPv4 host it would reach is for a gateway to decide, not for us to check.
    """
    if isinstance(address, IPv4Address):
        special = next((name for block, name in _SPECIAL_V4 if address in block), None)
    elif address.scope_id is not None:
        special = "only valid within a zone"
    else:
        special = next((name for block, name in _SPECIAL_V6 if address in block), None)
        if special is None and address not in _GLOBAL_UNICAST_V6:
            special = "not assigned for global unicast"
    if special is None and not address.is_global:
        special = "not globally reachable"
    return special


@dataclass(frozen=True, slots=True)
class OutboundPolicy:
    """What the deployer lets customers' URLs reach. The default is the strictest.

    `allow_http`: plain http too. Port 80, its default, must then be among `ports`.
    `ports`: the ports that may be named, for every address alike, or None for any.
    `allow_cidrs`: addresses that are allowed although they are not global. They open no port: a deployer who
    allows 10.0.0.0/8 for a webhook receiver has not allowed Redis on it. A local stack, whose servers listen
    where they can, sets `allow_http=True, ports=None, allow_cidrs=(ip_network("127.0.0.0/8"),)`.
    """

    allow_http: bool = False
    ports: frozenset[int] | None = frozenset({443})
    allow_cidrs: tuple[Network, ...] = ()
    own_hosts: frozenset[str] = frozenset()
    """Hosts that are this deployment itself: a webhook that posts to them feeds itself."""

    @classmethod
    def parse(cls, *, allow_http: bool = False, ports: str = "", allow_cidrs: str = "", own_hosts: str = "") -> Self:
        """Read deploy parameters: `ports` "8443, 9443" (443 is always added) or "*", `allow_cidrs`
        "10.1.0.0/16, fd12::/48"; `own_hosts` "abc.execute-api.eu-central-1.amazonaws.com, tocsin.example.com".

        Raises ValueError, which names the part that is wrong.
        """
        return cls(
            allow_http=allow_http,
            ports=None if ports.strip() == "*" else frozenset({443, *map(_port, _split(ports))}),
            allow_cidrs=tuple(ip_network(cidr) for cidr in _split(allow_cidrs)),
            own_hosts=frozenset(host.lower() for host in _split(own_hosts)),
        )

    def check_host(self, host: str) -> None:
        """Raise OutboundBlocked "own_host" for a host, in lower case without a trailing dot, that is our own."""
        if host in self.own_hosts:
            raise OutboundBlocked("own_host", f"{host} is this Tocsin itself, which would tell itself without end")

    def check_port(self, port: int) -> None:
        """Raise OutboundBlocked "port" unless this port (1 to 65535) may be connected to."""
        if self.ports is not None and port not in self.ports:
            allowed = ", ".join(map(str, sorted(self.ports)))
            raise OutboundBlocked("port", f"port {port} is not among the allowed ports ({allowed})")

    def check_address(self, address: Address, name: str) -> None:
        """Raise OutboundBlocked "address_not_global" unless this address of host `name` may be reached."""
        kind = why_not_global(address)
        if kind is None or self._listed(address):
            return
        what = f"{address}" if name == str(address) else f"{name} resolves to {address}, which"
        raise OutboundBlocked("address_not_global", f"{what} is not a public address ({kind})")

    def _listed(self, address: Address) -> bool:
        # `in` ignores the zone, and the same fe80:: address is another machine in another zone.
        scoped = isinstance(address, IPv6Address) and address.scope_id is not None
        return not scoped and any(address in block for block in self.allow_cidrs)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise ValueError(f"port {text!r} is not a number from 1 to 65535")
    return int(text)
