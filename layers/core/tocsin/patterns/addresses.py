"""Reading IP addresses as event-ruler reads them.

It takes four decimal numbers, leading zeros allowed and meaning nothing, or hexadecimal IPv6 without a
zone; an IPv4-mapped IPv6 address (::ffff:a00:1) is the IPv4 address. Source: aws/event-ruler, CIDR, which
looks at the text with two expressions and leaves the rest to Java's InetAddress. Beyond it, such an address may have
its last 32 bits as four decimal numbers (::ffff:10.0.0.1), as sockets spell it.
"""

from __future__ import annotations

import ipaddress
import re
from socket import AF_INET, inet_pton
from typing import NamedTuple

_IPV4 = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,10}){3}")
_IPV6 = re.compile(r"[0-9a-fA-F:]{2,39}")
_MAPPED_DOTTED = re.compile(r"[0:]{2,30}[fF]{4}:[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_MAPPED = 0xFFFF << 32


class Address(NamedTuple):
    """An IP address: 4 or 6, and the address as a number."""

    version: int
    number: int

    @property
    def bits(self) -> int:
        """How many bits an address of this version has."""
        return 32 if self.version == 4 else 128


def parse(text: str) -> Address | None:
    """The address that a text spells, or None where it spells none."""
    if _IPV4.fullmatch(text):
        try:
            # As most spell it: inet_pton takes neither leading zeros nor numbers above 255.
            return Address(4, int.from_bytes(inet_pton(AF_INET, text)))
        except OSError:
            number = 0
        for octet in map(int, text.split(".")):
            if octet > 255:
                return None
            number = number << 8 | octet
        return Address(4, number)
    if ":" not in text or not (_IPV6.fullmatch(text) or _MAPPED_DOTTED.fullmatch(text)):
        return None
    try:
        number = int(ipaddress.IPv6Address(text))
    except ValueError:
        return None
    return Address(4, number & 0xFFFFFFFF) if number & ~0xFFFFFFFF == _MAPPED else Address(6, number)


def parse_block(text: str) -> tuple[Address, int]:
    """The address and the length of a CIDR block such as 10.0.0.0/24, or ValueError saying what is wrong.

    Bits after the length are of no account. AWS refuses blocks of one address (/32 and /128).
    """
    start, slash, mask = text.partition("/")
    if not slash or not mask.isascii() or not mask.isdigit():
        raise ValueError(f"must be an address, a slash and a number of bits, not {text!r}")
    address = parse(start)
    if address is None:
        raise ValueError(f"{start!r} is not an IP address")
    if len(mask) > 3 or int(mask) >= address.bits:
        raise ValueError(
            f"an IPv{address.version} block has at most {address.bits - 1} bits; "
            "for one address give the address itself as the value"
        )
    return address, int(mask)
